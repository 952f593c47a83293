package kube

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A Ref names an object in a cluster. It is comparable.
type Ref struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // empty for a kind that lives in no namespace
	Name      string `json:"name"`
}

// RefOf returns the name of o.
func RefOf(o *unstructured.Unstructured) Ref {
	gvk := o.GroupVersionKind()
	return Ref{gvk.Group, gvk.Version, gvk.Kind, o.GetNamespace(), o.GetName()}
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

func (r Ref) gvk() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
}
