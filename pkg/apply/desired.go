package apply

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// Wanted is what the work directory says.
type Wanted struct {
	Mesh *topology.Mesh
	Base *topology.Base
	Root *certs.Root // nil only where nothing is applied, as in render
}

// Desired is what every cluster of the mesh should hold. It is a function of
// the work directory alone: no cluster and no clock is asked.
type Desired struct {
	MeshID      string
	TrustDomain string
	Root        *certs.Root
	Clusters    []*DesiredCluster // in the order of topology.yaml
	Warnings    topology.Problems // values that the topology overrides
}

// A DesiredCluster is one cluster's share of a [Desired].
type DesiredCluster struct {
	Member   Member
	Joined   bool // discovers the others and is discovered
	Gateway  bool // has an east-west gateway
	Account  string
	Manifest *topology.Manifest
	Items    []*Item
	Reads    []string // names of the clusters whose API servers its istiod reads
}

// NewDesired renders w for every cluster of the mesh. Mistakes that only the
// charts can tell are [topology.Problems] at the lines they come from.
func NewDesired(w Wanted, r *charts.Renderer) (*Desired, error) {
	d := &Desired{MeshID: w.Mesh.ID, TrustDomain: w.Mesh.TrustDomain, Root: w.Root}
	for _, c := range w.Mesh.Clusters {
		m, warnings := w.Mesh.Manifest(w.Base, c, topology.Release{Hub: charts.Hub, Tag: charts.Release})
		d.Clusters = append(d.Clusters, &DesiredCluster{
			Member:   Member{Name: c.Name, Context: c.Context, Network: c.Network, Namespace: c.Namespace, Role: RolePrimary},
			Joined:   !c.DisableRegistryJoin,
			Gateway:  w.Mesh.MultiNetwork(),
			Account:  c.ServiceAccountReader,
			Manifest: m,
		})
		d.Warnings = appendNew(d.Warnings, warnings)
	}
	if problems := d.check(); len(problems) > 0 {
		return nil, problems
	}
	return d, d.render(r)
}

// check collects what the charts refuse. A mistake in base.yaml is one mistake,
// however many clusters share it.
func (d *Desired) check() topology.Problems {
	var all topology.Problems
	for _, c := range d.Clusters {
		var found topology.Problems
		for _, m := range charts.Check(c.Manifest.Operator()) {
			found = append(found, c.Manifest.Problem(m.Path, m.Message))
		}
		all = appendNew(all, found)
	}
	return all
}

func appendNew(all, found topology.Problems) topology.Problems {
	for _, p := range found {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

func (d *Desired) render(r *charts.Renderer) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	rendered := make([][]charts.Object, len(d.Clusters))
	for i, c := range d.Clusters {
		g.Go(func() error {
			var err error
			rendered[i], err = r.Render(c.Member.Namespace, c.Manifest.Operator())
			if err != nil {
				return fmt.Errorf("render the IstioControlPlane of %s: %w", c.Member.Name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// The CRDs are rendered once for all clusters; so are their items.
	shared := map[*unstructured.Unstructured]*Item{}
	for i, c := range d.Clusters {
		for _, o := range rendered[i] {
			it := shared[o.Unstructured]
			if it == nil {
				var err error
				content := o.Unstructured
				if componentOf(o) == Gateway {
					content = movableGateway(content)
				}
				if it, err = newItem(componentOf(o), d.MeshID, content, nil); err != nil {
					return err
				}
				it.stage = stageOf(it.Ref, strings.Contains(o.Component, "gateway:"))
				shared[o.Unstructured] = it
			}
			c.Items = append(c.Items, it)
		}
		if err := d.addOwn(c); err != nil {
			return err
		}
	}
	return nil
}

func componentOf(o charts.Object) Component {
	if o.Component == "ingressgateway:"+EastWestGateway {
		return Gateway
	}
	return ControlPlane
}

// addOwn adds the objects that no chart renders.
func (d *Desired) addOwn(c *DesiredCluster) error {
	ns := c.Member.Namespace
	add := func(comp Component, o *unstructured.Unstructured, late Late) error {
		it, err := newItem(comp, d.MeshID, o, late)
		if err == nil {
			c.Items = append(c.Items, it)
		}
		return err
	}
	if err := add(ControlPlane, namespaceObject(c.Member), nil); err != nil {
		return err
	}
	if err := add(Certificate, object("v1", "Secret", ns, cacerts, nil, nil), &intermediate{
		root: d.Root, id: certs.Identity{Cluster: c.Member.Name, Namespace: ns, TrustDomain: d.TrustDomain},
	}); err != nil {
		return err
	}
	if c.Manifest.StrictMTLS() {
		if err := add(ControlPlane, strictMTLS(ns), nil); err != nil {
			return err
		}
	}
	if c.Gateway {
		if err := add(Gateway, exposeServices(ns), nil); err != nil {
			return err
		}
	}
	if !c.Joined {
		return nil
	}
	if c.Account != topology.DefaultServiceAccountReader {
		// The charts render the default account only.
		if err := add(RemoteAccess, object("v1", "ServiceAccount", ns, c.Account, nil, nil), nil); err != nil {
			return err
		}
	}
	for _, other := range d.Clusters {
		if other == c || !other.Joined {
			continue
		}
		c.Reads = append(c.Reads, other.Member.Name)
		if err := add(RemoteAccess, grantObject(ns, other.Member.Name), nil); err != nil {
			return err
		}
		if err := add(RemoteAccess, remoteSecretObject(ns, other.Member.Name), &remoteAccess{
			source: other.Member, account: other.Account, consumer: c.Member.Name,
		}); err != nil {
			return err
		}
	}
	return nil
}

// Departing is the Desired of a teardown: the clusters of m, and nothing wanted
// in any of them.
func Departing(m *topology.Mesh) *Desired {
	d := &Desired{MeshID: m.ID, TrustDomain: m.TrustDomain}
	for _, c := range m.Clusters {
		d.Clusters = append(d.Clusters, &DesiredCluster{
			Member: Member{Name: c.Name, Context: c.Context, Network: c.Network, Namespace: c.Namespace, Role: RolePrimary},
		})
	}
	return d
}
