package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

// remoteAccess words whom istiod reads: the grants behind it go without saying.
func (v *planView) remoteAccess(c *apply.ClusterPlan, changes []apply.Change) []planLine {
	var created, ended, blocked []string
	var lines []planLine
	remote := c.Role == apply.RoleRemote
	for _, ch := range changes {
		source, isSecret := strings.CutPrefix(ch.Object.Name, "istio-remote-secret-")
		switch {
		case ch.Blocked != "" && isSecret:
			blocked = append(blocked, source+": "+ch.Blocked)
		case ch.Blocked != "":
			blocked = append(blocked, ch.Object.String()+": "+ch.Blocked)
		case !isSecret:
		case ch.Action == apply.Create:
			created = append(created, source)
		case ch.Action == apply.Delete && remote:
			ended = append(ended, source)
		case ch.Action == apply.Delete:
			lines = append(lines, componentLine("-", apply.RemoteAccess, source+"   "+v.whyNotRead(c, source)))
		default:
			lines = append(lines, componentLine("~", apply.RemoteAccess, source+"   "+firstReason([]apply.Change{ch}, "changed outside of setup-mesh")))
		}
	}
	if len(created) > 0 {
		l := componentLine("+", apply.RemoteAccess, "reads "+few(created))
		l.alike = fmt.Sprintf("reads %d of %d", len(created), len(c.Reads))
		lines = append([]planLine{l}, lines...)
	}
	if len(ended) > 0 {
		lines = append(lines, componentLine("-", apply.RemoteAccess, "no longer reads "+few(ended)+": this cluster no longer has an istiod"))
	}
	for _, b := range blocked {
		lines = append(lines, componentLine("x", apply.RemoteAccess, b))
	}
	if len(lines) == 0 || remote {
		lines = append(lines, readBy(changes)...)
	}
	if len(lines) == 0 {
		lines = append(lines, componentLine(symbolOf(changes), apply.RemoteAccess, objectsWords(changes)))
	}
	return lines
}

// whyNotRead says why the istiod of c no longer reads a cluster.
func (v *planView) whyNotRead(c *apply.ClusterPlan, source string) string {
	for _, s := range v.plan.Clusters {
		switch {
		case s.Name != source || s.Leaving:
		case s.Was != nil && slices.Contains(s.Was.Primaries, c.Name):
			return "no longer served by this cluster"
		default:
			return "excluded from discovery"
		}
	}
	return "no longer in topology.yaml"
}

// readBy words which clusters read this one, as far as that changes.
func readBy(changes []apply.Change) []planLine {
	words := []struct {
		action apply.Action
		symbol string
		before string
	}{
		{apply.Create, "+", "read by "},
		{apply.Update, "~", "read by "},
		{apply.Delete, "-", "no longer read by "},
	}
	var lines []planLine
	for _, w := range words {
		var consumers []string
		for _, ch := range changes {
			if consumer, ok := strings.CutPrefix(ch.Object.Name, "setup-mesh-grant-"); ok && ch.Action == w.action {
				consumers = append(consumers, consumer)
			}
		}
		if len(consumers) > 0 {
			lines = append(lines, componentLine(w.symbol, apply.RemoteAccess, w.before+few(consumers)))
		}
	}
	return lines
}
