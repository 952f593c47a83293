package apply

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

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
	Notes    []Finding       `json:"notes,omitempty"` // worth knowing, and nothing is wrong
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
	// Tokens is when the first of the tokens ends that istiod reads other
	// clusters with, zero where it has none, and TokenHours how long that is.
	Tokens     time.Time `json:"tokensNotAfter,omitzero"`
	TokenHours int       `json:"tokenHours,omitempty"`
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

// Examine asks the reached clusters of p what a status judges by. It tries every
// stored remote secret against its API server, too: an istiod calls a cluster
// synced for minutes after its token was revoked.
func Examine(ctx context.Context, p *Plan, clients *Clients) map[string]Probe {
	e := newEvidence(p, nil, nil)
	probes := map[string]Probe{}
	var mu sync.Mutex
	var g errgroup.Group
	for _, c := range p.Clusters {
		asks := e.asks(statusChecks(), c)
		if len(asks) == 0 {
			continue
		}
		g.Go(func() error {
			probe := examine(ctx, p, clients, c, asks)
			mu.Lock()
			defer mu.Unlock()
			probes[c.Name] = probe
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	return probes
}

func examine(ctx context.Context, p *Plan, clients *Clients, c *ClusterPlan, asks map[Question]bool) Probe {
	l := clients.connect(c.Live)
	probe := Probe{Credentials: map[string]error{}}
	var mu sync.Mutex
	var g errgroup.Group
	ask := func(q Question, f func()) {
		if asks[q] {
			g.Go(func() error { f(); return nil })
		}
	}
	ask(AskRoot, func() { probe.Root.Object, probe.Root.Err = l.cluster.Get(ctx, rootConfigMapRef(c.Namespace)) })
	ask(AskInjection, func() { probe.Injection = tryInjection(ctx, l, probePod(c.Namespace, c.probeAccount())) })
	ask(AskIstiods, func() { probe.Istiods, probe.Err = readIstiods(ctx, l) })
	for _, source := range c.Reads {
		o := c.credential(source)
		if o == nil {
			continue
		}
		ask(AskCredentials, func() {
			err := checkCredential(ctx, clients, p.cluster(source), secretData(o)[source])
			mu.Lock()
			defer mu.Unlock()
			probe.Credentials[source] = err
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
	e := newEvidence(p, nil, probes)
	s := &Status{Format: StatusFormat, Mesh: p.Mesh, Clusters: []ClusterStatus{}, Findings: []Finding{}}
	checks := slices.Concat(planChecks(), statusChecks())
	for _, f := range e.judge(checks) {
		switch {
		case severityOf(checks, f) != Warns || f.Unknown:
			s.Findings = append(s.Findings, f)
		case notedByStatus(f):
			s.Notes = append(s.Notes, f)
		}
	}
	for _, c := range p.Clusters {
		if gone := c.Leaving && c.Unreached == "" && len(c.Changes) == 0; !gone {
			s.Clusters = append(s.Clusters, e.describe(c, s.Findings))
		}
	}
	return s
}

// describe is the line of c: what it is, and the findings about it as cells.
func (e *Evidence) describe(c *ClusterPlan, found []Finding) ClusterStatus {
	out := ClusterStatus{Member: c.Member, Unreached: c.Unreached, Drift: c.Pending(), Discovers: map[string]string{}}
	if !stays(e, c) {
		return out
	}
	out.Istio, out.Gateway, out.Trust, out.Tokens = versionOf(e.plan, c), c.Gateway.String(), e.trust(c), c.firstExpiry()
	if !out.Tokens.IsZero() {
		out.TokenHours = int(math.Round(out.Tokens.Sub(e.plan.world.Now).Hours()))
	}
	if state := cell(found, c.Name, "", checkGatewayService, checkAddress); c.Gateway.Host == "" && c.Desired.Gateway && state != ok {
		out.Gateway = state
	}
	out.Trust.State = cell(found, c.Name, "", checkCertificate, checkSameRoot, checkRootDistributed)
	if c.Remote() {
		out.Served = cell(found, c.Name, "", checkWebhooks, checkInjection, checkControlAddress)
	}
	for _, source := range c.Reads {
		out.Discovers[source] = cell(found, c.Name, source, checkRemoteSecret, checkAccepted, checkSynced)
	}
	for _, f := range found {
		if f.ID == checkSynced && f.Cluster == c.Name && out.Discovers[f.Peer] == "" { // known, and should not be
			out.Discovers[f.Peer] = f.State
		}
	}
	return out
}

// versionOf is what the istiod of c runs, or that of a primary of it.
func versionOf(p *Plan, c *ClusterPlan) string {
	if !c.Remote() {
		return imageVersion(c.Live.object(object.IstiodRef(c.Namespace)))
	}
	for _, name := range c.Primaries {
		if primary := p.cluster(name); primary != nil && primary.Unreached == "" {
			if v := imageVersion(primary.Live.object(object.IstiodRef(primary.Namespace))); v != "" {
				return v
			}
		}
	}
	return ""
}

// cell is how a table shows what was found of a cluster and a peer ("" for what
// has none) by these checks: the first state, [ok] if there is none.
func cell(findings []Finding, cluster, peer string, ids ...string) string {
	for _, id := range ids {
		for _, f := range findings {
			if f.ID == id && f.Cluster == cluster && f.Peer == peer && f.State != "" {
				return f.State
			}
		}
	}
	return ok
}

// ok is a cell with nothing to say.
const ok = "ok"

// trust is what a status shows of a cluster's trust, its state aside.
func (e *Evidence) trust(c *ClusterPlan) Trust {
	if c.Remote() {
		if root, err := rootIn(e.probes[c.Name].Root); err == nil && root != nil {
			return Trust{Root: root.Short()}
		}
		return Trust{}
	}
	b := c.bundle()
	if b == nil {
		return Trust{}
	}
	return Trust{
		Root: certs.Short(b.RootFingerprint()), NotAfter: b.NotAfter(),
		Days: int(math.Round(b.NotAfter().Sub(e.plan.world.Now).Hours() / 24)),
	}
}
