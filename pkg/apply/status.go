package apply

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// StatusFormat is the version of a [Status]'s JSON.
const StatusFormat = "setup-mesh.io/status/v1"

// A Status says whether the clusters are one healthy mesh.
type Status struct {
	Format   string          `json:"format"`
	Mesh     string          `json:"mesh"`
	Clusters []ClusterStatus `json:"clusters"`
	Findings []Finding       `json:"findings"`
}

// A ClusterStatus is one line of a [Status].
type ClusterStatus struct {
	record.Member
	Unreached string `json:"unreached,omitempty"`
	Istio     string `json:"istio,omitempty"`   // version that istiod runs, that of a primary for a remote cluster
	Gateway   string `json:"gateway,omitempty"` // address and port, "pending", or "" where none is needed
	Trust     Trust  `json:"trust"`
	Drift     bool   `json:"drift"` // an apply would change something
	// Served is "ok" or what is wrong between a remote cluster and its
	// primaries, "" for a primary.
	Served string `json:"served,omitempty"`
	// Discovers maps every cluster that istiod reads to "ok" or to what is
	// wrong. A remote cluster has no istiod.
	Discovers map[string]string `json:"discovers"`
}

// Trust is the state of a cluster's intermediate.
type Trust struct {
	Root     string    `json:"root,omitempty"`    // fingerprint, shortened
	NotAfter time.Time `json:"notAfter,omitzero"` // zero for a remote cluster: it has no intermediate
	Days     int       `json:"days"`              // until NotAfter
	State    string    `json:"state"`             // "ok", or what is wrong
}

// Healthy says whether nothing was found.
func (s *Status) Healthy() bool { return len(s.Findings) == 0 }

// ok is a cell of the discovery matrix with nothing to say.
const ok = "ok"

// Probe is what a status asks beyond what a plan reads.
type Probe struct {
	Istiods     []IstiodView
	Err         error            // the istiods could not be listed
	Credentials map[string]error // of the stored remote secrets, by source
	// Root is the ConfigMap with the root certificate that the primaries of
	// a remote cluster write, as it was read; Injection is what came of trying
	// to have a pod injected there.
	Root      Observed
	Injection error
}

// Examine asks the istiods of every reached cluster, and tries every stored
// remote secret against its API server: an istiod calls a cluster synced for
// minutes after its token was revoked.
func Examine(ctx context.Context, p *Plan, clients *Clients) map[string]Probe {
	probes := map[string]Probe{}
	var mu sync.Mutex
	var g errgroup.Group
	for _, c := range p.Clusters {
		if c.Unreached != "" || c.Leaving {
			continue
		}
		g.Go(func() error {
			probe := examine(ctx, p, clients, c)
			mu.Lock()
			defer mu.Unlock()
			probes[c.Name] = probe
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	return probes
}

func examine(ctx context.Context, p *Plan, clients *Clients, c *ClusterPlan) Probe {
	l := clients.connect(c.Live)
	probe := Probe{Credentials: map[string]error{}}
	var mu sync.Mutex
	var g errgroup.Group
	if c.Remote() {
		g.Go(func() error {
			probe.Root.Object, probe.Root.Err = l.cluster.Get(ctx, rootConfigMapRef(c.Namespace))
			return nil
		})
		if ref := injectorRef(c.Namespace); c.Live.object(ref) != nil {
			probe.Injection = tryInjection(ctx, l, probePod(c.Namespace, c.Desired.Account))
		} else if c.wants(ref) {
			probe.Injection = fmt.Errorf("there is no %s", ref)
		}
		_ = g.Wait() // the functions return nil
		return probe
	}
	g.Go(func() error {
		probe.Istiods, probe.Err = readIstiods(ctx, l)
		return nil
	})
	for _, source := range c.Reads {
		o := c.Live.object(object.SecretRef(c.Namespace, object.RemoteSecretPrefix+source))
		if o == nil {
			continue
		}
		g.Go(func() error {
			err := checkCredential(ctx, clients, p.cluster(source), secretData(o)[source])
			mu.Lock()
			defer mu.Unlock()
			probe.Credentials[source] = err
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	return probe
}

// checkCredential tries a stored kubeconfig of source. Where topology.yaml says
// how other clusters reach the API server, that need not be this machine's way.
func checkCredential(ctx context.Context, clients *Clients, source *ClusterPlan, kubeconfig []byte) error {
	if source != nil && source.Unreached == "" && source.Desired != nil && source.Desired.Server.Server != "" {
		return clients.Of(source.Live).CheckToken(ctx, kubeconfig)
	}
	return clients.Opener.CheckKubeconfig(ctx, kubeconfig)
}

// NewStatus judges a plan and the answers to [Examine].
func NewStatus(p *Plan, probes map[string]Probe) *Status {
	s := &Status{Format: StatusFormat, Mesh: p.Mesh, Clusters: []ClusterStatus{}, Findings: append([]Finding{}, p.Refusals...)}
	for _, c := range p.Clusters {
		if c.Leaving && c.Unreached == "" && !c.Pending() {
			continue
		}
		s.Clusters = append(s.Clusters, s.cluster(p, c, probes[c.Name]))
	}
	return s
}

func (s *Status) find(id, cluster, hint, format string, args ...any) {
	s.Findings = append(s.Findings, Finding{ID: id, Cluster: cluster, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (s *Status) cluster(p *Plan, c *ClusterPlan, probe Probe) ClusterStatus {
	out := ClusterStatus{Member: c.Member, Unreached: c.Unreached, Drift: c.Pending(), Discovers: map[string]string{}}
	if c.Unreached != "" {
		hint := c.Hint
		if hint == "" {
			hint = "setup-mesh status, once it answers"
		}
		s.find("cluster/reached", c.Name, hint, "not reached: %s", c.Unreached)
		s.Findings[len(s.Findings)-1].Detail = c.Detail
		return out
	}
	if c.Leaving {
		s.find("cluster/wanted", c.Name, "setup-mesh apply takes it out", "not in topology.yaml any more, and still a member")
		return out
	}
	out.Gateway = s.gateway(c)
	if c.Remote() {
		out.Istio = versionOf(p, c)
		out.Trust = s.distributed(p, c, probe.Root)
		out.Served = s.served(c, probe.Injection)
		return out
	}
	out.Istio = s.istio(c)
	out.Trust = s.trust(p, c)
	s.discovery(p.world, c, probe, out.Discovers)
	return out
}

// istio is the version of the running istiod: its image's tag.
func (s *Status) istio(c *ClusterPlan) string {
	d := c.Live.object(object.IstiodRef(c.Namespace))
	if d == nil {
		s.find("istiod/running", c.Name, "setup-mesh apply", "there is no istiod")
		return ""
	}
	available, _, _ := unstructured.NestedInt64(d.Object, "status", "availableReplicas")
	if available == 0 {
		s.find("istiod/running", c.Name, "kubectl -n "+c.Namespace+" describe deployment istiod", "istiod has no available replica")
	}
	return imageVersion(d)
}

func (s *Status) gateway(c *ClusterPlan) string {
	if c.Desired == nil || !c.Desired.Gateway {
		return ""
	}
	if c.Gateway != "" {
		return c.Gateway
	}
	if why := c.Live.Reach.Nowhere; why != "" {
		s.find("gateway/address", c.Name, "set contexts."+c.Context+".gateway.addresses", "%s", why)
		return "none"
	}
	s.find("gateway/address", c.Name, "kubectl -n "+c.Namespace+" describe service "+object.EastWestGateway, "Service %s/%s has no address", c.Namespace, object.EastWestGateway)
	return "pending"
}

func (s *Status) trust(p *Plan, c *ClusterPlan) Trust {
	t := Trust{State: ok}
	ref := object.SecretRef(c.Namespace, object.Cacerts)
	live := c.Live.object(ref)
	if live == nil {
		t.State = "missing"
		s.find("trust/certificate", c.Name, "setup-mesh apply", "there is no Secret %s/%s", c.Namespace, object.Cacerts)
		return t
	}
	b, err := certs.ParseBundle(secretData(live))
	if err != nil {
		t.State = "unusable"
		s.find("trust/certificate", c.Name, "setup-mesh apply", "Secret %s/%s: %v", c.Namespace, object.Cacerts, err)
		return t
	}
	t.Root, t.NotAfter = certs.Short(b.RootFingerprint()), b.NotAfter()
	t.Days = int(math.Round(b.NotAfter().Sub(p.world.Now).Hours() / 24))
	if verdict := certs.Judge(b.NotBefore(), b.NotAfter(), p.world.Now); verdict != certs.Fresh {
		t.State = string(verdict)
		s.find("trust/certificate", c.Name, "setup-mesh apply renews it", "the intermediate is %s: valid until %s", verdict, b.NotAfter().Format(time.DateOnly))
	} else if root := p.desired.Root; root != nil && b.RootFingerprint() != root.Fingerprint() {
		t.State = "other root"
		s.find("trust/same-root", c.Name, "restore certs/root-cert.pem of this mesh", "trusts root %s, and the work directory holds root %s", certs.Short(b.RootFingerprint()), root.Short())
	}
	return t
}

// discovery fills a row of the matrix. A credential that its API server
// refuses counts more than what istiod believes.
func (s *Status) discovery(w *World, c *ClusterPlan, probe Probe, row map[string]string) {
	missing := undiscovered(c.Name, c.Reads, c.Reads, probe.Istiods)
	if probe.Err != nil {
		missing = undiscovered(c.Name, c.Reads, c.Reads, []IstiodView{{Err: probe.Err}})
	}
	for _, name := range c.Reads {
		row[name] = ok
	}
	for _, name := range sortedKeys(missing) {
		row[name] = missing[name]
	}
	for _, source := range c.Reads {
		if err, tried := probe.Credentials[source]; tried && err != nil {
			row[source] = string(object.ClassOf(err))
			s.find("discovery/credential-valid", c.Name, "setup-mesh apply", "cannot read %s: %v", source, err)
			delete(missing, source)
		}
	}
	for _, name := range sortedKeys(missing) {
		hint := cmp.Or(reachHint(w, c, name, probe.Istiods), "setup-mesh apply; then look at the log of istiod")
		s.find("discovery/synced", c.Name, hint, "does not discover %s: %s", name, missing[name])
	}
}
