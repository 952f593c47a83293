package view

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// labelLines word in which namespaces pods are injected or enrolled from now on, and in
// which they no longer are. Namespaces of which the same is said are named together.
func labelLines(comp order.Component, changes []plan.Change) []planLine {
	type group struct{ symbol, why string }
	var groups []group
	names := map[group][]string{}
	for _, ch := range changes {
		one := []plan.Change{ch}
		g := group{symbolOf(one), firstReason(one, labelWords(ch))}
		if !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
		names[g] = append(names[g], ch.Object.Name)
	}
	var lines []planLine
	for _, g := range groups {
		words := "namespace "
		if len(names[g]) > 1 {
			words = "namespaces "
		}
		words += few(names[g])
		if g.why != "" {
			words += "   " + g.why
		}
		lines = append(lines, componentLine(g.symbol, comp, words))
	}
	return lines
}

// labelWords say what becomes of the label that has pods injected, or enrolled.
func labelWords(ch plan.Change) string {
	label, words := object.LabelInjection, "new pods are injected"
	if ch.Component == order.Ambient {
		label, words = object.LabelDataplane, "pods are enrolled, without a restart"
	}
	for _, f := range ch.Fields {
		switch {
		case f.Path != "metadata.labels."+label && f.Path != "metadata.labels["+label+"]":
		case f.Old == nil:
			return words
		default:
			return fieldWords(f)
		}
	}
	return ""
}
