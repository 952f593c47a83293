package object

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Ref names an object in a cluster. It is comparable. It has no version: one
// object is served in several, and is the same in all of them.
type Ref struct {
	Group     string `json:"group,omitempty"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // empty for a kind that lives in no namespace
	Name      string `json:"name"`
}

// RefOf returns the name of o.
func RefOf(o *unstructured.Unstructured) Ref {
	gvk := o.GroupVersionKind()
	return Ref{Group: gvk.Group, Kind: gvk.Kind, Namespace: o.GetNamespace(), Name: o.GetName()}
}

// String returns kind, namespace and name: "Deployment istio-system/istiod".
func (r Ref) String() string {
	name := r.Name
	switch {
	case name == "" && r.Namespace == "":
		return r.Kind
	case name == "":
		name = r.Namespace + "/*"
	case r.Namespace != "":
		name = r.Namespace + "/" + name
	}
	return r.Kind + " " + name
}

// GroupKind returns the kind of r: that of all objects like it.
func (r Ref) GroupKind() schema.GroupKind { return schema.GroupKind{Group: r.Group, Kind: r.Kind} }

// Of is the ref that names no object: it stands for the objects of a kind in
// a namespace, or in the whole cluster.
func Of(kind schema.GroupKind, namespace string) Ref {
	return Ref{Group: kind.Group, Kind: kind.Kind, Namespace: namespace}
}
