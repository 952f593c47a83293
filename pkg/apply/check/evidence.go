package check

import (
	"net/netip"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// Evidence is what checks look at: a plan, the world that it was made of, and
// what clusters were asked beyond that. It changes nothing of them.
type Evidence struct {
	Plan       *plan.Plan
	inspection Inspection       // nil where nobody was asked
	Probes     map[string]Probe // nil where nobody was asked
	networks   map[string]*network
	twins      map[*world.Live]*world.Live // an earlier context of the topology that leads to the same cluster
	recorded   map[string]string           // UID of the cluster that a context led to at the last apply
	minted     map[string][]plan.Change    // see [plan.Plan.Minted]
	proofs     map[order.Fact]bool         // see [plan.Plan.Proofs]
}

// NewEvidence is what there is to judge p by; nobody was asked where i and probes are
// nil.
func NewEvidence(p *plan.Plan, i Inspection, probes map[string]Probe) *Evidence {
	e := &Evidence{Plan: p, inspection: i, Probes: probes, twins: twinsOf(p.World), recorded: recordedContexts(p), minted: p.Minted(), proofs: p.Proofs()}
	e.networks = newNetworks(p, i)
	return e
}

// Judge runs checks on all clusters, in the order of the plan.
func (e *Evidence) Judge(checks []Check) []plan.Finding {
	var out []plan.Finding
	for _, c := range slices.Concat(e.Plan.Clusters, e.Plan.Forgotten) {
		for _, check := range checks {
			if !check.Applies(e, c) {
				continue
			}
			for _, f := range check.Judge(e, c) {
				f.ID, f.Cluster = check.ID, c.Name
				out = append(out, f)
			}
		}
	}
	return out
}

// Asks is what c is asked for checks.
func (e *Evidence) Asks(checks []Check, c *plan.Cluster) map[Question]bool {
	out := map[Question]bool{}
	for _, check := range checks {
		if len(check.Asks) > 0 && check.Applies(e, c) {
			for _, q := range check.Asks {
				out[q] = true
			}
		}
	}
	return out
}

// Probe is what a status asks beyond what a plan reads.
type Probe struct {
	Istiods     []observe.IstiodView
	Err         error            // the pods of Istio's namespace could not be listed
	Credentials map[string]error // of the stored remote secrets, by source
	// LeadsTo is which cluster answered to a stored remote secret, by source: the
	// UID of its namespace kube-system, "" or absent where it is not told.
	LeadsTo map[string]string
	// Root is the ConfigMap with the root certificate that the primaries of
	// a remote cluster write, as it was read; Injection is what came of trying
	// to have a pod injected, nil where it was or where nobody tried.
	Root      world.Observed
	Injection error
	// Validation is why an invalid Gateway was not refused by a webhook, nil where it
	// was or where nobody tried.
	Validation error

	Pods   []*unstructured.Unstructured // of Istio's namespace
	Event  string                       // the last about a gateway's Service without an address
	Knocks []observe.Knock              // at the gateway's addresses
	Skew   time.Duration                // of the API server's clock, which is ahead of ours if positive
	Roots  observe.Roots
	// Sample are some of the proxies of the cluster, whoever's istiod they are
	// connected to.
	Sample observe.ProxySample
	// Services are how those of all namespaces look to clients, by
	// "namespace/name"; nil where nobody was asked.
	Services    map[string]observe.Shape
	ServicesErr error
	// Gateways are those of the Gateway API in all namespaces, and Waypoints the same by
	// "namespace/name"; ScopesErr is why those, or the scopes and waypoints of Services, are
	// not known.
	Gateways  []*unstructured.Unstructured
	Waypoints map[string]observe.Waypoint
	ScopesErr error
}

// An Inspection is what clusters say beyond what a plan reads of them, by the
// name of the cluster. One that was not asked is not in it.
type Inspection map[string]*Inspected

// Inspected is what one cluster says. What it was not asked for is empty.
type Inspected struct {
	// Missing is what the user of the context may not do, of what the plan
	// needs; User is who that is, "" where the API server does not tell.
	Missing   []object.Access
	User      string
	AccessErr error

	// Pods are the ranges that nodes have for their pods, Services those that
	// the API server has for Services as far as it tells; sorted.
	Pods     []netip.Prefix
	PodsErr  error
	Services []netip.Prefix

	Istiods    []*unstructured.Unstructured // Deployments, ours among them
	IstiodsErr error

	// Nodes are addresses of the nodes on which API servers run, or of all
	// nodes where none says so.
	Nodes []string

	// Enrolled are the namespaces and pods with the label that enrols them.
	Enrolled    []object.Ref
	EnrolledErr error

	// Gateways are those of the Gateway API, ours among them.
	Gateways    []*unstructured.Unstructured
	GatewaysErr error

	// Namespaces are those that objects are to be created in, and that a plan
	// does not read.
	Namespaces map[string]world.Observed
}
