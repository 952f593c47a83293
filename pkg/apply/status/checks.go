package status

import (
	"cmp"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// Checks are what a status looks at beside the plan. The [check.PlanChecks] judge
// that, and a status repeats what they refuse.
func Checks() []check.Check {
	out := check.ReachChecks()
	for _, c := range component.Components() {
		out = append(out, c.Checks...)
	}
	return out
}

// Proves says whether a step of an apply waits for what c checks.
func Proves(c check.Check) bool {
	return slices.ContainsFunc(component.Components(), func(one component.Component) bool {
		return slices.ContainsFunc(one.Proofs, func(p component.Proof) bool { return p.Check == c.ID })
	})
}

// notedByStatus are the warnings that a status repeats: they are about the mesh
// as it is, not about an apply.
func notedByStatus(f plan.Finding) bool { return f.ID == check.IDLifetime || f.ID == check.IDSetBack }

// All lists all checks with what they mean, sorted by ID.
func All() []check.Check {
	all := slices.Concat(check.PlanChecks(), Checks())
	slices.SortFunc(all, func(a, b check.Check) int { return cmp.Compare(a.ID, b.ID) })
	texts := check.Meanings()
	for i, c := range all {
		all[i].Means = texts[c.ID]
	}
	return all
}
