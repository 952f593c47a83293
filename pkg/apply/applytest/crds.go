package applytest

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A CRD's kind is there from when it is established until its objects are gone.
// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/

const crdCleanup = "customresourcecleanup.apiextensions.k8s.io"

// crdChanged establishes a CRD, and ends one that was deleted.
func (c *Cluster) crdChanged(before, after Object) {
	switch {
	case after == nil:
		delete(c.served, crdKind(before))
	case after.GetDeletionTimestamp() != nil:
		name := after.GetName()
		c.later(c.settings.Delays.Ending, "end of crd/"+name, func() { c.finish(name) })
	case c.served[crdKind(after)].Plural == "":
		name := after.GetName()
		c.later(c.settings.Delays.Establish, "crd/"+name, func() { c.establish(name) })
	default:
		c.serve(after)
	}
}

// instanceChanged goes on with the end of a CRD when one of its objects ended.
func (c *Cluster) instanceChanged(ref object.Ref, after Object) {
	if after != nil || builtin(ref.Group) {
		return
	}
	for _, crd := range c.list(object.CrdRef.GroupKind(), "", nil) {
		if crdKind(crd) == ref.GroupKind() && crd.GetDeletionTimestamp() != nil {
			c.later(c.settings.Delays.Ending, "end of crd/"+crd.GetName(), func() { c.finish(crd.GetName()) })
		}
	}
}

func crdRef(name string) object.Ref {
	ref := object.CrdRef
	ref.Name = name
	return ref
}

func crdKind(crd Object) schema.GroupKind {
	return schema.GroupKind{Group: text(crd, "spec", "group"), Kind: text(crd, "spec", "names", "kind")}
}

func (c *Cluster) serve(crd Object) {
	s := served{Resource: object.Resource{
		Plural: text(crd, "spec", "names", "plural"), Namespaced: text(crd, "spec", "scope") != "Cluster",
	}}
	for _, v := range records(items(crd, "spec", "versions")) {
		if v["served"] == true {
			s.versions = append(s.versions, str(v, "name"))
			s.status = s.status || at(v, "subresources", "status") != nil
		}
	}
	if len(s.versions) > 0 {
		s.Version = s.versions[0]
		c.served[crdKind(crd)] = s
	}
}

// taken says why no object of a kind can be made, if so: its CRD is being deleted.
// https://github.com/kubernetes/apiextensions-apiserver/blob/v0.36.4/pkg/apiserver/customresource_handler.go
func (c *Cluster) taken(ref object.Ref) error {
	if builtin(ref.Group) {
		return nil
	}
	for _, crd := range c.list(object.CrdRef.GroupKind(), "", nil) {
		if crdKind(crd) == ref.GroupKind() && crd.GetDeletionTimestamp() != nil {
			return refusal(object.ServerFault, ref, "create not allowed while custom resource definition is terminating")
		}
	}
	return nil
}

// establish makes the server have the kind.
func (c *Cluster) establish(name string) {
	crd := c.get(crdRef(name))
	if crd == nil || crd.GetDeletionTimestamp() != nil {
		return
	}
	c.serve(crd)
	now := c.now().Format(time.RFC3339)
	c.edit(managerServer, crdRef(name), "status", func(o Object) {
		o.SetFinalizers([]string{crdCleanup})
		set(o, []any{
			map[string]any{"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found", "lastTransitionTime": now},
			map[string]any{"type": "Established", "status": "True", "reason": "InitialNamesAccepted", "message": "the initial names have been accepted", "lastTransitionTime": now},
		}, "status", "conditions")
		set(o, fields(o, "spec", "names"), "status", "acceptedNames")
	})
}

// finish deletes the objects of a CRD that was deleted, and then the CRD.
func (c *Cluster) finish(name string) {
	crd := c.get(crdRef(name))
	if crd == nil || crd.GetDeletionTimestamp() == nil {
		return
	}
	left := false
	for _, o := range c.list(crdKind(crd), "", nil) {
		c.end("crd-controller", o, false)
		left = left || c.get(object.RefOf(o)) != nil
	}
	if left {
		return
	}
	c.edit(managerServer, crdRef(name), "", func(o Object) {
		var others []string
		for _, f := range o.GetFinalizers() {
			if f != crdCleanup {
				others = append(others, f)
			}
		}
		o.SetFinalizers(others)
	})
}

// CRD makes the definition of a kind, without a schema. It has all versions.
func CRD(kind schema.GroupKind, versions ...string) Object {
	r, ok := object.ResourceOf(kind)
	if !ok {
		r = object.Resource{Plural: object.Of(kind, "").Resource(), Namespaced: true, Version: "v1"}
	}
	if len(versions) == 0 {
		versions = []string{r.Version}
	}
	scope := "Cluster"
	if r.Namespaced {
		scope = "Namespaced"
	}
	list := make([]any, len(versions))
	for i, v := range versions {
		list[i] = map[string]any{
			"name": v, "served": true, "storage": i == 0,
			"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
		}
	}
	return object.New("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", r.Plural+"."+kind.Group, nil, map[string]any{"spec": map[string]any{
		"group": kind.Group, "scope": scope, "versions": list,
		"names": map[string]any{
			"kind": kind.Kind, "listKind": kind.Kind + "List", "plural": r.Plural, "singular": strings.ToLower(kind.Kind),
		},
	}})
}
