package status

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// PairFormat is the version of a [Pair]'s JSON.
const PairFormat = "setup-mesh.io/status-pair/v1"

// A Pair explains step by step whether the proxies of one cluster find the workloads of
// another, and get to them.
type Pair struct {
	Format string `json:"format"`
	Mesh   string `json:"mesh"`
	From   string `json:"from"`
	To     string `json:"to"`
	// Paths are how From learns of To: one for each control plane that serves From,
	// which is its own or those of its primaries.
	Paths []Path `json:"paths"`
}

// A Path is what one control plane that serves From knows of To, in the order in which
// a step needs those before it.
type Path struct {
	Reader string `json:"reader"` // the cluster of the control plane
	Steps  []Step `json:"steps"`
}

// A Step is one thing that has to be so.
type Step struct {
	ID    StepID    `json:"id"`
	State StepState `json:"state"`
	// Message is what is known of a step that is ok, or why nothing is known. Findings
	// are what is wrong, each with its remedy, or unknown.
	Message  string         `json:"message,omitempty"`
	Findings []plan.Finding `json:"findings,omitempty"`
	// Untried says that a step is unknown because it cannot be tried from here, which
	// makes nothing unhealthy.
	Untried bool `json:"untried,omitempty"`
}

// A StepID names a step.
type StepID string

// The steps.
const (
	StepMembers  StepID = "members"  // the clusters are reached, and of the mesh
	StepServed   StepID = "served"   // a remote cluster is served by its primaries
	StepSecret   StepID = "secret"   // the reader has a credential for To
	StepName     StepID = "name"     // under the right name, and of the right cluster
	StepServer   StepID = "server"   // the API server that it leads to answers
	StepToken    StepID = "token"    // and accepts it
	StepSynced   StepID = "synced"   // the istiods of the reader read To
	StepNetwork  StepID = "network"  // it is known on which networks both are
	StepNodes    StepID = "nodes"    // of ambient clusters: what enrolled pods need runs on every node
	StepGateway  StepID = "gateway"  // the gateway of To has an address, and the reader knows it
	StepListener StepID = "listener" // something is there
	StepTrust    StepID = "trust"    // both trust the same root
	StepApart    StepID = "apart"    // in place of all: From is not to discover To
)

// A StepState is what is known of a step.
type StepState string

// The states.
const (
	Right     StepState = "ok"
	Wrong     StepState = "wrong"
	Uncertain StepState = "unknown"
)

// Healthy says whether nothing is wrong with a pair, and nothing unknown that a status
// counts.
func (p *Pair) Healthy() bool {
	return !slices.ContainsFunc(p.Paths, func(path Path) bool {
		return slices.ContainsFunc(path.Steps, func(s Step) bool { return s.State != Right && !s.Untried })
	})
}

// Findings are those of all steps, each once.
func (p *Pair) Findings() []plan.Finding {
	var out []plan.Finding
	for _, path := range p.Paths {
		for _, s := range path.Steps {
			for _, f := range s.Findings {
				if !slices.Contains(out, f) {
					out = append(out, f)
				}
			}
		}
	}
	return out
}

// NewPair explains what a status of p and the answers has found between two clusters of
// topology.yaml.
func NewPair(p *plan.Plan, probes map[string]check.Probe, from, to string) *Pair {
	out := &Pair{Format: PairFormat, Mesh: p.Mesh, From: from, To: to}
	a, b := p.Cluster(from), p.Cluster(to)
	if a == nil || b == nil {
		return out
	}
	e, found := check.NewEvidence(p, nil, probes), New(p, probes).Findings
	readers := []string{from}
	if a.Remote() {
		readers = a.Primaries
	}
	for _, name := range readers {
		if reader := p.Cluster(name); reader != nil {
			r := route{e: e, found: found, from: a, reader: reader, to: b}
			out.Paths = append(out.Paths, Path{Reader: name, Steps: r.steps()})
		}
	}
	return out
}
