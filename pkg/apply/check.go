package apply

import (
	"slices"
)

// A Check is something that should be true of a cluster. Plans, status and the
// proofs at the end of an apply have one registry of checks, of which
// docs/checks.md is made.
type Check struct {
	ID       string // area/claim; stable, scripts rely on it
	Severity Severity
	// Asks is what a cluster to which the check applies is asked, beside what
	// a plan reads of it.
	Asks []Question
	// Means is what a finding says and what to do about it, in Markdown. Only
	// [Checks] fills it in.
	Means string
	// Applies says whether the check is about c.
	Applies func(e *Evidence, c *ClusterPlan) bool
	// Judge returns what is wrong with c; the ID and the name of c are filled
	// in for it. It asks nobody. An answer that could not be had is a finding
	// that is [Finding].Unknown.
	Judge func(e *Evidence, c *ClusterPlan) []Finding
}

// A Severity is what a finding of a check leads to. One that is unknown refuses
// nothing, and is never healthy.
type Severity string

// The severities.
const (
	Refuses Severity = "refusal" // plan and apply go no further, and status is not healthy
	Ails    Severity = "problem" // status is not healthy
	Warns   Severity = "warning" // is said, and changes nothing
)

// A Question is what a cluster is asked for some checks only.
type Question string

// The questions.
const (
	AskPermissions Question = "what the user of the context may do"
	AskRanges      Question = "the ranges of addresses of pods and of Services"
	AskDeployments Question = "the Deployments of istiods in all namespaces"
	AskNodes       Question = "the addresses of nodes"
	AskNamespaces  Question = "the namespaces that objects are to be created in"
	AskIstiods     Question = "every istiod, for the clusters that it reads"
	AskCredentials Question = "the API servers of other clusters, with the stored credentials"
	AskRoot        Question = "the root certificate that proxies are given"
	AskInjection   Question = "a dry run of a pod in the Istio namespace"
)

// planChecks are what a plan is judged by. Their findings are known before the
// first write.
func planChecks() []Check {
	return slices.Concat(identityChecks(), memberChecks(), serverChecks(), objectChecks(), foreignChecks(),
		versionChecks(), certificateChecks(), networkChecks(), tokenChecks(), gatewayChecks(), endChecks(), permissionChecks())
}

// severityOf is that of a finding: what is not known stops nothing.
func severityOf(checks []Check, f Finding) Severity {
	for _, c := range checks {
		if c.ID == f.ID && c.Severity == Refuses && f.Unknown {
			return Warns
		}
		if c.ID == f.ID {
			return c.Severity
		}
	}
	return Ails
}

// Evidence is what checks look at: a plan, the world that it was made of, and
// what clusters were asked beyond that. It changes nothing of them.
type Evidence struct {
	plan       *Plan
	inspection Inspection       // nil where nobody was asked
	probes     map[string]Probe // nil where nobody was asked
	networks   map[string]*network
	twins      map[*Live]*Live   // an earlier context of the topology that leads to the same cluster
	recorded   map[string]string // UID of the cluster that a context led to at the last apply
}

func newEvidence(p *Plan, i Inspection, probes map[string]Probe) *Evidence {
	e := &Evidence{plan: p, inspection: i, probes: probes, twins: twinsOf(p.world), recorded: recordedContexts(p)}
	e.networks = newNetworks(p, i)
	return e
}

// judge runs checks on all clusters, in the order of the plan.
func (e *Evidence) judge(checks []Check) []Finding {
	var out []Finding
	for _, c := range slices.Concat(e.plan.Clusters, e.plan.forgotten) {
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

// asks is what c is asked for checks.
func (e *Evidence) asks(checks []Check, c *ClusterPlan) map[Question]bool {
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

// Preflight is what is found of p before an apply, as far as its clusters were
// inspected: everything that can be known before the first write. Of a teardown
// that is the permissions.
func Preflight(p *Plan, i Inspection) []Finding {
	return newEvidence(p, i, nil).judge(planChecks())
}

// With is p with these findings of a [Preflight] in place of those it has.
func With(p *Plan, findings []Finding) *Plan {
	out := *p
	out.Refusals, out.Warnings = nil, nil
	checks := planChecks()
	for _, f := range findings {
		if severityOf(checks, f) == Refuses {
			out.Refusals = append(out.Refusals, f)
		} else {
			out.Warnings = append(out.Warnings, f)
		}
	}
	return &out
}
