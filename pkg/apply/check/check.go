// Package check says what may be wrong with a plan or a mesh, and what to do about
// it. Checks judge what was read and asked before; they ask nobody.
package check

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
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
	// [component.Checks] fills it in.
	Means string
	// Applies says whether the check is about c.
	Applies func(e *Evidence, c *plan.Cluster) bool
	// Judge returns what is wrong with c; the ID and the name of c are filled
	// in for it. It asks nobody. An answer that could not be had is a finding
	// that is [plan.Finding].Unknown.
	Judge func(e *Evidence, c *plan.Cluster) []plan.Finding
}

// Kind is what the check is to its reader: the word for its severity, or what it is where
// nothing is judged.
func (c Check) Kind() string {
	if c.Judge == nil {
		return "proof of an apply"
	}
	return string(c.Severity)
}

// Page is the document that says what all checks mean, of which each has a section.
const Page = "docs/checks.md"

// Anchor is the section of [Page] about a check, as GitHub names it.
func Anchor(id string) string { return strings.ReplaceAll(id, "/", "") }

// A Severity is what a finding of a check leads to. One that is unknown refuses
// nothing, and is never healthy.
type Severity string

// The severities.
const (
	Refuses Severity = "refusal" // plan and apply go no further, and status is not healthy
	Ails    Severity = "problem" // status is not healthy
	Warns   Severity = "warning" // is said, and changes nothing
)

// PlanChecks are what a plan is judged by. Their findings are known before the
// first write.
func PlanChecks() []Check {
	return slices.Concat(identityChecks(), memberChecks(), serverChecks(), objectChecks(), foreignChecks(),
		versionChecks(), certificateChecks(), networkChecks(), tokenChecks(), gatewayChecks(), injectionChecks(), ambientChecks(), endChecks(), accessChecks(), permissionChecks())
}

// ChecksOf are those of [PlanChecks] that p is judged by. One that is about tokens alone
// is not stopped by what is the matter with anything else.
func ChecksOf(p *plan.Plan) []Check {
	if p.Options.Access != nil {
		return slices.Concat(identityChecks(), accessChecks(), permissionChecks())
	}
	return PlanChecks()
}

// SeverityOf is that of a finding: what is not known stops nothing.
func SeverityOf(checks []Check, f plan.Finding) Severity {
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

// Preflight is what is found of p before an apply, as far as its clusters were
// inspected: everything that can be known before the first write. Of a teardown
// that is the permissions.
func Preflight(p *plan.Plan, i Inspection) []plan.Finding {
	return NewEvidence(p, i, nil).Judge(ChecksOf(p))
}

// With is p with these findings of a [Preflight] in place of those it has.
func With(p *plan.Plan, findings []plan.Finding) *plan.Plan {
	out := *p
	out.Refusals, out.Warnings = nil, nil
	checks := PlanChecks()
	for _, f := range findings {
		if SeverityOf(checks, f) == Refuses {
			out.Refusals = append(out.Refusals, f)
		} else {
			out.Warnings = append(out.Warnings, f)
		}
	}
	return &out
}
