// Package observe reads clusters into a [world.World]. It writes nothing: a
// server-side dry run counts as reading.
package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// Options say what is read beside the clusters of the topology.
type Options struct {
	Now time.Time
	// Teardown reads every cluster as one that is leaving.
	Teardown bool
	// Adopt asks what an apply would change in objects that others manage, for
	// a plan that adopts.
	Adopt bool
}

// Observe reads every cluster of d in parallel, and those that their records
// name as members of the mesh and d does not. A cluster that cannot be read is
// part of the result ([world.Live].Unreached), not an error: the error is that ctx
// ended. The clients of all clusters that were reached are in clients then.
func Observe(ctx context.Context, clients *world.Clients, d *desired.Desired, o Options) (*world.World, error) {
	w := &world.World{Now: o.Now}
	var g errgroup.Group
	ob := observer{clients: clients, mesh: d.MeshID, adopt: o.Adopt, lists: listsAtOnce(len(d.Clusters))}
	w.Clusters = make([]*world.Live, len(d.Clusters))
	for i, c := range d.Clusters {
		l := &world.Live{Member: c.Member, Leaving: o.Teardown, Address: c.Address}
		w.Clusters[i] = l
		g.Go(func() error {
			at := &world.Connected{Live: l}
			if len(c.Remotes) > 0 {
				at.Resolver = clients.Resolver
			}
			switch {
			case !ob.reach(ctx, at, c, ""):
			case len(d.SharedServices) == 0:
				ob.read(ctx, at, c, c.Items)
			case c.Joined:
				l.Unreached = readServices(ctx, at, d.SharedServices)
			}
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	if len(d.SharedServices) > 0 {
		if err := ob.share(ctx, w, d); err != nil {
			return w, err
		}
	}
	for _, m := range DepartedMembers(w, d) {
		l := &world.Live{Member: m, Leaving: true}
		l.Name = freeName(w, m)
		w.Clusters = append(w.Clusters, l)
		g.Go(func() error {
			at := &world.Connected{Live: l}
			if c := (&desired.Cluster{Member: m}); ob.reach(ctx, at, c, m.UID) {
				ob.read(ctx, at, c, nil)
			}
			return nil
		})
	}
	_ = g.Wait()
	if err := ctx.Err(); err != nil {
		return w, fmt.Errorf("read the clusters of %s: %w", d.MeshID, context.Cause(ctx))
	}
	return w, nil
}

// freeName is what a departed member is called: its name may be another cluster's
// by now, whose objects are not to be taken for those about the member.
func freeName(w *world.World, m record.Member) string {
	name := m.Name
	for n := 4; w.Cluster(name) != nil; n++ {
		name = m.Name + "~" + m.UID[:min(n, len(m.UID))]
	}
	return name
}

// DepartedMembers are the clusters that some record names as members, and that
// neither the topology nor a reached cluster accounts for; sorted by name. One
// without a UID was never reached, and holds nothing.
func DepartedMembers(w *world.World, d *desired.Desired) []record.Member {
	known := map[string]bool{}
	for _, l := range w.Clusters {
		known["uid "+l.UID] = true
		known["context "+l.Context] = true
		if l.Unreached != nil {
			known["name "+l.Name] = true // as far as anybody knows
		}
	}
	var out []record.Member
	for _, l := range w.Clusters {
		if l.Record == nil || l.Record.Mesh != d.MeshID {
			continue
		}
		for _, m := range l.Record.Members {
			if m.UID != "" && !known["uid "+m.UID] && !known["context "+m.Context] && !known["name "+m.Name] {
				known["uid "+m.UID] = true
				out = append(out, m)
			}
		}
	}
	slices.SortFunc(out, func(a, b record.Member) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// An observer reads one cluster.
type observer struct {
	clients *world.Clients
	mesh    string
	adopt   bool
	lists   int // at once
}

// reach connects to a cluster, which must have that UID unless it is "", and says
// whether it is there.
func (ob observer) reach(ctx context.Context, l *world.Connected, c *desired.Cluster, uid string) bool {
	l.Objects = map[object.Ref]world.Observed{}
	if err := ob.connect(ctx, l, c.Server, uid); err != nil {
		l.Unreached = unconnected(ctx, l, err, c.Items)
	}
	return l.Unreached == nil
}

// read reads what is wanted or recorded in a cluster that was reached.
func (ob observer) read(ctx context.Context, l *world.Connected, c *desired.Cluster, wanted []*desired.Item) {
	if l.Leaving {
		wanted = nil
	}
	if err := ob.readObjects(ctx, l, wanted); err != nil {
		l.Unreached = err
		return
	}
	if err := unreadable(ctx, l); err != nil {
		l.Unreached = err
		return
	}
	spaces := unwantedSpaces(l.Live, wanted)
	if l.Leaving || world.Demoted(l.Live) {
		l.Remains = readRemains(ctx, l, spaces)
	} else {
		l.Remains = ReadSpaces(ctx, l, spaces)
	}
	if l.Leaving {
		return
	}
	if c.Gateway {
		l.Reach = l.GatewayReach(ctx, l.Object(object.GatewayServiceRef(l.Namespace)))
	}
	if c.HBONE {
		l.Tunnelled = readOne(ctx, l, object.AmbientGatewayServiceRef(l.Namespace))
		l.TunnelWorkload = readOne(ctx, l, object.AmbientWorkloadRef(l.Namespace))
	}
	dryRun(ctx, l, wanted, ob.adopt)
}

// connect finds out which cluster this is, and reads its record.
func (ob observer) connect(ctx context.Context, l *world.Connected, server desired.APIServer, uid string) error {
	cluster, err := ob.clients.Opener.Open(l.Context)
	if err != nil {
		return err
	}
	l.Cluster = cluster
	l.Endpoint = server.Over(cluster.Endpoint())
	g, asking := errgroup.WithContext(ctx)
	g.Go(func() error {
		id, err := cluster.Identity(asking)
		if err == nil { // else it is who the records say
			l.UID, l.Kubernetes = id.UID, id.Version
		}
		return err
	})
	var namespace world.Observed
	g.Go(func() error {
		namespace.Object, namespace.Err = cluster.Get(asking, object.NamespaceRef(l.Namespace))
		return nil
	})
	g.Go(func() error { return readRecords(asking, l) })
	if err := g.Wait(); err != nil {
		return err
	}
	if now := l.UID; uid != "" && now != uid {
		l.UID = uid
		return fmt.Errorf("context %s now points to a different cluster (kube-system UID %s, recorded %s)", l.Context, now, uid)
	}
	ob.clients.Add(l.UID, cluster)
	if object.Absent(namespace.Err) {
		namespace.Err = nil
	}
	if l.Leaving && l.Record == nil && l.Follow(ob.mesh) {
		namespace.Object, namespace.Err = cluster.Get(ctx, object.NamespaceRef(l.Namespace))
		if object.Absent(namespace.Err) {
			namespace.Err = nil
		}
	}
	l.SeeNamespace(namespace)
	return nil
}

// readRecords finds the records of all meshes in the cluster: whoever changes
// the Istio namespace, or sets up a second mesh, has one in another namespace.
// A user who may not look into all namespaces is shown that of the member's.
func readRecords(ctx context.Context, l *world.Connected) error {
	found, err := l.Cluster.List(ctx, record.Ref("").GroupKind(), "", record.Label)
	if object.ClassOf(err) == object.Forbidden {
		one, err := l.Cluster.Get(ctx, record.Ref(l.Namespace))
		if object.Absent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		found = append(found[:0], one)
	} else if err != nil {
		return err
	}
	for _, o := range found {
		if o.GetName() != record.Ref("").Name {
			continue
		}
		r, err := record.Parse(o)
		if err != nil {
			return err
		}
		for i, one := range r.Objects {
			if one.Part == "" { // of an older release
				r.Objects[i].Subject = desired.SubjectOf(one.Ref, one.Component)
			}
		}
		if o.GetNamespace() == l.Namespace {
			l.Record, l.RecordVersion = r, o.GetResourceVersion()
			continue
		}
		if l.Elsewhere == nil {
			l.Elsewhere = map[string]world.Stored{}
		}
		l.Elsewhere[o.GetNamespace()] = world.Stored{Record: r, Version: o.GetResourceVersion()}
	}
	return nil
}
