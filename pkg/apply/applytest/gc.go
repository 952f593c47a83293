package applytest

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const garbageCollector = "garbage-collector"

// garbage deletes what belonged to an object that ended, or that was deleted in
// the foreground and waits for its dependents; and what was made for an owner that
// does not exist: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
func (c *Cluster) garbage(before, after Object) {
	switch {
	case after == nil:
		if uid := before.GetUID(); len(c.dependents[uid]) > 0 {
			c.later(c.settings.Delays.Garbage, "garbage/"+string(uid), func() { c.collect(uid) })
		}
		for _, owner := range before.GetOwnerReferences() {
			c.ownerWaits(owner.UID)
		}
	case after.GetDeletionTimestamp() != nil && slices.Contains(after.GetFinalizers(), metav1.FinalizerDeleteDependents):
		uid, ref := after.GetUID(), object.RefOf(after)
		c.later(c.settings.Delays.Garbage, "foreground/"+string(uid), func() { c.foreground(uid, ref) })
	case before == nil && len(after.GetOwnerReferences()) > 0:
		for _, owner := range after.GetOwnerReferences() {
			if c.byUID(owner) == nil {
				uid := owner.UID
				c.later(c.settings.Delays.Garbage, "garbage/"+string(uid), func() { c.collect(uid) })
			}
		}
	}
}

// byUID is the owner that a reference means, wherever it is, or nil.
func (c *Cluster) byUID(owner metav1.OwnerReference) Object {
	for _, kind := range c.kinds() {
		if kind.Kind != owner.Kind {
			continue
		}
		for _, o := range c.list(kind, "", nil) {
			if o.GetUID() == owner.UID {
				return o
			}
		}
	}
	return nil
}

// collect deletes the dependents of an owner that is gone, unless they have
// another one.
func (c *Cluster) collect(uid types.UID) {
	for _, ref := range c.dependentsOf(uid) {
		o := c.get(ref)
		if o != nil && !slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return c.byUID(r) != nil }) {
			c.end(garbageCollector, o, false)
		}
	}
}

// foreground deletes the dependents of an owner that waits for them, and lets it
// go when there are none.
func (c *Cluster) foreground(uid types.UID, ref object.Ref) {
	owner := c.get(ref)
	if owner == nil || owner.GetUID() != uid {
		return
	}
	for _, dependent := range c.dependentsOf(uid) {
		if o := c.get(dependent); o != nil && o.GetDeletionTimestamp() == nil {
			c.end(garbageCollector, o, false)
		}
	}
	if len(c.dependents[uid]) > 0 {
		return // the last of them calls back
	}
	c.edit(managerController, ref, "", func(o Object) {
		o.SetFinalizers(slices.DeleteFunc(o.GetFinalizers(), func(f string) bool { return f == metav1.FinalizerDeleteDependents }))
	})
}

// ownerWaits goes on with an owner that may have lost its last dependent.
func (c *Cluster) ownerWaits(uid types.UID) {
	if len(c.dependents[uid]) > 0 {
		return
	}
	for _, kind := range c.kinds() {
		for _, o := range c.list(kind, "", nil) {
			if o.GetUID() == uid && o.GetDeletionTimestamp() != nil {
				ref := object.RefOf(o)
				c.later(c.settings.Delays.Garbage, "foreground/"+string(uid), func() { c.foreground(uid, ref) })
			}
		}
	}
}

func (c *Cluster) dependentsOf(uid types.UID) []object.Ref {
	out := make([]object.Ref, 0, len(c.dependents[uid]))
	for ref := range c.dependents[uid] {
		out = append(out, ref)
	}
	slices.SortFunc(out, object.CompareRefs)
	return out
}
