package applytest

import "github.com/setup-mesh/setup-mesh/pkg/apply/object"

// A Hand is somebody else who works on a cluster: a user with kubectl, another
// tool. Its writes are followed by the actors, and judged as any others; no fault
// hits them, and they need no permission.
type Hand struct {
	c       *Cluster
	manager string
}

// As makes changes in the name of a field manager.
func (c *Cluster) As(manager string) Hand { return Hand{c, manager} }

func (h Hand) do(f func() (Object, error)) (Object, error) {
	defer h.c.f.hold()()
	o, err := f()
	h.c.f.settle()
	if err != nil {
		if e, ok := err.(*object.Error); ok { //nolint:errorlint // ours, not one that is wrapped
			e.Context, e.Op = h.c.name, "write as "+h.manager
		}
		return nil, err
	}
	if o == nil {
		return nil, nil
	}
	return copyOf(o), nil
}

// Apply makes the fields of o so, by server-side apply.
func (h Hand) Apply(o Object, opts object.ApplyOptions) (Object, error) {
	return h.do(func() (Object, error) { return h.c.apply(h.manager, o, opts) })
}

// Create makes o, as kubectl create does.
func (h Hand) Create(o Object) (Object, error) {
	return h.do(func() (Object, error) { return h.c.create(h.manager, o, createOptions{}) })
}

// Edit changes an object, as kubectl edit does. An absent one is an error.
func (h Hand) Edit(ref object.Ref, change func(Object)) (Object, error) {
	return h.edit(ref, "", change)
}

// EditStatus changes the status of an object.
func (h Hand) EditStatus(ref object.Ref, change func(Object)) (Object, error) {
	return h.edit(ref, "status", change)
}

func (h Hand) edit(ref object.Ref, subresource string, change func(Object)) (Object, error) {
	return h.do(func() (Object, error) {
		live := h.c.get(ref)
		if live == nil {
			return nil, notFound(ref)
		}
		next := copyOf(live)
		change(next)
		return h.c.update(h.manager, live, next, subresource)
	})
}

// Delete removes an object. Deleting what is absent succeeds.
func (h Hand) Delete(ref object.Ref) error {
	_, err := h.do(func() (Object, error) { return nil, h.c.remove(h.manager, ref, object.DeleteOptions{}) })
	return err
}
