package apply

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// Wanted is what the work directory says.
type Wanted struct {
	Mesh *topology.Mesh
	Base *manifest.Base
	Root *certs.Root // nil only where nothing is applied, as in render
	// CAs are the PEM contents of the files that apiServer.caFile names, by
	// context.
	CAs map[string][]byte
}

// Desired is what every cluster of the mesh should hold. It is a function of
// the work directory alone: no cluster and no clock is asked.
type Desired struct {
	MeshID      string
	TrustDomain string
	Root        *certs.Root
	Clusters    []*DesiredCluster // in the order of topology.yaml
	Warnings    topology.Problems // values that the topology overrides
	// SharedServices are the namespaces whose Services are to be present in all
	// joined clusters. Which these are, only the clusters know.
	SharedServices []string
}

// A DesiredCluster is one cluster's share of a [Desired].
type DesiredCluster struct {
	Member   record.Member
	Joined   bool             // discovers the others and is discovered
	Gateway  bool             // has an east-west gateway
	Exposed  bool             // to other networks, through it
	Remotes  []string         // names of the clusters that its istiod serves beside its own
	Address  topology.Gateway // how its gateway is reached, where its Service does not say that
	Server   APIServer
	Account  string
	Manifest *manifest.Manifest
	Items    []*Item
	Reads    []string // names of the clusters whose API servers its istiod reads
	ReadBy   []string // names of the clusters whose istiods read its API server
}

// An APIServer is how other clusters reach a cluster's API server, as far as
// that differs from the kubeconfig.
type APIServer struct {
	Server        string // URL
	TLSServerName string
	CA            []byte // PEM
}

// over is e with what a says otherwise.
func (a APIServer) over(e object.Endpoint) object.Endpoint {
	if a.Server != "" {
		e.Server, e.TLSServerName = strings.TrimSuffix(a.Server, "/"), ""
	}
	if a.TLSServerName != "" {
		e.TLSServerName = a.TLSServerName
	}
	if a.CA != nil {
		e.CA, e.Insecure = a.CA, false
	}
	return e
}

// Charts judge and render the specs of IstioControlPlanes; a [charts.Renderer]
// does it with those of Istio.
type Charts interface {
	Check(spec map[string]any) []charts.Mistake
	Render(namespace string, spec map[string]any) ([]charts.Object, error)
}

// NewDesired renders w for every cluster of the mesh. Mistakes that only the
// charts can tell are [topology.Problems] at the lines they come from.
func NewDesired(w Wanted, r Charts) (*Desired, error) {
	d := &Desired{MeshID: w.Mesh.ID, TrustDomain: w.Mesh.TrustDomain, Root: w.Root, SharedServices: w.Mesh.SharedServices}
	for _, c := range w.Mesh.Clusters {
		m, warnings := manifest.New(w.Mesh, w.Base, c, manifest.Release{Hub: charts.Hub, Tag: charts.Release})
		one := desiredCluster(w.Mesh, c)
		one.Server.CA, one.Manifest = w.CAs[c.Context], m
		d.Clusters = append(d.Clusters, one)
		d.Warnings = appendNew(d.Warnings, warnings)
	}
	if problems := d.check(r); len(problems) > 0 {
		return nil, problems
	}
	return d, d.render(r)
}

func desiredCluster(m *topology.Mesh, c topology.Cluster) *DesiredCluster {
	return &DesiredCluster{
		Member:  record.MemberOf(c),
		Joined:  !c.DisableRegistryJoin,
		Gateway: m.HasGateway(c),
		Exposed: m.MultiNetwork(),
		Remotes: m.Remotes(c.Name),
		Address: c.Gateway,
		Server:  APIServer{Server: c.APIServer.Server, TLSServerName: c.APIServer.TLSServerName},
		Account: c.ServiceAccountReader,
	}
}

// check collects what the charts refuse. A mistake in base.yaml is one mistake,
// however many clusters share it.
func (d *Desired) check(r Charts) topology.Problems {
	var all topology.Problems
	for _, c := range d.Clusters {
		var found topology.Problems
		for _, m := range r.Check(c.Manifest.Operator()) {
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

func (d *Desired) render(r Charts) error {
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
			if c.Member.Remote() && o.Component == "pilot" && o.GetNamespace() != "" {
				continue // istiod's own, such as a copy of its values for debugging
			}
			it := shared[o.Unstructured]
			if it == nil {
				var err error
				content, subject := o.Unstructured, renderedSubject(o)
				switch {
				case subject.Component == order.Gateway:
					content = movableGateway(content, c.Address)
				case o.GetKind() == "ClusterRoleBinding":
					content = readerBinding(content, c.Account)
				}
				if it, err = newItem(subject, d.MeshID, content, nil); err != nil {
					return err
				}
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

// addOwn adds the objects that no chart renders.
func (d *Desired) addOwn(c *DesiredCluster) error {
	items := own{mesh: d.MeshID, cluster: c}
	items.add(order.Subject{Component: order.ControlPlane, Part: order.Namespace}, namespaceObject(c.Member), nil)
	if c.Member.Remote() {
		items.remote()
	} else {
		items.primary(d)
	}
	for _, other := range d.Clusters {
		if reads(other, c) {
			c.ReadBy = append(c.ReadBy, other.Member.Name)
			items.add(order.Subject{Component: order.RemoteAccess, Part: order.Grant, Peer: other.Member.Name}, grantObject(c.Member.Namespace, other.Member.Name), nil)
		}
		if reads(c, other) {
			c.Reads = append(c.Reads, other.Member.Name)
			items.add(order.Subject{Component: order.RemoteAccess, Part: order.Credential, Peer: other.Member.Name}, remoteSecretObject(c.Member.Namespace, other.Member.Name), &remoteAccess{
				source: other.Member, account: other.Account, consumer: c.Member.Name,
				serves: slices.Contains(other.Member.Primaries, c.Member.Name),
			})
		}
	}
	return items.err
}

// reads says whether the istiod of c reads the API server of source: it has to
// for a cluster that it serves, whether that is joined or not.
func reads(c, source *DesiredCluster) bool {
	return c != source && !c.Member.Remote() &&
		(slices.Contains(source.Member.Primaries, c.Member.Name) || c.Joined && source.Joined)
}

// own collects the objects of a cluster that no chart renders.
type own struct {
	mesh    string
	cluster *DesiredCluster
	err     error // the first
}

func (w *own) add(about order.Subject, o *unstructured.Unstructured, late Late) {
	it, err := newItem(about, w.mesh, o, late)
	if err != nil && w.err == nil {
		w.err = err
	}
	if err == nil {
		w.cluster.Items = append(w.cluster.Items, it)
	}
}

// primary adds trust, and Istio's own configuration: istiod reads that in its
// own cluster only.
func (w *own) primary(d *Desired) {
	c, ns := w.cluster, w.cluster.Member.Namespace
	w.add(order.Subject{Component: order.Certificate, Part: order.Trust}, object.New("v1", "Secret", ns, object.Cacerts, nil, nil), &intermediate{
		root: d.Root, id: certs.Identity{Cluster: c.Member.Name, Namespace: ns, TrustDomain: d.TrustDomain},
	})
	if c.Manifest.StrictMTLS() {
		w.add(order.Subject{Component: order.ControlPlane, Part: order.Mesh}, strictMTLS(ns), nil)
	}
	if c.Exposed {
		w.add(order.Subject{Component: order.Gateway, Part: order.Mesh}, exposeServices(ns), nil)
	}
	if len(c.Remotes) > 0 {
		w.add(order.Subject{Component: order.Gateway, Part: order.Mesh}, exposeIstiod(ns), nil)
		w.add(order.Subject{Component: order.Gateway, Part: order.Mesh}, routeIstiod(ns), nil)
	}
	if c.Account != topology.DefaultServiceAccountReader && d.isRead(c) {
		// The charts render the default account only.
		w.add(order.Subject{Component: order.RemoteAccess, Part: order.Account}, readerAccount(ns, c.Account), nil)
	}
}

// remote adds the way to the primaries, and the account that they read the
// cluster as: the base chart, which has that, is for primaries.
func (w *own) remote() {
	c, ns := w.cluster, w.cluster.Member.Namespace
	w.add(order.Subject{Component: order.Primaries, Part: order.Service}, istiodServiceObject(ns), nil)
	for _, primary := range c.Member.Primaries {
		w.add(order.Subject{Component: order.Primaries, Part: order.Endpoints, Peer: primary}, endpointsObject(ns, primary), &primaryEndpoints{primary: primary})
	}
	w.add(order.Subject{Component: order.RemoteAccess, Part: order.Account}, readerAccount(ns, c.Account), nil)
}

// isRead says whether any istiod reads the API server of c.
func (d *Desired) isRead(c *DesiredCluster) bool {
	return slices.ContainsFunc(d.Clusters, func(other *DesiredCluster) bool { return reads(other, c) })
}

// Departing is the Desired of a teardown: the clusters of m, and nothing wanted
// in any of them.
func Departing(m *topology.Mesh) *Desired {
	d := &Desired{MeshID: m.ID, TrustDomain: m.TrustDomain}
	for _, c := range m.Clusters {
		d.Clusters = append(d.Clusters, &DesiredCluster{Member: record.MemberOf(c)})
	}
	return d
}
