package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
)

// readsAtOnce bounds the requests under way to one API server.
const readsAtOnce = 16

// An Opener makes the client of a kubeconfig context; it sends nothing.
type Opener interface {
	Open(context string, o kube.Options) (*kube.Cluster, error)
}

// ObserveOptions say what is read beside the clusters of the topology.
type ObserveOptions struct {
	Now time.Time
	// Teardown reads every cluster as one that is leaving.
	Teardown bool
	Client   kube.Options
}

// Observe reads every cluster of d in parallel, and those that their records
// name as members of the mesh and d does not. A cluster that cannot be read is
// part of the result ([Live].Unreached), not an error: the error is that ctx
// ended.
func Observe(ctx context.Context, open Opener, d *Desired, o ObserveOptions) (*World, error) {
	w := &World{Now: o.Now}
	var g errgroup.Group
	w.Clusters = make([]*Live, len(d.Clusters))
	for i, c := range d.Clusters {
		l := &Live{Member: c.Member, Leaving: o.Teardown}
		w.Clusters[i] = l
		g.Go(func() error {
			observer{open: open, options: o.Client, mesh: d.MeshID}.member(ctx, l, c)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	departed := departedMembers(w, d)
	for _, m := range departed {
		l := &Live{Member: m, Leaving: true}
		w.Clusters = append(w.Clusters, l)
		g.Go(func() error {
			observer{open: open, options: o.Client, mesh: d.MeshID, uid: m.UID}.member(ctx, l, &DesiredCluster{Member: m})
			return nil
		})
	}
	_ = g.Wait()
	if err := ctx.Err(); err != nil {
		return w, fmt.Errorf("read the clusters of %s: %w", d.MeshID, context.Cause(ctx))
	}
	return w, nil
}

// departedMembers are the clusters that some record names as members, and that
// neither the topology nor a reached cluster accounts for; sorted by name.
func departedMembers(w *World, d *Desired) []Member {
	known := map[string]bool{}
	for _, l := range w.Clusters {
		known["uid "+l.UID] = true
		known["context "+l.Context] = true
	}
	var out []Member
	for _, l := range w.Clusters {
		if l.Record == nil || l.Record.Mesh != d.MeshID {
			continue
		}
		for _, m := range l.Record.Members {
			if !known["uid "+m.UID] && !known["context "+m.Context] {
				known["uid "+m.UID] = true
				out = append(out, m)
			}
		}
	}
	slices.SortFunc(out, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// An observer reads one cluster.
type observer struct {
	open    Opener
	options kube.Options
	mesh    string
	uid     string // that the cluster must have, "" for any
}

func (ob observer) member(ctx context.Context, l *Live, c *DesiredCluster) {
	l.Objects = map[kube.Ref]Observed{}
	if err := ob.connect(ctx, l); err != nil {
		l.Unreached = err
		return
	}
	wanted := c.Items
	if l.Leaving {
		wanted = nil
	}
	if err := readObjects(ctx, l, ob.mesh, wanted); err != nil {
		l.Unreached = err
		return
	}
	if err := unreadable(l); err != nil {
		l.Unreached = err
		return
	}
	if l.Leaving {
		l.Remains = readRemains(ctx, l)
		return
	}
	dryRun(ctx, l, wanted)
}

// connect finds out which cluster this is, and reads its record.
func (ob observer) connect(ctx context.Context, l *Live) error {
	cluster, err := ob.open.Open(l.Context, ob.options)
	if err != nil {
		return err
	}
	l.cluster = cluster
	l.Endpoint = cluster.Endpoint()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		id, err := cluster.Identity(ctx)
		l.UID, l.Kubernetes = id.UID, id.Version
		return err
	})
	var record, namespace Observed
	g.Go(func() error {
		namespace.Object, namespace.Err = cluster.Get(ctx, namespaceRef(l.Namespace))
		return nil
	})
	g.Go(func() error {
		record.Object, record.Err = cluster.Get(ctx, recordRef(l.Namespace))
		if record.Err == nil {
			l.recordVersion = record.Object.GetResourceVersion()
			l.Record, record.Err = ParseRecord(record.Object)
		}
		if absent(record.Err) {
			return nil
		}
		return record.Err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if ob.uid != "" && l.UID != ob.uid {
		return fmt.Errorf("context %s leads to another cluster now (kube-system UID %s, recorded %s)", l.Context, l.UID, ob.uid)
	}
	if absent(namespace.Err) {
		namespace.Err = nil
	}
	l.Objects[namespaceRef(l.Namespace)] = namespace
	return nil
}

// readObjects reads all that is wanted or recorded. A cluster with a record
// holds most of it, and is asked for lists; one without is asked for each
// object that can be there.
func readObjects(ctx context.Context, l *Live, mesh string, wanted []*Item) error {
	refs := map[kube.Ref]bool{}
	for _, it := range wanted {
		refs[it.Ref] = true
	}
	switch {
	case l.Record != nil:
		for _, o := range l.Record.Objects {
			refs[o.Ref] = true
		}
		if err := readLists(ctx, l, refs, l.Record.Mesh); err != nil {
			return err
		}
	case l.Leaving:
		// CRDs that were in use at an earlier teardown have outlived the record.
		if err := readLists(ctx, l, map[kube.Ref]bool{crdRef: true}, mesh); err != nil {
			return err
		}
	}
	var missing []kube.Ref
	namespace := l.Objects[namespaceRef(l.Namespace)]
	for ref := range refs {
		switch _, known := l.Objects[ref]; {
		case known:
		case ref.Namespace == l.Namespace && namespace.Object == nil && namespace.Err == nil:
			l.Objects[ref] = Observed{}
		default:
			missing = append(missing, ref)
		}
	}
	g := limited(readsAtOnce)
	var mu sync.Mutex
	for _, ref := range missing {
		g.Go(func() error {
			o, err := l.cluster.Get(ctx, ref)
			if absent(err) {
				err = nil
			}
			mu.Lock()
			defer mu.Unlock()
			l.Objects[ref] = Observed{Object: o, Err: err}
			return nil
		})
	}
	return g.Wait()
}

// readLists lists the kinds of refs by our label. A list that fails settles
// nothing: its objects are asked for one by one, and name the error.
func readLists(ctx context.Context, l *Live, refs map[kube.Ref]bool, mesh string) error {
	type kind struct{ group, version, kind, namespace string }
	kinds := map[kind]bool{}
	for r := range refs {
		kinds[kind{r.Group, r.Version, r.Kind, r.Namespace}] = true
	}
	g := limited(readsAtOnce)
	var mu sync.Mutex
	for k := range kinds {
		if k.kind == "Namespace" {
			continue // read by connect
		}
		g.Go(func() error {
			list, err := l.cluster.List(ctx, schema.GroupVersionKind{Group: k.group, Version: k.version, Kind: k.kind}, k.namespace, labelMesh+"="+mesh)
			if err != nil && !absent(err) && kube.ClassOf(err) != kube.Forbidden {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, o := range list {
				l.Objects[kube.RefOf(o)] = Observed{Object: o}
			}
			return nil
		})
	}
	return g.Wait()
}

// dryRun asks the API server about every object that is there, is ours, and is
// not plainly as wanted.
func dryRun(ctx context.Context, l *Live, wanted []*Item) {
	g := limited(readsAtOnce)
	var mu sync.Mutex
	objects := maps.Clone(l.Objects) // l.Objects is written to below
	for _, it := range wanted {
		seen := objects[it.Ref]
		if seen.Object == nil || seen.Err != nil {
			continue
		}
		want := wantedObject(it, seen.Object)
		if l.Record.hash(it.Ref) == it.Hash && holds(want.Object, seen.Object.Object) {
			continue
		}
		mine := ours(seen.Object)
		if !mine && it.Ref.Kind != "Namespace" {
			continue
		}
		g.Go(func() error {
			seen.Dry, seen.DryErr = l.cluster.Apply(ctx, want, kube.ApplyOptions{DryRun: true, Force: mine})
			mu.Lock()
			defer mu.Unlock()
			l.Objects[it.Ref] = seen
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
}

// unreadable is why l was not read whole, nil if it was. Nothing is done in a
// cluster of which a part is unknown. Missing permissions are named together.
func unreadable(l *Live) error {
	kinds := map[string]bool{}
	for ref, seen := range l.Objects {
		switch {
		case seen.Err == nil:
		case kube.ClassOf(seen.Err) == kube.Forbidden:
			kinds[ref.Kind] = true
		default:
			return seen.Err
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	return &kube.Error{
		Class: kube.Forbidden, Context: l.Context, Op: "read all objects",
		Message: "the user of the context may not read " + strings.Join(sortedKeys(kinds), ", "),
		Hint:    "grant that user get and list on them; README.md has all permissions that setup-mesh needs",
	}
}

func limited(n int) *errgroup.Group {
	var g errgroup.Group
	g.SetLimit(n)
	return &g
}
