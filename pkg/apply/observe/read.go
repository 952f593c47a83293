package observe

import (
	"context"
	"maps"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// readsAtOnce bounds the requests under way to one API server.
const readsAtOnce = 16

// listsAtOnce bounds the lists that one of n clusters is asked for at once: their
// answers wait in memory until they are decoded. Of one cluster that hangs, no other
// has to take notice.
func listsAtOnce(n int) int {
	const all, least = 200, 2
	return min(readsAtOnce, max(least, all/max(n, 1)))
}

// readObjects reads all that is wanted or recorded. A cluster with a record
// holds most of it, and is asked for lists; one without is asked for each
// object that can be there.
func (ob observer) readObjects(ctx context.Context, l *world.Connected, wanted []*desired.Item) error {
	refs := map[object.Ref]*desired.Item{}
	for _, it := range wanted {
		refs[it.Ref] = it
	}
	switch {
	case l.Record != nil:
		addRecorded(refs, l.Record)
		if err := ob.readLists(ctx, l, refs, l.Record.Mesh); err != nil {
			return err
		}
	default:
		if err := ob.recoverRecord(ctx, l, refs); err != nil {
			return err
		}
	}
	if err := readMissing(ctx, l, refs); err != nil {
		return err
	}
	for _, it := range wanted {
		l.Fade(it.Ref)
	}
	return nil
}

// readMissing asks for each of refs of which nothing is known.
func readMissing(ctx context.Context, l *world.Connected, refs map[object.Ref]*desired.Item) error {
	var missing []object.Ref
	namespace := l.Objects[object.NamespaceRef(l.Namespace)]
	for ref := range refs {
		switch _, known := l.Objects[ref]; {
		case known:
		case l.Listed(ref):
			l.Objects[ref] = world.Observed{}
		case ref.Namespace == l.Namespace && namespace.Object == nil && namespace.Err == nil:
			l.Objects[ref] = world.Observed{}
		default:
			missing = append(missing, ref)
		}
	}
	g := limited(readsAtOnce)
	var mu sync.Mutex
	for _, ref := range missing {
		g.Go(func() error {
			seen := readOne(ctx, l, ref)
			mu.Lock()
			defer mu.Unlock()
			l.Objects[ref] = seen
			return nil
		})
	}
	return g.Wait()
}

// readOne reads an object that is neither wanted nor recorded.
func readOne(ctx context.Context, l *world.Connected, ref object.Ref) world.Observed {
	o, err := l.Cluster.Get(ctx, ref)
	if object.Absent(err) {
		err = nil
	}
	return world.Observed{Object: o, Err: err}
}

// addRecorded adds what is recorded to refs, with nil for what is not wanted.
func addRecorded(refs map[object.Ref]*desired.Item, r *record.Record) {
	for _, o := range r.Objects {
		if _, there := refs[o.Ref]; !there {
			refs[o.Ref] = nil
		}
	}
}

// readLists lists the kinds of refs by our label. A list that fails settles
// nothing: its objects are asked for one by one, and name the error. Of what
// many clusters hold alike, CRDs above all, only one copy stays: the wanted one.
func (ob observer) readLists(ctx context.Context, l *world.Connected, refs map[object.Ref]*desired.Item, mesh string) error {
	kinds := map[object.Ref]bool{}
	for r := range refs {
		kinds[object.Of(r.GroupKind(), r.Namespace)] = true
	}
	g := limited(ob.lists)
	var mu sync.Mutex
	for k := range kinds {
		if k.Kind == "Namespace" && l.Record != nil || l.Listed(k) {
			continue // read before
		}
		g.Go(func() error {
			list, err := l.Cluster.List(ctx, k.GroupKind(), k.Namespace, object.LabelMesh+"="+mesh)
			if err != nil && !object.Absent(err) && object.ClassOf(err) != object.Forbidden {
				return err
			}
			for _, o := range list {
				if it := refs[object.RefOf(o)]; it != nil {
					o.Object = object.Share(it.Object.Object, o.Object)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for _, o := range list {
				if ref := object.RefOf(o); !l.Ending[ref] { // as good as gone
					l.Objects[ref] = world.Observed{Object: o}
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// dryRun asks the API server about every object that is there, is ours or to be
// adopted, and is not plainly as wanted.
func dryRun(ctx context.Context, l *world.Connected, wanted []*desired.Item, adopt bool) {
	g := limited(readsAtOnce)
	var mu sync.Mutex
	objects := maps.Clone(l.Objects) // l.Objects is written to below
	for _, it := range wanted {
		seen := objects[it.Ref]
		if seen.Object == nil || seen.Err != nil || it.KeptBy(seen.Object) != "" {
			continue
		}
		want := desired.WantedObject(it, seen.Object)
		if l.Record.Hash(it.Ref) == it.Hash && compare.Holds(want.Object, seen.Object.Object) && compare.Owned(want.Object, object.Applied(seen.Object)) {
			continue
		}
		mine := object.Ours(seen.Object)
		adopted := adopt && object.Strangers(it.Ref, seen.Object) != ""
		if !mine && !adopted && it.Ref.Kind != "Namespace" {
			continue
		}
		g.Go(func() error {
			seen.Dry, seen.DryErr = l.Cluster.Apply(ctx, want, object.ApplyOptions{DryRun: true, Force: mine || adopt})
			if seen.Dry != nil {
				seen.Dry.Object = object.Share(want.Object, seen.Dry.Object)
			}
			mu.Lock()
			defer mu.Unlock()
			l.Objects[it.Ref] = seen
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
}

// kubeSystemRef is the namespace whose UID a cluster is known by.
var kubeSystemRef = object.NamespaceRef("kube-system")

func limited(n int) *errgroup.Group {
	var g errgroup.Group
	g.SetLimit(n)
	return &g
}
