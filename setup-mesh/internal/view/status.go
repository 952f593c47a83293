package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// StatusStyle is how a status is shown.
type StatusStyle struct {
	Colour bool
	Wide   bool // all clusters, and all there is to tell of them
}

// mostRows is how many clusters are shown although nothing is wrong with them.
const mostRows = 12

// Status words a status for people.
func Status(w io.Writer, s *status.Status, style StatusStyle) {
	statusView{w: w, colour: palette(style.Colour), status: s, wide: style.Wide, brief: !style.Wide && len(s.Clusters) > mostRows}.print()
}

// A statusView words a status: a line for each cluster, whom each discovers,
// who serves those without a control plane, and what is wrong.
type statusView struct {
	w      io.Writer
	colour palette
	status *status.Status
	wide   bool // see [StatusStyle]
	brief  bool // of many clusters, those that something is wrong with
}

func (v statusView) print() {
	printLines(v.w, v.clusters())
	v.fine()
	if len(v.status.Clusters) > 1 {
		io.WriteString(v.w, "\n")
		printLines(v.w, v.discovery())
	}
	if served := v.served(); len(served) > 0 {
		io.WriteString(v.w, "\n")
		printLines(v.w, served)
	}
	io.WriteString(v.w, "\n")
	v.findings("!", v.status.Notes)
	if v.status.Healthy() {
		say(v.w, "The mesh is one: %s", v.everyone())
		return
	}
	v.findings("x", v.status.Findings)
	say(v.w, "Not healthy: %s.", count(len(v.status.Findings), "problem"))
	say(v.w, "What a check means: setup-mesh explain %s", v.status.Findings[0].ID)
}

// clusters is a line for each cluster. When tokens end is shown where there is
// room for it.
func (v statusView) clusters() []string {
	rows := [][]string{{"CLUSTER", "ROLE", "NETWORK", "ISTIO", "GATEWAY", "TRUST", "DRIFT", "TOKENS"}}
	if v.wide {
		rows[0] = append(rows[0], wideHeader()...)
	}
	for _, c := range v.status.Clusters {
		if v.brief && !v.ails(c) {
			continue
		}
		row := []string{c.Name, c.Role, c.Network, "not reached", "?", "?", "?", "?"}
		if c.Unreached == "" {
			row = []string{c.Name, c.Role, c.Network, orDash(c.Istio), orDash(gatewaysOf(c)), c.Trust.Words(), yesNo(c.Drift), tokenWords(c)}
		}
		if v.wide {
			row = append(row, wideRow(c)...)
		}
		rows = append(rows, row)
	}
	if len(rows) == 1 {
		return nil
	}
	lines := table(rows)
	if v.wide || fit(lines) {
		return lines
	}
	for i, row := range rows {
		rows[i] = row[:len(row)-1]
	}
	return table(rows)
}

// gatewaysOf is where other networks reach the sidecars of a cluster, and its ambient pods.
func gatewaysOf(c status.Cluster) string {
	if c.AmbientGateway == "" {
		return c.Gateway
	}
	return orDash(c.Gateway) + ", ambient " + c.AmbientGateway
}

// tokenWords is how long the tokens are valid that a cluster reads others with.
func tokenWords(c status.Cluster) string {
	if c.Tokens.IsZero() {
		return "-"
	}
	return hoursLeft(c.TokenHours)
}

func hoursLeft(hours int) string {
	switch {
	case hours <= 0:
		return "ended"
	case hours < 72:
		return fmt.Sprintf("%d h", hours)
	}
	return fmt.Sprintf("%d d", hours/24)
}

// everyone words who the mesh is.
func (v statusView) everyone() string {
	mesh, apart := v.linked()
	var primaries []string
	for _, c := range mesh {
		if c.Role != record.RoleRemote {
			primaries = append(primaries, c.Name)
		}
	}
	n, all := len(mesh), len(v.status.Clusters)
	var s string
	switch {
	case n == 0 && all == 1:
		return "it is a single cluster."
	case len(primaries) == n:
		s = fmt.Sprintf("%d of %d clusters discover each other", n, all)
	case n == all:
		s = fmt.Sprintf("%s, served by %s", clusterCount(n), both(primaries))
	default:
		s = fmt.Sprintf("%d of %d clusters, served by %s", n, all, both(primaries))
	}
	if len(apart) > 0 {
		s += "; not part of it: " + few(apart)
	}
	return s + "."
}

// linked are the clusters that discovery joins to the first that discovers any,
// and the names of the others.
func (v statusView) linked() (mesh []status.Cluster, apart []string) {
	in := map[string]bool{}
	for grown := true; grown; {
		grown = false
		for _, c := range v.status.Clusters {
			for other := range c.Discovers {
				if len(in) == 0 || in[c.Name] != in[other] {
					in[c.Name], in[other], grown = true, true, true
				}
			}
		}
	}
	for _, c := range v.status.Clusters {
		if in[c.Name] {
			mesh = append(mesh, c)
		} else {
			apart = append(apart, c.Name)
		}
	}
	return mesh, apart
}

// discovery is who discovers whom: a matrix with a row for each control plane,
// or where that is too wide, a line for each.
func (v statusView) discovery() []string {
	header := []string{"discovers"}
	for _, c := range v.status.Clusters {
		header = append(header, c.Name)
	}
	rows := [][]string{header}
	for _, c := range v.primaries() {
		row := []string{c.Name}
		for _, other := range v.status.Clusters {
			row = append(row, cell(c, other.Name))
		}
		rows = append(rows, row)
	}
	if !v.brief {
		if matrix := table(rows); fit(matrix) {
			return matrix
		}
	}
	rows = nil
	for _, c := range v.primaries() {
		rows = append(rows, []string{c.Name, v.discoversWords(c)})
	}
	if v.brief {
		rows = together(rows)
	}
	return table(rows)
}

// primaries are the clusters with a control plane of their own.
func (v statusView) primaries() []status.Cluster {
	return slices.DeleteFunc(slices.Clone(v.status.Clusters), func(c status.Cluster) bool { return c.Role == record.RoleRemote })
}

// served is who serves each remote cluster, and whether that works; nothing
// where there is none.
func (v statusView) served() []string {
	rows := [][]string{{"served", "by", ""}}
	for _, c := range v.status.Clusters {
		if c.Role == record.RoleRemote {
			rows = append(rows, []string{c.Name, few(c.Primaries), servedWords(c)})
		}
	}
	if len(rows) == 1 {
		return nil
	}
	if v.brief {
		rows = append(rows[:1], together(rows[1:])...)
	}
	return table(rows)
}

// servedWords says whether the primaries of a remote cluster do for it what they
// should; the finding says more.
func servedWords(c status.Cluster) string {
	switch c.Served {
	case status.Ok:
		return "ok"
	case "":
		return "?"
	case string(object.Unclassified):
		return "NO"
	}
	return "NO: " + status.Words(c.Served)
}

// discoversWords is a row of the matrix in words.
func (v statusView) discoversWords(c status.Cluster) string {
	if c.Unreached != "" {
		return "?"
	}
	all, good := 0, 0
	var bad []string
	for _, other := range v.status.Clusters {
		switch state := cell(c, other.Name); state {
		case ".":
		case "ok":
			all, good = all+1, good+1
		default:
			all, bad = all+1, append(bad, other.Name+" "+state)
		}
	}
	s := fmt.Sprintf("discovers %d of %d", good, all)
	if len(bad) > 0 {
		s += ": " + few(bad)
	}
	return s
}

// cell is what c has to do with other: "." for nothing.
func cell(c status.Cluster, other string) string {
	switch state, known := c.Discovers[other]; {
	case c.Name == other:
		return "."
	case c.Unreached != "":
		return "?"
	case !known:
		return "."
	case state == "ok":
		return "ok"
	case state == "unauthorized" || state == "forbidden":
		return "REFUSED"
	default:
		return "NO"
	}
}

func orDash(s string) string {
	if strings.TrimSpace(s) == "" {
		return "-"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
