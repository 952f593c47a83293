package applytest

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// createOptions say how an object is created.
type createOptions struct{ dryRun bool }

// apply is a server-side apply by any manager. The result is the store's. The
// order of what can go wrong is the API server's:
// https://github.com/kubernetes/apiserver/blob/v0.36.4/pkg/endpoints/handlers/patch.go
func (c *Cluster) apply(manager string, patch Object, opts object.ApplyOptions) (Object, error) {
	ref := object.RefOf(patch)
	if _, err := c.check(ref, patch.GroupVersionKind().Version); err != nil {
		return nil, err
	}
	live := c.get(ref)
	if live != nil && older(live, patch.GetResourceVersion()) {
		return nil, modified(ref, changed)
	}
	next, err := c.merged(ref, live, unconditional(patch), manager, opts.Force)
	if err != nil {
		return nil, err
	}
	uid := patch.GetUID()
	switch {
	case live == nil && uid != "":
		return nil, modified(ref, "uid mismatch: the provided object specified uid "+string(uid)+", and no existing object was found")
	case live == nil:
		next, err = c.insert(manager, shallow(next), opts.DryRun)
	case uid != "" && uid != live.GetUID():
		return nil, immutable(ref, "metadata.uid", uid)
	default:
		next, err = c.replace(manager, live, shallow(next), opts.DryRun)
		if next == live {
			c.same(ref, live)
		}
	}
	return next, err
}

// create makes an object as kubectl create does: everything in it is manager's.
func (c *Cluster) create(manager string, o Object, opts createOptions) (Object, error) {
	ref := object.RefOf(o)
	if _, err := c.check(ref, o.GroupVersionKind().Version); err != nil {
		return nil, err
	}
	if c.get(ref) != nil {
		return nil, exists(ref)
	}
	next := o.DeepCopy()
	if hasStatus(ref.GroupKind()) {
		delete(next.Object, "status")
	}
	setDefaults(next)
	if solitary(next) {
		stamp(next, manager, "", c.now())
	} else {
		next = c.f.merger.create(next, manager, c.now())
	}
	return c.insert(manager, next, opts.dryRun)
}

// update replaces live by next, which it may change, in the name of manager. A
// subresource is "status" or "".
func (c *Cluster) update(manager string, live, next Object, subresource string) (Object, error) {
	if subresource == "" && hasStatus(object.RefOf(live).GroupKind()) {
		keep(live, next, "status")
	}
	if subresource == "status" || solitary(next) {
		stamp(next, manager, subresource, c.now())
		return c.replace(manager, live, next, false)
	}
	setDefaults(next)
	next = c.f.merger.change(live, next, manager, c.now())
	return c.replace(manager, live, next, false)
}

// insert stores a new object.
func (c *Cluster) insert(by string, o Object, dryRun bool) (Object, error) {
	ref := object.RefOf(o)
	if err := c.open(ref); err != nil {
		return nil, err
	}
	if err := c.taken(ref); err != nil {
		return nil, err
	}
	o, err := c.admit(createVerb, o)
	if err != nil {
		return nil, err
	}
	if err := validate(o, nil); err != nil {
		return nil, err
	}
	c.born(o)
	c.allocate(nil, o, dryRun)
	if !dryRun {
		c.commit(by, nil, o)
	}
	return o, nil
}

// replace stores next instead of live, unless they are the same.
func (c *Cluster) replace(by string, live, next Object, dryRun bool) (Object, error) {
	c.retain(live, next)
	next, err := c.admit(updateVerb, next)
	if err != nil {
		return nil, err
	}
	if err := validate(next, live); err != nil {
		return nil, err
	}
	c.allocate(live, next, dryRun)
	if unchanged(live, next) {
		return live, nil
	}
	if counted(object.RefOf(next).GroupKind()) {
		if n := generationOf(live, next); n != live.GetGeneration() {
			set(next, n, "metadata", "generation")
		}
	}
	if dryRun {
		return next, nil
	}
	if next.GetDeletionTimestamp() != nil && len(next.GetFinalizers()) == 0 && !(next.GetKind() == "Namespace" && len(items(next, "spec", "finalizers")) > 0) {
		c.commit(by, live, nil)
		return next, nil
	}
	c.commit(by, live, next)
	return next, nil
}

// retain gives next what an update cannot take away.
func (c *Cluster) retain(live, next Object) {
	meta, was := metadata(next), fields(live, "metadata")
	for _, key := range serverSet {
		if v, ok := was[key]; ok {
			meta[key] = v
		} else {
			delete(meta, key)
		}
	}
	if live.GetKind() == "Namespace" {
		if _, ok := next.Object["spec"]; !ok {
			keep(live, next, "spec")
		}
	}
	if hasStatus(object.RefOf(live).GroupKind()) && next.Object["status"] == nil {
		keep(live, next, "status")
	}
}

func keep(from, to Object, key string) {
	if v, ok := from.Object[key]; ok {
		to.Object[key] = v
		return
	}
	delete(to.Object, key)
}

// edit is how an actor changes an object that is there: nil where it is not, or
// where nothing was changed.
func (c *Cluster) edit(manager string, ref object.Ref, subresource string, change func(Object)) {
	live := c.get(ref)
	if live == nil {
		return
	}
	next := copyOf(live)
	change(next)
	if same(live.Object, next.Object) {
		return
	}
	if _, err := c.update(manager, live, next, subresource); err != nil && object.ClassOf(err) == object.Unclassified {
		panic("applytest: " + err.Error())
	}
}

// remove deletes an object, if it is there.
func (c *Cluster) remove(by string, ref object.Ref, opts object.DeleteOptions) error {
	if _, ok := c.resource(ref.GroupKind()); !ok {
		return nil
	}
	live := c.get(ref)
	if live == nil {
		return nil
	}
	if opts.UID != "" && string(live.GetUID()) != opts.UID {
		return modified(ref, "Precondition failed: UID in precondition: "+opts.UID+", UID in object meta: "+string(live.GetUID()))
	}
	if ref.GroupKind() == object.NamespaceRef("").GroupKind() && slices.Contains([]string{"default", "kube-system", "kube-public"}, ref.Name) {
		return refusal(object.Forbidden, ref, "namespaces %q is forbidden: this namespace may not be deleted", ref.Name)
	}
	c.end(by, live, opts.Foreground)
	return nil
}

// letGo makes an object one of which manager owns nothing.
func (c *Cluster) letGo(manager string, ref object.Ref, uid string, keys []string) error {
	live := c.get(ref)
	if live == nil || string(live.GetUID()) != uid {
		return nil
	}
	next := shallow(live)
	meta := metadata(next)
	for _, of := range []string{"labels", "annotations"} {
		if len(fields(next, "metadata", of)) == 0 {
			continue
		}
		m := fields(next.DeepCopy(), "metadata", of)
		for _, key := range keys {
			delete(m, key)
		}
		if meta[of] = m; len(m) == 0 {
			delete(meta, of)
		}
	}
	others := slices.DeleteFunc(slices.Clone(items(live, "metadata", "managedFields")), func(e any) bool {
		m, _ := e.(map[string]any)
		return m["manager"] == manager
	})
	if len(others) == 0 {
		others = []any{map[string]any{}} // an empty list would change nothing
	}
	meta["managedFields"] = others
	_, err := c.update(manager, live, next, "")
	return err
}
