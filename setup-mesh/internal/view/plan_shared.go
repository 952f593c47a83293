package view

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// A sharedGroup is what happens to copies of one namespace, for one reason.
type sharedGroup struct {
	symbol, namespace, from, why string
}

// sharedLines words which Services come from other clusters, and which go. That
// their namespace comes or goes with them is said only where it does so alone.
func sharedLines(changes []plan.Change) []planLine {
	var groups []sharedGroup
	services := map[sharedGroup][]string{}
	for _, ch := range changes {
		one := []plan.Change{ch}
		g := sharedGroup{symbolOf(one), ch.Object.Namespace, ch.From, firstReason(one, "")}
		if ch.Object.Kind == "Namespace" {
			if slices.ContainsFunc(changes, func(s plan.Change) bool { return s.Object.Namespace == ch.Object.Name && s.Action == ch.Action }) {
				continue
			}
			g.namespace = "namespace " + ch.Object.Name
		}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
		if ch.Object.Kind != "Namespace" {
			services[g] = append(services[g], ch.Object.Name)
		}
	}
	var lines []planLine
	for _, g := range groups {
		lines = append(lines, componentLine(g.symbol, order.SharedServices, g.words(services[g])))
	}
	return lines
}

func (g sharedGroup) words(services []string) string {
	s := g.namespace
	if len(services) > 0 {
		s += ": " + few(services)
	}
	if g.symbol == "+" && g.from != "" {
		s += " (from " + g.from + ")"
	}
	if g.why != "" {
		s += "   " + g.why
	}
	return s
}
