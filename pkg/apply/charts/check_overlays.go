package charts

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"istio.io/istio/operator/pkg/tpath"
	"istio.io/istio/operator/pkg/util"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"
)

// A patched is a component whose k8s section has overlays.
type patched struct {
	component string // as in [Object]
	path      string // of the k8s section
	overlays  []any
}

// overlays applies every patch of every k8s.overlays to what is rendered
// without them, and reports those that hit nothing: the upstream renderer drops
// these errors.
func (c *checker) overlays(spec map[string]any) {
	parts := c.takeOverlays(spec)
	if len(parts) == 0 || c.unrenderable {
		return
	}
	namespace, _ := lookup(spec, "values", "global", "istioNamespace").(string)
	if namespace == "" {
		namespace = "istio-system"
	}
	objects, err := renderWhole(namespace, spec)
	if err != nil {
		err = blamed(err, spec, func(other map[string]any) error { _, err := renderWhole(namespace, other); return err })
	}
	if e, ok := errors.AsType[*RefusedError](err); ok {
		c.advise(e.Path, e.Hint, "%s", e.Sentence())
		return
	}
	if err != nil {
		c.advise("spec", "", "%v", err)
		return
	}
	for _, part := range parts {
		for i, overlay := range part.overlays {
			if overlay, ok := overlay.(map[string]any); ok {
				c.overlay(itemPath(part.path+".overlays", i, overlay), overlay, part.component, objects)
			}
		}
	}
}

// takeOverlays removes the overlays of all components that are not disabled,
// and reports the settings of a k8s section that the renderer has no use for.
func (c *checker) takeOverlays(spec map[string]any) []patched {
	var out []patched
	take := func(path, component string, entry any) {
		m, _ := entry.(map[string]any)
		k8s, _ := m["k8s"].(map[string]any)
		if k8s == nil || m["enabled"] == false {
			return
		}
		for _, key := range []string{"volumes", "volumeMounts"} {
			if k8s[key] != nil {
				c.advise(path+".k8s."+key, "write it as a patch, in k8s.overlays", "has no effect in Istio %s", Release)
			}
		}
		if overlays, _ := k8s["overlays"].([]any); len(overlays) > 0 {
			out = append(out, patched{component: component, path: path + ".k8s", overlays: overlays})
		}
		delete(k8s, "overlays")
	}
	for _, key := range []string{"base", "pilot", "cni", "ztunnel"} {
		take("spec.components."+key, key, lookup(spec, "components", key))
	}
	for _, key := range []string{"ingressGateways", "egressGateways"} {
		list, _ := lookup(spec, "components", key).([]any)
		for i, entry := range list {
			name, _ := lookup(map[string]any{"": entry}, "", "name").(string)
			take(itemPath("spec.components."+key, i, entry), gatewayKinds[key]+":"+name, entry)
		}
	}
	return out
}

var gatewayKinds = map[string]string{"ingressGateways": "ingressgateway", "egressGateways": "egressgateway"}

// renderWhole renders everything, the base chart only if nothing else will do,
// and leaves in what [undeclare] takes out: overlays are applied before.
func renderWhole(namespace string, spec map[string]any) (_ []Object, err error) {
	defer recovered(&err)
	full, err := newInput(namespace, spec)
	if err != nil {
		return nil, err
	}
	main, eastWest := full.split()
	main.takeBase()
	var out []Object
	for _, in := range []*input{main, eastWest} {
		if in == nil {
			continue
		}
		sets, err := in.manifests()
		if err != nil {
			return nil, err
		}
		out = append(out, classify(sets)...)
	}
	return out, nil
}

// overlay checks one overlay of a component.
func (c *checker) overlay(path string, overlay map[string]any, component string, objects []Object) {
	kind, _ := overlay["kind"].(string)
	name, _ := overlay["name"].(string)
	found := false
	for _, o := range objects {
		if o.Component != component || o.GetKind() != kind || o.GetName() != name {
			continue
		}
		found = true
		patches, _ := overlay["patches"].([]any)
		tree := loosen(o.Object)
		known := unknownFields(o, tree)
		for i, p := range patches {
			p, _ := p.(map[string]any)
			at := fmt.Sprintf("%s.patches[%d]", path, i)
			if err := patch(tree, p); err != nil {
				c.advise(at, patchHint(p), "%v", err)
				continue
			}
			after := unknownFields(o, tree)
			if after != "" && after != known {
				c.advise(at, "write value as the API of a "+kind+" has it: kubectl explain "+kind, "gives an invalid %s: %s", kind, after)
			}
			known = after
		}
	}
	if !found {
		c.advise(path, overlayHint(kind, name, component, objects), "there is no %s %q in %s", kind, name, component)
	}
}

// patchHint is what to do about a patch that hits nothing.
func patchHint(p map[string]any) string {
	if path, _ := p["path"].(string); strings.Contains(path, "workload-socket") {
		return "the gateway's containers come from the injector: annotate its pods with inject.istio.io/templates: gateway,spire"
	}
	return "setup-mesh render shows what is there"
}

// overlayHint is what to do about an overlay for an object that is not there.
func overlayHint(kind, name, component string, objects []Object) string {
	if name == "istio-pilot" {
		return "write istiod, which is its name today"
	}
	var there []string
	for _, o := range objects {
		if o.Component == component && o.GetKind() == kind {
			there = append(there, o.GetName())
		}
	}
	switch {
	case len(there) > 0:
		return "it has " + strings.Join(there, ", ")
	case kind == "PodDisruptionBudget":
		return "it is made for two replicas or more: write hpaSpec: {minReplicas: 2}"
	}
	return "take it out"
}

// patch applies one patch to tree as the renderer does, but fails where that
// would go on.
func patch(tree any, p map[string]any) error {
	text, _ := p["path"].(string)
	path := util.PathFromString(text)
	before := tighten(tree)
	if p["value"] == nil {
		if _, _, err := tpath.GetPathContext(loosen(before), path, false); err != nil {
			return fmt.Errorf("there is nothing to delete at %q", text)
		}
	}
	at, _, err := tpath.GetPathContext(tree, path, true)
	if err != nil {
		return fmt.Errorf("there is no %q: %w", text, err)
	}
	if err := tpath.WritePathContext(at, p["value"]); err != nil {
		return fmt.Errorf("write %q: %w", text, err)
	}
	if p["value"] == nil && reflect.DeepEqual(before, tighten(tree)) {
		return fmt.Errorf("there is nothing to delete at %q", text)
	}
	return nil
}

// unknownFields says what of tree the type of o does not have, or "" when all
// is well or the type is not built in.
func unknownFields(o Object, tree any) string {
	typed, err := scheme.Scheme.New(o.GroupVersionKind())
	if err != nil {
		return ""
	}
	document, err := json.Marshal(tighten(tree))
	if err != nil {
		return err.Error()
	}
	strict, err := kjson.UnmarshalStrict(document, typed)
	switch {
	case err != nil:
		return err.Error()
	case len(strict) > 0:
		return strict[0].Error()
	}
	return ""
}

// loosen makes the maps of a tree map[any]any, which is what package tpath can
// both read and write.
func loosen(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[any]any, len(v))
		for key, child := range v {
			out[key] = loosen(child)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = loosen(child)
		}
		return out
	}
	return v
}

// tighten undoes loosen, also in what package tpath put in.
func tighten(v any) any {
	switch v := v.(type) {
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, child := range v {
			out[fmt.Sprint(key)] = tighten(child)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, child := range v {
			out[key] = tighten(child)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, child := range v {
			out[i] = tighten(child)
		}
		return out
	case *any:
		return tighten(*v)
	}
	return v
}
