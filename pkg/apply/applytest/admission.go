package applytest

import (
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	createVerb = "CREATE"
	updateVerb = "UPDATE"

	admissionGroup = "admissionregistration.k8s.io"
	// autoImage is what injection replaces, and proxyImage what by.
	autoImage  = "auto"
	proxyImage = "docker.io/istio/proxyv2"
)

var (
	mutatingKind   = schema.GroupKind{Group: admissionGroup, Kind: "MutatingWebhookConfiguration"}
	validatingKind = schema.GroupKind{Group: admissionGroup, Kind: "ValidatingWebhookConfiguration"}
)

// admit asks the webhooks that want to see a write, and returns what they make of
// the object. It does not change o.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
func (c *Cluster) admit(verb string, o Object) (Object, error) {
	ref := object.RefOf(o)
	if ref.Group == admissionGroup {
		return o, nil
	}
	for _, kind := range []schema.GroupKind{mutatingKind, validatingKind} {
		for _, config := range c.list(kind, "", nil) {
			for _, hook := range records(items(config, "webhooks")) {
				if !c.wants(hook, verb, o) {
					continue
				}
				v := c.call(hook)
				switch {
				case !v.Served && hook["failurePolicy"] == "Ignore":
				case !v.Served:
					return nil, uncalled(ref, v)
				case kind == mutatingKind:
					o = inject(o, v)
				case rejects(o):
					e := refusal(object.Denied, ref, "admission webhook %q denied the request: configuration is invalid: %s", v.Webhook, "istio.io/always-reject")
					e.Webhook = v.Webhook
					return nil, e
				}
			}
		}
	}
	return o, nil
}

func uncalled(ref object.Ref, v Verdict) error {
	e := refusal(object.Webhook, ref, "Internal error occurred: failed calling webhook %q: failed to call webhook: %s", v.Webhook, v.Reason)
	e.Webhook = v.Webhook
	return e
}

// rejects says whether istiod refuses an object.
func rejects(o Object) bool {
	return strings.HasSuffix(o.GroupVersionKind().Group, ".istio.io") && text(o, "metadata", "annotations", "istio.io/always-reject") == "true"
}

// inject is what becomes of a pod: its proxy gets an image, or it gets a proxy.
func inject(o Object, by Verdict) Object {
	if o.GetKind() != "Pod" {
		return o
	}
	o = shallow(o)
	there := false
	each(o, func(container map[string]any) {
		if container["name"] == proxyContainer {
			there = true
			if container["image"] == autoImage {
				container["image"] = proxyImage
			}
		}
	}, "spec", "containers")
	if !there {
		set(o, append(slices.Clone(items(o, "spec", "containers")), map[string]any{"name": proxyContainer, "image": proxyImage, "env": []any{
			map[string]any{"name": "ISTIO_META_NETWORK", "value": by.Network}, map[string]any{"name": "ISTIO_META_CLUSTER_ID", "value": by.Cluster},
		}}), "spec", "containers")
	}
	set(o, "injected", "metadata", "annotations", "sidecar.istio.io/status")
	return o
}

// wants says whether a webhook is asked about a write.
func (c *Cluster) wants(hook map[string]any, verb string, o Object) bool {
	ref := object.RefOf(o)
	rules, _ := hook["rules"].([]any)
	if !slices.ContainsFunc(records(rules), func(r map[string]any) bool {
		return has(r["apiGroups"], ref.Group) && has(r["resources"], ref.Resource()) && has(r["operations"], verb)
	}) {
		return false
	}
	if !c.f.matches(hook["objectSelector"], labelsOf(o)) {
		return false
	}
	if ref.Namespace == "" {
		return true
	}
	ns := c.get(object.NamespaceRef(ref.Namespace))
	return ns != nil && c.f.matches(hook["namespaceSelector"], labelsOf(ns))
}

// matches says whether a label selector takes labels. One that is absent takes
// all. Each selector is parsed once: what is stored is never changed in place.
func (f *Fleet) matches(selector any, set map[string]string) bool {
	m, _ := selector.(map[string]any)
	if len(m) == 0 {
		return true
	}
	key := reflect.ValueOf(m).Pointer()
	known, ok := f.selectors[key]
	if !ok {
		known = parsedSelector{m, parseSelector(m)}
		f.selectors[key] = known
	}
	return known.selector.Matches(labels.Set(set))
}

// selector parses the selector of a request, each once.
func (f *Fleet) selector(text string) (labels.Selector, error) {
	if s, ok := f.asked[text]; ok {
		return s, nil
	}
	s, err := labels.Parse(text)
	if err == nil {
		f.asked[text] = s
	}
	return s, err
}

// A parsedSelector keeps what it was made from, so that nothing else gets its
// address.
type parsedSelector struct {
	from     map[string]any
	selector labels.Selector
}

func parseSelector(m map[string]any) labels.Selector {
	var s metav1.LabelSelector
	if runtime.DefaultUnstructuredConverter.FromUnstructured(m, &s) != nil {
		return labels.Nothing()
	}
	parsed, err := metav1.LabelSelectorAsSelector(&s)
	if err != nil {
		return labels.Nothing()
	}
	return parsed
}
