// Package desired is what every cluster of a mesh should hold, as its files say:
// what Istio's charts render, what components add to it, and the content that only
// an apply can make ([Late]).
package desired

import (
	"errors"
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
	// Rotation leads to another root than Root; nil for none.
	Rotation *certs.Rotation
	// Issued are the intermediates that were signed elsewhere, by cluster.
	Issued map[string]*certs.Issued
	// Revoked are the CAs of the mesh that are revoked; nil for none.
	Revoked *certs.Revoked
	// CAs are the PEM contents of the files that apiServer.caFile names, by
	// context.
	CAs map[string][]byte
}

// Desired is what every cluster of the mesh should hold. It is a function of
// the work directory alone: no cluster and no clock is asked.
type Desired struct {
	MeshID      string
	TrustDomain string
	Root        *certs.Root              // in a rotation, that of its phase
	Rotation    *certs.Rotation          // nil for none
	Issued      map[string]*certs.Issued // by cluster; see [Wanted]
	Revoked     *certs.Revoked           // nil for none
	Clusters    []*Cluster               // in the order of topology.yaml
	Warnings    topology.Problems        // values that the topology overrides
	// SharedServices are the namespaces whose Services are to be present in all
	// joined clusters. Which these are, only the clusters know.
	SharedServices []string
	// InjectedNamespaces are those whose pods are injected in all clusters.
	InjectedNamespaces []string
	// EnrolledNamespaces are those whose pods are in an ambient mesh, in all clusters.
	EnrolledNamespaces []string
	// RotatesNodes says that the root may be rotated under the proxies of nodes.
	RotatesNodes bool
}

// A Cluster is one cluster's share of a [Desired].
type Cluster struct {
	Member   record.Member
	Joined   bool             // discovers the others and is discovered
	Gateway  bool             // has an east-west gateway, for sidecars
	Exposed  bool             // to other networks, through it
	Ambient  bool             // its pods are in the mesh through the proxies of their nodes
	HBONE    bool             // has the gateway through which ambient pods of its network are reached
	Remotes  []string         // names of the clusters that its istiod serves beside its own
	Address  topology.Gateway // how its gateway is reached, where its Service does not say that
	Server   APIServer
	Account  string
	Manifest *manifest.Manifest
	Items    []*Item
	Reads    []string // names of the clusters whose API servers its istiod reads
	ReadBy   []string // names of the clusters whose istiods read its API server
}

// Identity is what the intermediate of a cluster vouches for.
func (d *Desired) Identity(m record.Member) certs.Identity {
	return certs.Identity{Cluster: m.Name, Namespace: m.Namespace, TrustDomain: d.TrustDomain}
}

// An APIServer is how other clusters reach a cluster's API server, as far as
// that differs from the kubeconfig.
type APIServer struct {
	Server        string // URL
	TLSServerName string
	CA            []byte // PEM
}

// Over is e with what a says otherwise.
func (a APIServer) Over(e object.Endpoint) object.Endpoint {
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
	Check(spec map[string]any) []charts.Finding
	Render(namespace string, spec map[string]any) ([]charts.Object, error)
}

// New renders w for every cluster of the mesh, and has want add what no chart
// renders. Mistakes that only the charts can tell are [topology.Problems] at the
// lines they come from.
func New(w Wanted, r Charts, want func(*Wants)) (*Desired, error) {
	d := &Desired{MeshID: w.Mesh.ID, TrustDomain: w.Mesh.TrustDomain, Root: w.Root, Rotation: w.Rotation, Issued: w.Issued, Revoked: w.Revoked, SharedServices: w.Mesh.SharedServices, InjectedNamespaces: w.Mesh.InjectedNamespaces, EnrolledNamespaces: w.Mesh.Ambient.Namespaces, RotatesNodes: w.Mesh.Ambient.RootRotation}
	if w.Rotation != nil {
		d.Root = w.Rotation.Root()
	}
	d.manifests(w.Mesh, w.Base)
	for i, c := range w.Mesh.Clusters {
		d.Clusters[i].Server.CA = w.CAs[c.Context]
	}
	problems := d.check(r)
	d.Warnings.Sort()
	if len(problems) > 0 {
		return nil, problems
	}
	return d, d.render(r, want)
}

// manifests makes the manifest of each cluster.
func (d *Desired) manifests(m *topology.Mesh, b *manifest.Base) {
	for _, c := range m.Clusters {
		its, warnings := manifest.New(m, b, c, manifest.Release{Hub: charts.Hub, Tag: charts.Release})
		d.Clusters = append(d.Clusters, ClusterOf(m, c, its))
		d.Warnings = appendNew(d.Warnings, warnings)
	}
}

// ClusterOf is what m says of c, whose manifest that is, without objects.
func ClusterOf(m *topology.Mesh, c topology.Cluster, its *manifest.Manifest) *Cluster {
	d := &Cluster{
		Member:   record.MemberOf(c),
		Manifest: its,
		Joined:   !c.DisableRegistryJoin,
		Gateway:  its.Mode.EastWest,
		Exposed:  its.Mode.EastWest && m.MultiNetwork(),
		Ambient:  its.Mode.Ambient,
		HBONE:    its.Mode.HBONE,
		Remotes:  m.Remotes(c.Name),
		Address:  c.Gateway,
		Server:   APIServer{Server: c.APIServer.Server, TLSServerName: c.APIServer.TLSServerName},
		Account:  c.ServiceAccountReader,
	}
	for _, other := range m.Clusters {
		if m.Reads(c, other) {
			d.Reads = append(d.Reads, other.Name)
		}
		if m.Reads(other, c) {
			d.ReadBy = append(d.ReadBy, other.Name)
		}
	}
	return d
}

// check collects what the charts refuse, and warns of what they pass over. A mistake in base.yaml is one mistake,
// however many clusters share it.
func (d *Desired) check(r Charts) topology.Problems {
	var all topology.Problems
	for _, c := range d.Clusters {
		found := slices.Clone(c.Manifest.Mistakes)
		var warnings topology.Problems
		for _, f := range r.Check(c.Manifest.Operator()) {
			p := c.Manifest.Problem(f.Path, f.Message, f.Hint, strings.Fields(f.Known)...)
			if f.Warning {
				warnings = append(warnings, p)
			} else {
				found = append(found, p)
			}
		}
		all, d.Warnings = appendNew(all, found), appendNew(d.Warnings, warnings)
	}
	all.Sort()
	return all
}

// Mistakes returns what is wrong with the right parts of files that have other mistakes:
// what the charts refuse, and what base.yaml and topology.yaml say otherwise. Where
// topology.yaml cannot be understood, m is nil, and base.yaml is judged by itself.
func Mistakes(m *topology.Mesh, rest *manifest.Base, r Charts) topology.Problems {
	if m != nil {
		var d Desired
		d.manifests(m, rest)
		return d.check(r)
	}
	var out topology.Problems
	for _, f := range r.Check(rest.Operator()) {
		if !f.Warning {
			out = append(out, rest.Problem(f.Path, f.Message, f.Hint, strings.Fields(f.Known)...))
		}
	}
	return out
}

func appendNew(all, found topology.Problems) topology.Problems {
	for _, p := range found {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// objects renders the manifests of all clusters, in their order. What a template of the
// charts refuses is a problem with the value that it looked at.
func (d *Desired) objects(r Charts) ([][]charts.Object, error) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	rendered, errs := make([][]charts.Object, len(d.Clusters)), make([]error, len(d.Clusters))
	for i, c := range d.Clusters {
		g.Go(func() error {
			rendered[i], errs[i] = r.Render(c.Member.Namespace, c.Manifest.Operator())
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	var problems topology.Problems
	for i, c := range d.Clusters {
		if e, ok := errors.AsType[*charts.RefusedError](errs[i]); ok {
			problems = appendNew(problems, topology.Problems{c.Manifest.Problem(e.Path, e.Sentence(), e.Hint)})
		} else if errs[i] != nil {
			return nil, fmt.Errorf("render the IstioControlPlane of %s: %w", c.Member.Name, errs[i])
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return rendered, nil
}

func (d *Desired) render(r Charts, want func(*Wants)) error {
	rendered, err := d.objects(r)
	if err != nil {
		return err
	}
	// What is rendered once for several clusters is one item for them too; but where a
	// gateway is reached is said by each cluster.
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
				if subject.Component == order.Gateway {
					content = movableGateway(content, c.Address)
				}
				if it, err = NewItem(subject, d.MeshID, content, nil); err != nil {
					return err
				}
				if subject.Component != order.Gateway {
					shared[o.Unstructured] = it
				}
			}
			c.Items = append(c.Items, it)
		}
		more := &Wants{Desired: d, Cluster: c}
		if want(more); more.Err != nil {
			return more.Err
		}
	}
	return nil
}

// Departing is the Desired of a teardown: the clusters of m, and nothing wanted
// in any of them.
func Departing(m *topology.Mesh) *Desired {
	d := &Desired{MeshID: m.ID, TrustDomain: m.TrustDomain}
	for _, c := range m.Clusters {
		d.Clusters = append(d.Clusters, &Cluster{Member: record.MemberOf(c)})
	}
	return d
}
