// Package status says whether the clusters of a plan are one healthy mesh.
package status

import (
	"math"
	"slices"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Format is the version of a [Status]'s JSON.
const Format = "setup-mesh.io/status/v1"

// A Status says whether the clusters are one healthy mesh.
type Status struct {
	Format   string         `json:"format"`
	Mesh     string         `json:"mesh"`
	Clusters []Cluster      `json:"clusters"`
	Findings []plan.Finding `json:"findings"`
	Notes    []plan.Finding `json:"notes,omitempty"` // worth knowing, and nothing is wrong
	// Checks are those that found something, by their IDs.
	Checks map[string]Check `json:"checks,omitempty"`
}

// A Check is how grave its findings are, and which document says what they mean.
type Check struct {
	Severity check.Severity `json:"severity"`
	Docs     string         `json:"docs"` // such as docs/checks.md#gatewayaddress
}

// A Cluster is one line of a [Status].
type Cluster struct {
	record.Member
	Unreached string `json:"unreached,omitempty"`
	Istio     string `json:"istio,omitempty"`   // version that istiod runs, that of a primary for a remote cluster
	Gateway   string `json:"gateway,omitempty"` // address and port, "pending", or "" where none is needed
	// AmbientGateway is the same of the gateway for ambient pods, where the cluster has one
	// beside that for sidecars; otherwise Gateway is about the one that it has.
	AmbientGateway string `json:"ambientGateway,omitempty"`
	Trust          Trust  `json:"trust"`
	Drift          bool   `json:"drift"` // an apply would change something
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
	// Kubernetes is the version of the API server, TokenOf all tokens of istiod by
	// the cluster that they are for.
	Kubernetes string           `json:"kubernetes,omitempty"`
	TokenOf    map[string]Token `json:"tokenOf,omitempty"`
	Proxies    Proxies          `json:"proxies,omitzero"`
}

// Proxies says how many proxies of a cluster are connected to istiods, and how many of
// these were asked what they were told when they were injected.
type Proxies struct {
	Connected int `json:"connected"`
	Asked     int `json:"asked"`
}

// Trust is the state of a cluster's intermediate.
type Trust struct {
	Root     string    `json:"root,omitempty"`    // fingerprint, shortened
	NotAfter time.Time `json:"notAfter,omitzero"` // zero for a remote cluster: it has no intermediate
	Days     int       `json:"days"`              // until NotAfter
	State    string    `json:"state"`             // "ok", or what is wrong
	RootDays int       `json:"rootDays,omitempty"`
}

// Healthy says whether nothing was found.
func (s *Status) Healthy() bool { return len(s.Findings) == 0 }

// New judges a plan and the answers to [ask.Examine].
func New(p *plan.Plan, probes map[string]check.Probe) *Status {
	e := check.NewEvidence(p, nil, probes)
	s := &Status{Format: Format, Mesh: p.Mesh, Clusters: []Cluster{}, Findings: []plan.Finding{}}
	checks := slices.Concat(check.PlanChecks(), component.StatusChecks())
	for _, f := range e.Judge(checks) {
		switch {
		case check.SeverityOf(checks, f) != check.Warns || f.Unknown:
			s.Findings = append(s.Findings, f)
		case notedByStatus(f):
			s.Notes = append(s.Notes, f)
		}
	}
	s.Checks = named(checks, slices.Concat(s.Findings, s.Notes))
	for _, c := range p.Clusters {
		if gone := c.Leaving && c.Unreached == "" && len(c.Changes) == 0; !gone {
			s.Clusters = append(s.Clusters, describe(e, c, s.Findings))
		}
	}
	return s
}

// named are the checks of findings, nil for none.
func named(checks []check.Check, findings []plan.Finding) map[string]Check {
	var out map[string]Check
	for _, c := range checks {
		if !slices.ContainsFunc(findings, func(f plan.Finding) bool { return f.ID == c.ID }) {
			continue
		}
		if out == nil {
			out = map[string]Check{}
		}
		out[c.ID] = Check{Severity: c.Severity, Docs: check.Page + "#" + check.Anchor(c.ID)}
	}
	return out
}

// describe is the line of c: what it is, and the findings about it as cells.
func describe(e *check.Evidence, c *plan.Cluster, found []plan.Finding) Cluster {
	out := Cluster{Member: c.Member, Unreached: c.Unreached, Drift: c.Pending(), Discovers: map[string]string{}}
	if !check.Stays(e, c) {
		return out
	}
	out.Istio, out.Trust, out.Tokens = versionOf(e.Plan, c), trust(e, c), check.FirstExpiry(c)
	if !out.Tokens.IsZero() {
		out.TokenHours = int(math.Round(out.Tokens.Sub(e.Plan.World.Now).Hours()))
	}
	sample := e.Probes[c.Name].Sample
	out.Proxies = Proxies{Connected: sample.Of, Asked: len(sample.Asked)}
	out.Kubernetes, out.TokenOf, out.Trust.RootDays = c.Kubernetes, tokens(e, c), rootDays(e, out.Trust.Root)
	out.gateways(c, found)
	out.Trust.State = cell(found, c.Name, "", component.IDCertificate, check.IDSameRoot, component.IDRootDistributed)
	if c.Remote() {
		out.Served = cell(found, c.Name, "", component.IDWebhooks, component.IDInjection, component.IDControlAddress)
	}
	for _, source := range c.Reads {
		if check.ToJoin(e, source) {
			out.Discovers[source] = check.NotJoined
			continue
		}
		out.Discovers[source] = cell(found, c.Name, source, component.IDRemoteSecret, component.IDCredentialCluster, component.IDCredentialServer, component.IDAccepted, component.IDSynced)
	}
	for _, f := range found {
		if f.ID == component.IDSynced && f.Cluster == c.Name && out.Discovers[f.Peer] == "" { // known, and should not be
			out.Discovers[f.Peer] = f.State
		}
	}
	return out
}

// gateways are where other networks reach the cluster, or why they do not.
func (out *Cluster) gateways(c *plan.Cluster, found []plan.Finding) {
	sidecars, ambient := []string{component.IDGatewayService, component.IDAddress}, []string{component.IDProgrammed}
	state := func(at world.GatewayAddress, ids []string) string {
		if state := cell(found, c.Name, "", ids...); at.Host == "" && state != Ok {
			return state
		}
		return at.String()
	}
	switch {
	case c.Desired.Gateway && c.Desired.HBONE:
		out.Gateway, out.AmbientGateway = state(c.Gateway, sidecars), state(c.Live.TunnelAddress(), ambient)
	case c.Desired.HBONE:
		out.Gateway = state(c.Gateway, ambient)
	case c.Desired.Gateway:
		out.Gateway = state(c.Gateway, sidecars)
	}
}

// versionOf is what the istiod of c runs, or that of a primary of it.
func versionOf(p *plan.Plan, c *plan.Cluster) string {
	if !c.Remote() {
		return world.ImageVersion(c.Live.Object(object.IstiodRef(c.Namespace)))
	}
	for _, name := range c.Primaries {
		if primary := p.Cluster(name); primary != nil && primary.Unreached == "" {
			if v := world.ImageVersion(primary.Live.Object(object.IstiodRef(primary.Namespace))); v != "" {
				return v
			}
		}
	}
	return ""
}

// cell is how a table shows what was found of a cluster and a peer ("" for what
// has none) by these checks: the first state, [Ok] if there is none.
func cell(findings []plan.Finding, cluster, peer string, ids ...string) string {
	for _, id := range ids {
		for _, f := range findings {
			if f.ID == id && f.Cluster == cluster && f.Peer == peer && f.State != "" {
				return f.State
			}
		}
	}
	return Ok
}

// Ok is a cell with nothing to say.
const Ok = "ok"

// trust is what a status shows of a cluster's trust, its state aside.
func trust(e *check.Evidence, c *plan.Cluster) Trust {
	if c.Remote() {
		if root, err := check.RootIn(e.Probes[c.Name].Root); err == nil && root != nil {
			return Trust{Root: root.Short()}
		}
		return Trust{}
	}
	b := check.Bundle(c)
	if b == nil {
		return Trust{}
	}
	return Trust{
		Root: certs.Short(b.RootFingerprint()), NotAfter: b.NotAfter(),
		Days: int(math.Round(b.NotAfter().Sub(e.Plan.World.Now).Hours() / 24)),
	}
}

// notedByStatus are the warnings that a status repeats: they are about the mesh
// as it is, not about an apply.
func notedByStatus(f plan.Finding) bool {
	return slices.Contains([]string{
		check.IDLifetime, check.IDSetBack, check.IDClockSkew, check.IDSameService, check.IDSameScope, check.IDSkew, check.IDNotRoutable, check.IDRotation, check.IDRootEndsSoon, check.IDProxyVersion,
		check.IDIstiodWorkload, check.IDGatewayWorkload, check.IDCNIWorkload, check.IDZtunnelWorkload, check.IDUnrevoked, check.IDCandidates,
	}, f.ID)
}
