package applytest

import (
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// What a CRD makes the server have.
type served struct {
	object.Resource
	versions []string
	status   bool // as a subresource
}

// builtin says whether a group is Kubernetes' own: its kinds are there without a
// CRD.
func builtin(group string) bool {
	switch group {
	case "gateway.networking.k8s.io":
		return false
	}
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io") && !strings.Contains(group, "cncf.io")
}

// resource says how the server has a kind.
func (c *Cluster) resource(kind schema.GroupKind) (served, bool) {
	if builtin(kind.Group) {
		r, ok := object.ResourceOf(kind)
		return served{Resource: r, versions: []string{r.Version}, status: hasStatus(kind)}, ok
	}
	s, ok := c.served[kind]
	return s, ok
}

// hasStatus says whether the status of a built-in kind is written apart.
func hasStatus(kind schema.GroupKind) bool {
	switch kind.Group {
	case "apps", "batch", "autoscaling", "policy", "apiextensions.k8s.io":
		return true
	case "":
		return slices.Contains([]string{"Service", "Namespace", "Node", "Pod", "PersistentVolumeClaim", "ReplicationController", "ResourceQuota"}, kind.Kind)
	case "networking.k8s.io":
		return kind.Kind == "Ingress"
	}
	return false
}

// check says why the server cannot have an object like this one, if so.
func (c *Cluster) check(ref object.Ref, version string) (served, error) {
	r, ok := c.resource(ref.GroupKind())
	if !ok || version != "" && !slices.Contains(r.versions, version) {
		return r, noKind(ref)
	}
	if r.Namespaced && ref.Namespace == "" && ref.Name != "" {
		return r, refusal(object.Invalid, ref, "a %s needs a namespace", ref.Kind)
	}
	return r, nil
}

// shown is o as the server returns it: in the version that the reader knows.
func (c *Cluster) shown(o Object) Object {
	kind := o.GroupVersionKind()
	o = copyOf(o)
	if r, known := object.ResourceOf(kind.GroupKind()); known && !builtin(kind.Group) {
		if s := c.served[kind.GroupKind()]; slices.Contains(s.versions, r.Version) {
			kind.Version = r.Version
			o.SetGroupVersionKind(kind)
		}
	}
	return o
}

// namespaced are the built-in kinds that end with their namespace.
var namespaced = sync.OnceValue(func() (out []schema.GroupKind) {
	for gvk := range scheme.Scheme.AllKnownTypes() {
		kind := gvk.GroupKind()
		if r, ok := object.ResourceOf(kind); ok && r.Namespaced && r.Version == gvk.Version && builtin(kind.Group) {
			out = append(out, kind)
		}
	}
	return out
})

// contents are the kinds that end with their namespace.
func (c *Cluster) contents() []schema.GroupKind {
	out := slices.Clone(namespaced())
	for kind, r := range c.served {
		if r.Namespaced {
			out = append(out, kind)
		}
	}
	slices.SortFunc(out, func(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) })
	return out
}
