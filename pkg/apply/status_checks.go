package apply

import (
	"cmp"
	"slices"
)

// statusChecks are what a status looks at beside that.
func statusChecks() []Check {
	out := reachChecks()
	for _, c := range components() {
		out = append(out, c.checks...)
	}
	return out
}

// Proves says whether a step of an apply waits for what c checks.
func Proves(c Check) bool {
	return slices.ContainsFunc(components(), func(one component) bool {
		return slices.ContainsFunc(one.proofs, func(p proof) bool { return p.check == c.ID })
	})
}

// notedByStatus are the warnings that a status repeats: they are about the mesh
// as it is, not about an apply.
func notedByStatus(f Finding) bool { return f.ID == checkLifetime || f.ID == checkSetBack }

// Checks lists all checks with what they mean, sorted by ID.
func Checks() []Check {
	all := slices.Concat(planChecks(), statusChecks())
	slices.SortFunc(all, func(a, b Check) int { return cmp.Compare(a.ID, b.ID) })
	texts := meanings()
	for i, c := range all {
		all[i].Means = texts[c.ID]
	}
	return all
}
