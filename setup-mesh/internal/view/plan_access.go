package view

import (
	"fmt"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// remoteAccess words whom istiod reads: the grants behind it go without saying.
func (v *planView) remoteAccess(c *plan.Cluster, changes []plan.Change) []planLine {
	var created, ended, blocked []string
	var lines []planLine
	remote := c.Role == record.RoleRemote
	for _, ch := range changes {
		source, isSecret := ch.Peer, ch.Part == order.Credential
		switch {
		case ch.Blocked != "" && isSecret:
			blocked = append(blocked, source+": "+ch.Blocked)
		case ch.Blocked != "":
			blocked = append(blocked, ch.Object.String()+": "+ch.Blocked)
		case !isSecret:
		case ch.Action == plan.Create:
			created = append(created, source)
		case ch.Action == plan.Delete && remote:
			ended = append(ended, source)
		case ch.Action == plan.Delete:
			lines = append(lines, componentLine("-", order.RemoteAccess, source+"   "+v.whyNotRead(c, source)))
		default:
			lines = append(lines, componentLine("~", order.RemoteAccess, source+"   "+firstReason([]plan.Change{ch}, "changed outside of setup-mesh")))
		}
	}
	if len(created) > 0 {
		l := componentLine("+", order.RemoteAccess, "reads "+few(created))
		l.alike = fmt.Sprintf("reads %d of %d", len(created), len(c.Reads))
		lines = append([]planLine{l}, lines...)
	}
	if len(ended) > 0 {
		lines = append(lines, componentLine("-", order.RemoteAccess, "no longer reads "+few(ended)+": this cluster no longer has an istiod"))
	}
	for _, b := range blocked {
		lines = append(lines, componentLine("x", order.RemoteAccess, b))
	}
	if len(lines) == 0 || remote {
		lines = append(lines, readBy(c, changes)...)
	}
	if len(lines) == 0 {
		lines = append(lines, componentLine(symbolOf(changes), order.RemoteAccess, objectsWords(changes)))
	}
	return lines
}

// whyNotRead says why the istiod of c no longer reads a cluster.
func (v *planView) whyNotRead(c *plan.Cluster, source string) string {
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
func readBy(c *plan.Cluster, changes []plan.Change) []planLine {
	words := []struct {
		action plan.Action
		reads  bool // after the apply
		symbol string
		before string
	}{
		{plan.Create, true, "+", "read by "},
		{plan.Update, true, "~", "read by "},
		{plan.Delete, false, "-", "no longer read by "},
		{plan.Delete, true, "-", "an old token ends, of "},
	}
	var lines []planLine
	for _, w := range words {
		var consumers []string
		for _, ch := range changes {
			reads := w.action != plan.Delete || slices.Contains(c.ReadBy, ch.Peer)
			if ch.Part == order.Grant && ch.Action == w.action && ch.Blocked == "" && reads == w.reads {
				consumers = append(consumers, ch.Peer)
			}
		}
		if len(consumers) > 0 {
			lines = append(lines, componentLine(w.symbol, order.RemoteAccess, w.before+few(consumers)))
		}
	}
	return lines
}
