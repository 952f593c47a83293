package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// maxEvents is how many events of a namespace are taken, the latest.
const maxEvents = 500

// gather is what there is in one cluster.
func gather(ctx context.Context, s Source, c Contents, hidden *seen) *Bundle {
	b := &Bundle{}
	about := map[string]any{"name": s.Name, "context": s.Context, "namespace": s.Namespace}
	if err := s.Err; err == nil {
		id, err := s.Client.Identity(ctx)
		about["uid"], about["kubernetes"] = id.UID, id.Version
		s.Err = err
	}
	if s.Err != nil {
		about["notReached"] = s.Err.Error()
		b.miss("not reached: %v", s.Err)
	}
	b.json("cluster.json", about)
	if s.Err != nil {
		return b
	}
	all := kinds()
	found := make([][]*unstructured.Unstructured, len(all))
	missed := make([]error, len(all))
	var g errgroup.Group
	for i, k := range all {
		g.Go(func() error {
			found[i], missed[i] = list(ctx, s, k)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	for i, k := range all {
		hidden.add(found[i])
		b.objects(k, found[i], missed[i])
		switch k.GroupKind {
		case gk("", "ConfigMap"):
			b.configuration(found[i])
		case gk("", "Pod"):
			b.logs(ctx, s, c.Lines, found[i])
		}
	}
	return b
}

// list reads the objects of a kind that a bundle has something of.
func list(ctx context.Context, s Source, k kind) ([]*unstructured.Unstructured, error) {
	namespace := s.Namespace
	if k.everywhere {
		namespace = ""
	}
	all, err := s.Client.List(ctx, k.GroupKind, namespace, "")
	if errors.Is(err, object.ErrNoKind) {
		return nil, nil
	}
	if k.istio != nil {
		all = slices.DeleteFunc(all, func(o *unstructured.Unstructured) bool { return o.GetName() != s.Namespace && !k.istio(o) })
	}
	if k.Kind == "Event" && len(all) > maxEvents {
		slices.SortStableFunc(all, func(a, b *unstructured.Unstructured) int { return strings.Compare(when(b), when(a)) })
		all = all[:maxEvents]
	}
	slices.SortFunc(all, sortObjects)
	return all, err
}

// when an event was last seen.
func when(event *unstructured.Unstructured) string {
	last, _, _ := unstructured.NestedString(event.Object, "lastTimestamp")
	micro, _, _ := unstructured.NestedString(event.Object, "eventTime")
	return cmp.Or(last, micro, event.GetCreationTimestamp().UTC().Format("2006-01-02T15:04:05Z"))
}

// objects adds a file with what is taken of all objects of a kind.
func (b *Bundle) objects(k kind, all []*unstructured.Unstructured, err error) {
	if err != nil {
		b.miss("%s: %v", k.Kind, err)
	}
	if len(all) == 0 {
		return
	}
	var text strings.Builder
	for _, o := range all {
		one, err := yaml.Marshal(takeObject(k, o))
		if err != nil {
			b.miss("%s %s: %v", k.Kind, o.GetName(), err)
			continue
		}
		fmt.Fprintf(&text, "---\n%s", one)
	}
	name := strings.ToLower(k.Kind)
	if k.Kind == "Gateway" { // two groups have one
		name += "." + k.Group
	}
	b.add("objects/"+name+".yaml", []byte(text.String()))
}

// configuration adds what ConfigMaps hold that is worth a file of its own: the record,
// Istio's mesh configuration, and the values that pods are injected with.
func (b *Bundle) configuration(all []*unstructured.Unstructured) {
	for _, o := range all {
		data, _, _ := unstructured.NestedStringMap(o.Object, "data")
		name := o.GetName()
		switch {
		case name == record.Ref("").Name:
			b.yamlText("record.yaml", data["record.json"])
		case name == "istio" || strings.HasPrefix(name, "istio-") && data["mesh"] != "":
			b.yamlText("configuration/"+name+".mesh.yaml", data["mesh"])
			b.yamlText("configuration/"+name+".meshNetworks.yaml", data["meshNetworks"])
		case strings.HasPrefix(name, "istio-sidecar-injector"):
			b.yamlText("configuration/"+name+".values.yaml", data["values"])
		}
	}
}

// yamlText adds a file with a text of YAML or JSON, redacted and in the order of its
// keys; nothing for an empty one.
func (b *Bundle) yamlText(name, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	var v any
	if yaml.Unmarshal([]byte(text), &v) != nil { // its error quotes the text
		b.miss("%s: is not valid YAML", name)
		return
	}
	out, err := yaml.Marshal(redactValue(v))
	if err != nil {
		b.miss("%s: %v", name, err)
		return
	}
	b.add(name, out)
}

// logs adds the end of what istiods have logged, and of what they had before they were
// last started again.
func (b *Bundle) logs(ctx context.Context, s Source, lines int, pods []*unstructured.Unstructured) {
	for _, p := range pods {
		if p.GetLabels()["app"] != "istiod" || lines <= 0 {
			continue
		}
		b.log(ctx, s, p.GetName(), object.LogOptions{Container: "discovery", Lines: lines})
		statuses, _, _ := unstructured.NestedSlice(p.Object, "status", "containerStatuses")
		if slices.ContainsFunc(statuses, restarted) {
			b.log(ctx, s, p.GetName(), object.LogOptions{Container: "discovery", Lines: lines, Previous: true})
		}
	}
}

func restarted(status any) bool {
	m, _ := status.(map[string]any)
	n, _ := m["restartCount"].(int64)
	return n > 0
}

func (b *Bundle) log(ctx context.Context, s Source, pod string, of object.LogOptions) {
	name := "logs/" + pod + ".log"
	if of.Previous {
		name = "logs/" + pod + ".previous.log"
	}
	text, err := s.Client.PodLog(ctx, s.Namespace, pod, of)
	if err != nil {
		b.miss("%s: %v", name, err)
		return
	}
	b.add(name, []byte(redactText(string(text))))
}
