package world

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// Follow makes a member that leaves be where its record is, if that is in
// another namespace than the topology says.
func (l *Live) Follow(mesh string) bool {
	for namespace, found := range l.Elsewhere {
		if found.Mesh == mesh {
			l.Namespace, l.Record, l.RecordVersion = namespace, found.Record, found.Version
			delete(l.Elsewhere, namespace)
			return true
		}
	}
	return false
}

// OtherNamespace is where Istio is if it is not where the topology says: a namespace
// of ours that has a network, and none of users. "" for none.
func (l *Live) OtherNamespace() string {
	found := ""
	for ref, seen := range l.Objects {
		if ref.Kind == "Namespace" && ref.Name != l.Namespace && object.Ours(seen.Object) && !object.IsLabelled(seen.Object) && seen.Object.GetLabels()[object.LabelNetwork] != "" {
			found = max(found, ref.Name)
		}
	}
	return found
}

// SeeNamespace takes note of Istio's namespace. One that is being deleted
// counts as gone, with all that is in it, the record too.
func (l *Live) SeeNamespace(seen Observed) {
	ref := object.NamespaceRef(l.Namespace)
	if seen.Object != nil && seen.Object.GetDeletionTimestamp() != nil && !l.Leaving {
		l.ends(ref)
		l.Record, l.RecordVersion = nil, ""
		seen = Observed{}
	}
	l.Objects[ref] = seen
}

// Fade makes a namespace that is being deleted count as gone.
func (l *Live) Fade(ref object.Ref) {
	if o := l.Object(ref); ref.Kind == "Namespace" && o != nil && o.GetDeletionTimestamp() != nil {
		l.ends(ref)
		l.Objects[ref] = Observed{}
	}
}

// ends notes that a namespace is being deleted.
func (l *Live) ends(ref object.Ref) {
	if l.Ending == nil {
		l.Ending = map[object.Ref]bool{}
	}
	l.Ending[ref] = true
}

// Demoted says whether l, a remote cluster, has been a primary: what belongs to
// a control plane of its own is on record.
func Demoted(l *Live) bool {
	return l.Remote() && slices.ContainsFunc(RecordedIn(l), func(o record.Recorded) bool {
		return object.IsCRD(o.Ref) || o.Ref == object.IstiodRef(l.Namespace)
	})
}

// RecordedIn is what the record of l lists. Without a record, it is the CRDs of
// the mesh: an earlier teardown left those that were in use.
func RecordedIn(l *Live) []record.Recorded {
	if l.Record != nil {
		return l.Record.Objects
	}
	var out []record.Recorded
	for ref, seen := range l.Objects {
		if object.IsCRD(ref) && object.Ours(seen.Object) {
			out = append(out, record.Recorded{Ref: ref, Subject: order.Subject{Component: order.ControlPlane, Part: order.CRDs}})
		}
	}
	slices.SortFunc(out, func(a, b record.Recorded) int { return object.CompareRefs(a.Ref, b.Ref) })
	return out
}

// goes says whether we delete o ourselves. Outside Istio's namespace all that is
// ours is copies of Services, and those that somebody took over are not.
func (l *Live) goes(o *unstructured.Unstructured) bool {
	if o.GetNamespace() != l.Namespace {
		return object.IsCopy(o)
	}
	_, recorded := l.Objects[object.RefOf(o)]
	return recorded || object.Ours(o)
}

// SharedRead notes what was read: that all other copies are absent, too.
func (l *Live) SharedRead(namespaces []string, found []*unstructured.Unstructured) {
	for _, name := range namespaces {
		l.Objects[object.NamespaceRef(name)] = Observed{}
	}
	for _, o := range found {
		if ref := object.RefOf(o); o.GetDeletionTimestamp() == nil {
			l.Objects[ref] = Observed{Object: o}
		} else {
			l.ends(ref)
			l.Services[o.GetName()] = nil
		}
	}
	for _, list := range l.Services {
		for _, o := range list {
			if object.Ours(o) {
				l.Objects[object.RefOf(o)] = Observed{Object: o}
			}
		}
	}
}

// Listed says whether ref would be in Objects if it was there and ours.
func (l *Live) Listed(ref object.Ref) bool {
	_, all := l.Services[ref.Namespace]
	return all && ref == object.ServiceRef(ref.Namespace, ref.Name)
}

// RolesNamespace is Istio's namespace where it is there to hold a Role, "" where
// it is not.
func (l *Live) RolesNamespace() string {
	if l.Object(object.NamespaceRef(l.Namespace)) == nil {
		return ""
	}
	return l.Namespace
}
