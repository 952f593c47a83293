package applytest

import (
	"fmt"
	"hash/maphash"
	"maps"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// maxMerges bounds what a merger remembers; each takes a few KiB.
const maxMerges = 20000

// A merge is what a server-side apply yields. Histories apply much the same
// objects again and again, and most of their time would go into merging them.
type merge struct {
	patch   Object // without preconditions
	manager string
	force   bool
	verb    string // create, update, or "" for an apply
	live    Object // bare, nil for an absent one
	result  Object // where fields changed hands, the managed fields have a time
	err     error
}

func (m merge) same(other merge) bool {
	if m.manager != other.manager || m.force != other.force || m.verb != other.verb || (m.live == nil) != (other.live == nil) || !same(m.patch.Object, other.patch.Object) {
		return false
	}
	return m.live == nil || same(m.live.Object, other.live.Object)
}

// merge applies patch, which it does not keep or change, to live, which may be
// nil. The result lacks what [bare] takes away.
func (m *Merger) merge(live, patch Object, manager string, force bool) (Object, error) {
	q := merge{patch: patch, manager: manager, force: force}
	if live != nil {
		q.live = bare(live)
	}
	q = m.remember(q, func(q *merge) {
		q.patch = patch.DeepCopy()
		q.result, q.err = m.apply(q.live, q.patch, manager, force)
	})
	return q.result, q.err
}

// create notes that manager made all of o.
func (m *Merger) create(o Object, manager string, now time.Time) Object {
	q := m.remember(merge{patch: o, manager: manager, verb: createVerb}, func(q *merge) {
		q.patch = o.DeepCopy()
		q.result = m.update(nil, o.DeepCopy(), manager, "")
	})
	next := shallow(q.result)
	metadata(next)["managedFields"] = timed(items(next, "metadata", "managedFields"), nil, now)
	return next
}

// change notes that manager made next out of live. The result lacks what [bare]
// takes away.
func (m *Merger) change(live, next Object, manager string, now time.Time) Object {
	q := m.remember(merge{patch: bare(next), manager: manager, verb: updateVerb, live: bare(live)}, func(q *merge) {
		q.result = m.update(q.live, q.patch.DeepCopy(), manager, "")
	})
	out := shallow(q.result)
	if entries := items(out, "metadata", "managedFields"); len(entries) > 0 {
		metadata(out)["managedFields"] = timed(entries, live, now)
	}
	return out
}

// remember returns a merge like q, which work completes if there was none.
func (m *Merger) remember(q merge, work func(*merge)) merge {
	key := digest(m.seed, q.patch.Object) ^ maphash.String(m.seed, q.manager+q.verb)
	if q.live != nil {
		key = key*31 + digest(m.seed, q.live.Object)
	}
	m.mu.Lock()
	known, ok := m.merges[key]
	m.mu.Unlock()
	if ok && known.same(q) {
		return known
	}
	work(&q)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.merges) >= maxMerges {
		clear(m.merges)
	}
	m.merges[key] = q
	return q
}

// bare is o without what a merge does not depend on: what only a server sets, and
// when fields were managed.
func bare(o Object) Object {
	b := shallow(o)
	if hasStatus(object.RefOf(o).GroupKind()) {
		delete(b.Object, "status")
	}
	meta := metadata(b)
	for _, key := range serverSet {
		delete(meta, key)
	}
	if entries, ok := meta["managedFields"].([]any); ok {
		meta["managedFields"] = untimed(entries)
	}
	return b
}

// serverSet is what of an object's metadata only a server sets.
var serverSet = []string{"uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"}

// merged is what applying patch makes of live, which may be nil. The latest answer
// for each object is kept: a plan is followed by an apply, and then another plan.
func (c *Cluster) merged(ref object.Ref, live, patch Object, manager string, force bool) (Object, error) {
	q := merge{patch: patch, manager: manager, force: force, live: live}
	if known, ok := c.latest[ref]; ok && known.live == live && known.manager == manager && known.force == force && same(known.patch.Object, patch.Object) {
		return known.result, known.err
	}
	q.patch = patch.DeepCopy()
	q.result, q.err = c.mergeNow(ref, live, q.patch, manager, force)
	c.latest[ref] = q
	return q.result, q.err
}

// same notes that the latest merge changed nothing, so that the next comparison is
// fast.
func (c *Cluster) same(ref object.Ref, live Object) {
	m := c.latest[ref]
	m.result = live
	c.latest[ref] = m
}

func (c *Cluster) mergeNow(ref object.Ref, live, patch Object, manager string, force bool) (Object, error) {
	if hasStatus(ref.GroupKind()) && patch.Object["status"] != nil {
		patch = shallow(patch)
		delete(patch.Object, "status")
	}
	result, err := c.f.merger.merge(live, patch, manager, force)
	if err != nil {
		return nil, refused(err, ref)
	}
	next := shallow(result)
	if entries := items(result, "metadata", "managedFields"); len(entries) > 0 {
		metadata(next)["managedFields"] = timed(entries, live, c.now())
	}
	return next, nil
}

// timed gives entries of managed fields their times: now, or, where nothing
// changed, that of live.
func timed(entries []any, live Object, now time.Time) []any {
	var was []map[string]any
	if live != nil {
		was = records(items(live, "metadata", "managedFields"))
	}
	out := make([]any, len(entries))
	for i, e := range records(entries) {
		t := any(now.Format(time.RFC3339))
		if e["time"] == nil {
			t = nil
			for _, w := range was {
				if w["manager"] == e["manager"] && w["operation"] == e["operation"] && w["subresource"] == e["subresource"] && w["apiVersion"] == e["apiVersion"] {
					t = w["time"]
				}
			}
		}
		if e = maps.Clone(e); t != nil {
			e["time"] = t
		}
		out[i] = e
	}
	return out
}

// digest is a hash of a JSON value.
func digest(seed maphash.Seed, v any) uint64 {
	switch v := v.(type) {
	case map[string]any:
		sum := uint64(len(v))
		for k, e := range v {
			sum += (maphash.String(seed, k) ^ digest(seed, e)*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
		}
		return sum
	case []any:
		sum := uint64(len(v)) + 1
		for _, e := range v {
			sum = sum*0x94d049bb133111eb + digest(seed, e)
		}
		return sum
	case string:
		return maphash.String(seed, v)
	case int64:
		return uint64(v) * 0x9e3779b97f4a7c15 //nolint:gosec // a hash
	case bool:
		if v {
			return 3
		}
		return 5
	case nil:
		return 7
	}
	return maphash.String(seed, fmt.Sprint(v))
}
