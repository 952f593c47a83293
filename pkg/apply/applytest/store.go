package applytest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Objects in the store are never changed in place: every write puts another one
// there. So whoever was shown one may keep it.

// get returns the stored object, or nil.
func (c *Cluster) get(ref object.Ref) Object {
	return c.objects[ref.GroupKind()][place{ref.Namespace, ref.Name}]
}

// list returns the stored objects that selector, or nil, takes.
func (c *Cluster) list(kind schema.GroupKind, namespace string, selector labels.Selector) []Object {
	named := c.objects[kind]
	if len(named) == 0 {
		return nil
	}
	places := make([]place, 0, len(named))
	for at, o := range named {
		if namespace != "" && at.namespace != namespace {
			continue
		}
		if selector == nil || selector.Empty() || selector.Matches(labels.Set(labelsOf(o))) {
			places = append(places, at)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if n := strings.Compare(a.namespace, b.namespace); n != 0 {
			return n
		}
		return strings.Compare(a.name, b.name)
	})
	out := make([]Object, len(places))
	for i, at := range places {
		out[i] = named[at]
	}
	return out
}

// commit makes after, which is nil for a deletion, what is stored instead of
// before, which is nil for a creation. After is the store's from now on.
func (c *Cluster) commit(by string, before, after Object) {
	w := Write{Cluster: c.name, Run: c.f.asking, Verb: "update", By: by, Before: before, After: after, World: World{c.f}}
	c.version++
	switch {
	case after == nil:
		w.Verb, w.Ref = "delete", object.RefOf(before)
		delete(c.objects[w.Ref.GroupKind()], place{w.Ref.Namespace, w.Ref.Name})
	default:
		if before == nil {
			w.Verb = "create"
		}
		w.Ref = object.RefOf(after)
		set(after, strconv.FormatInt(c.version, 10), "metadata", "resourceVersion")
		kind := w.Ref.GroupKind()
		if c.objects[kind] == nil {
			c.objects[kind] = map[place]Object{}
		}
		c.objects[kind][place{w.Ref.Namespace, w.Ref.Name}] = after
	}
	c.own(w.Ref, before, after)
	c.notify(w.Ref, after)
	for _, see := range c.f.watchers {
		see(w)
	}
	c.react(w.Ref, before, after)
}

// born gives a new object what only a server gives.
func (c *Cluster) born(o Object) {
	meta := metadata(o)
	meta["uid"] = c.f.uid()
	meta["creationTimestamp"] = c.now().Format(time.RFC3339)
	delete(meta, "resourceVersion")
	delete(meta, "deletionTimestamp")
	delete(meta, "selfLink")
	if counted(object.RefOf(o).GroupKind()) {
		meta["generation"] = int64(1)
	}
}

// end removes an object, or, if something holds it, marks it as ending.
func (c *Cluster) end(by string, o Object, foreground bool) {
	finalizers := o.GetFinalizers()
	if foreground && !slices.Contains(finalizers, metav1.FinalizerDeleteDependents) {
		finalizers = append(finalizers, metav1.FinalizerDeleteDependents)
	}
	ns := o.GetKind() == "Namespace" && len(items(o, "spec", "finalizers")) > 0
	if len(finalizers) == 0 && !ns {
		c.commit(by, o, nil)
		return
	}
	if o.GetDeletionTimestamp() != nil && len(finalizers) == len(o.GetFinalizers()) {
		return
	}
	next := shallow(o)
	meta := metadata(next)
	if len(finalizers) > 0 {
		meta["finalizers"] = anys(finalizers)
	}
	if o.GetDeletionTimestamp() == nil {
		meta["deletionTimestamp"] = c.now().Format(time.RFC3339)
		meta["deletionGracePeriodSeconds"] = int64(0)
		if counted(object.RefOf(o).GroupKind()) {
			meta["generation"] = o.GetGeneration() + 1
		}
		if ns {
			set(next, "Terminating", "status", "phase")
		}
	}
	c.commit(by, o, next)
}

// counted says whether objects of a kind have a generation.
func counted(kind schema.GroupKind) bool {
	switch kind.Group {
	case "", "rbac.authorization.k8s.io", "coordination.k8s.io":
		return kind.Kind == "Pod"
	case "autoscaling":
		return false
	}
	return true
}

// bootstrap makes what every cluster has.
func (c *Cluster) bootstrap() {
	for _, name := range []string{"kube-system", "kube-public", "kube-node-lease", "default"} {
		c.must(c.create(managerServer, object.New("v1", "Namespace", "", name, nil, nil), createOptions{}))
	}
}

// must is for what an actor writes, which is acceptable: only a webhook may be
// against it, and then nothing is made.
func (c *Cluster) must(o Object, err error) Object {
	if class := object.ClassOf(err); err != nil && class != object.Webhook && class != object.Denied {
		panic("applytest: " + c.name + ": " + err.Error())
	}
	return o
}

// own keeps the index of owners.
func (c *Cluster) own(ref object.Ref, before, after Object) {
	var was, is []metav1.OwnerReference
	if before != nil {
		was = before.GetOwnerReferences()
	}
	if after != nil {
		is = after.GetOwnerReferences()
	}
	for _, r := range was {
		delete(c.dependents[r.UID], ref)
	}
	for _, r := range is {
		if c.dependents[r.UID] == nil {
			c.dependents[r.UID] = map[object.Ref]bool{}
		}
		c.dependents[r.UID][ref] = true
	}
}
