package applytest

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Managers that are part of Kubernetes.
const (
	managerServer     = "kube-apiserver"
	managerController = "kube-controller-manager"
)

// open says why nothing can be created where ref is, if so.
func (c *Cluster) open(ref object.Ref) error {
	if ref.Namespace == "" {
		return nil
	}
	ns := c.get(object.NamespaceRef(ref.Namespace))
	switch {
	case ns == nil:
		return refusal(object.NotFound, ref, "namespaces %q not found", ref.Namespace)
	case ns.GetDeletionTimestamp() != nil:
		e := refusal(object.Terminating, ref, "%s %q is forbidden: unable to create new content in namespace %s because it is being terminated",
			resourceName(ref), ref.Name, ref.Namespace)
		e.Hint = "wait until the namespace is gone, or see which finalizers hold it"
		return e
	}
	return nil
}

// namespaceChanged makes what every namespace has, and ends one that was deleted.
func (c *Cluster) namespaceChanged(before, after Object) {
	switch {
	case after == nil:
	case before == nil:
		name := after.GetName()
		c.must(c.create(managerController, object.New("v1", "ServiceAccount", name, "default", nil, nil), createOptions{}))
		c.must(c.create(managerController, object.New("v1", "ConfigMap", name, "kube-root-ca.crt", nil,
			map[string]any{"data": map[string]any{"ca.crt": "of " + c.name}}), createOptions{}))
	case after.GetDeletionTimestamp() != nil:
		c.emptyLater(after.GetName())
	}
}

// contentChanged goes on with the end of a namespace when something in it ended.
func (c *Cluster) contentChanged(ref object.Ref, after Object) {
	if ref.Namespace == "" || after != nil {
		return
	}
	if ns := c.get(object.NamespaceRef(ref.Namespace)); ns != nil && ns.GetDeletionTimestamp() != nil {
		c.emptyLater(ref.Namespace)
	}
}

func (c *Cluster) emptyLater(namespace string) {
	c.later(c.settings.Delays.Ending, "namespace/"+namespace, func() { c.empty(namespace) })
}

// empty deletes what is in a namespace that was deleted, and then the namespace.
func (c *Cluster) empty(namespace string) {
	ref := object.NamespaceRef(namespace)
	ns := c.get(ref)
	if ns == nil || ns.GetDeletionTimestamp() == nil {
		return
	}
	left := false
	for _, kind := range c.kinds() {
		for _, o := range c.list(kind, namespace, nil) {
			c.end("namespace-controller", o, false)
			left = left || c.get(object.RefOf(o)) != nil
		}
	}
	if left {
		return // what holds them ends later
	}
	next := shallow(ns)
	set(next, []any{}, "spec", "finalizers")
	if len(ns.GetFinalizers()) > 0 {
		c.commit(managerController, ns, next)
		return
	}
	c.commit(managerController, ns, nil)
}

// kinds are those of which there are objects, in one order.
func (c *Cluster) kinds() []schema.GroupKind {
	out := make([]schema.GroupKind, 0, len(c.objects))
	for kind, named := range c.objects {
		if len(named) > 0 {
			out = append(out, kind)
		}
	}
	sortBy(out, schema.GroupKind.String)
	return out
}
