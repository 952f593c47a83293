package component

import (
	"cmp"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
)

// StatusChecks are what a status looks at beside the plan, which [check.PlanChecks]
// judge.
func StatusChecks() []check.Check {
	out := append(check.ReachChecks(), check.MeshChecks()...)
	for _, c := range Components() {
		out = append(out, c.Checks...)
	}
	return out
}

// Proves says whether a step of an apply waits for what c checks.
func Proves(c check.Check) bool {
	return slices.ContainsFunc(Components(), func(one Component) bool {
		return slices.ContainsFunc(one.Proofs, func(p Proof) bool { return p.Check == c.ID })
	})
}

// Checks lists all checks with what they mean, sorted by ID.
func Checks() []check.Check {
	all := slices.Concat(check.PlanChecks(), StatusChecks())
	slices.SortFunc(all, func(a, b check.Check) int { return cmp.Compare(a.ID, b.ID) })
	texts := check.Meanings()
	for i, c := range all {
		all[i].Means = texts[c.ID]
	}
	return all
}
