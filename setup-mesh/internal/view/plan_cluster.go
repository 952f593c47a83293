package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// body is what happens in one cluster, a line for each of its components.
func (v *planView) body(c *plan.Cluster) []planLine {
	if c.Unreached != "" {
		return unreachedLines(c)
	}
	if c.Leaving {
		lines := leavingLines(c)
		for _, comp := range order.Components() {
			if v.objects {
				lines = append(lines, objectLines(changesOf(c, comp))...)
			}
		}
		return lines
	}
	var lines []planLine
	for _, comp := range order.Components() {
		changes := changesOf(c, comp)
		lines = append(lines, theirLines(c, comp)...)
		if len(changes) == 0 {
			continue
		}
		if comp != order.Bookkeeping || !othersPending(c) {
			lines = append(lines, v.component(c, comp, changes)...)
		}
		if v.objects {
			lines = append(lines, objectLines(changes)...)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, planLine{text: "nothing to change"})
	}
	return lines
}

// theirLines say what of somebody else's a cluster in which something changes keeps in the
// place of ours.
func theirLines(c *plan.Cluster, comp order.Component) []planLine {
	var lines []planLine
	for _, ch := range c.Changes {
		if ch.Component == comp && ch.Theirs != "" && c.Pending() {
			lines = append(lines, theirLine(c, ch)...)
		}
	}
	return slices.CompactFunc(lines, func(a, b planLine) bool { return a.text == b.text })
}

func theirLine(c *plan.Cluster, ch plan.Change) []planLine {
	if ch.Component == order.GatewayAPI {
		return []planLine{{indent: 2, text: componentLine("", ch.Component, "kept: CRDs made by "+ch.Theirs).text}}
	}
	return certificateLines(c, "", ch)
}

func unreachedLines(c *plan.Cluster) []planLine {
	lines := []planLine{{symbol: "x", text: "not reached: " + c.Unreached}}
	for _, hint := range c.Remedies() {
		lines = append(lines, planLine{indent: 2, text: fixLabel + hint})
	}
	for _, line := range detailLines(c.Detail) {
		lines = append(lines, planLine{indent: 4, text: line})
	}
	return lines
}

// changesOf is what is not kept of a component.
func changesOf(c *plan.Cluster, comp order.Component) []plan.Change {
	return slices.DeleteFunc(slices.Clone(c.Changes), func(ch plan.Change) bool {
		return ch.Component != comp || ch.Action == plan.Keep
	})
}

// leavingLines is one line for all that goes, one for what only loses our labels,
// and one for each reason why something cannot go now.
func leavingLines(c *plan.Cluster) []planLine {
	var lines []planLine
	var gone []string
	n := 0
	for _, comp := range order.Components() {
		deleted := 0
		for _, ch := range changesOf(c, comp) {
			switch {
			case ch.Blocked != "":
			case ch.Action == plan.Delete:
				deleted++
			default:
				lines = append(lines, planLine{symbol: symbolOf([]plan.Change{ch}), text: fmt.Sprintf("%s: %s", ch.Object, ch.Reason)})
			}
		}
		if deleted > 0 && comp != order.Bookkeeping {
			gone, n = append(gone, string(comp)), n+deleted
		}
	}
	if len(gone) > 0 {
		lines = append([]planLine{{symbol: "-", text: strings.Join(gone, ", ") + ": " + count(n, "object")}}, lines...)
	}
	if lines = append(lines, stayingLines(c)...); len(lines) == 0 {
		lines = append(lines, planLine{text: "setup-mesh has installed nothing in this cluster"})
	}
	return lines
}

// stayingLines is a line for each reason why objects of a cluster that leaves are
// not touched now.
func stayingLines(c *plan.Cluster) []planLine {
	var reasons []string
	held := map[string][]plan.Change{}
	for _, comp := range order.Components() {
		for _, ch := range changesOf(c, comp) {
			if ch.Blocked == "" {
				continue
			}
			if held[ch.Blocked] == nil {
				reasons = append(reasons, ch.Blocked)
			}
			held[ch.Blocked] = append(held[ch.Blocked], ch)
		}
	}
	var lines []planLine
	for _, why := range reasons {
		what := held[why][0].Object.String()
		if n := len(held[why]); n > 1 {
			what = count(n, "object")
		}
		lines = append(lines, planLine{symbol: "x", text: what + ": " + why})
	}
	return lines
}

// othersPending says whether more than the record changes; the record of that
// is not worth a line.
func othersPending(c *plan.Cluster) bool {
	return slices.ContainsFunc(c.Changes, func(ch plan.Change) bool { return ch.Component != order.Bookkeeping && ch.Pending() })
}

// objectLines lists the objects behind a component, field by field.
func objectLines(changes []plan.Change) []planLine {
	var lines []planLine
	for _, ch := range changes {
		text := ch.Object.String()
		if why := firstReason([]plan.Change{ch}, ""); why != "" {
			text += "   " + why
		}
		lines = append(lines, planLine{indent: 2, symbol: symbolOf([]plan.Change{ch}), text: text})
		for _, f := range ch.Fields {
			lines = append(lines, planLine{indent: 6, text: fieldWords(f)})
		}
	}
	return lines
}
