package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

// viewStatus prints a status, for people or for programs.
func viewStatus(env environment, c *cli.Context, s *apply.Status) error {
	if c.String("output") == outputJSON {
		return viewJSON(env.stdout, s)
	}
	statusView{w: env.stdout, colour: palette(env.colour), status: s}.print()
	return nil
}

// A statusView words a status: a line for each cluster, whom each discovers,
// and what is wrong.
type statusView struct {
	w      io.Writer
	colour palette
	status *apply.Status
}

func (v statusView) print() {
	rows := [][]string{{"CLUSTER", "ROLE", "NETWORK", "ISTIO", "GATEWAY", "TRUST", "DRIFT"}}
	for _, c := range v.status.Clusters {
		if c.Unreached != "" {
			rows = append(rows, []string{c.Name, c.Role, c.Network, "not reached", "?", "?", "?"})
			continue
		}
		rows = append(rows, []string{c.Name, c.Role, c.Network, orDash(c.Istio), orDash(c.Gateway), trustWords(c.Trust), yesNo(c.Drift)})
	}
	v.lines(table(rows))
	if len(v.status.Clusters) > 1 {
		io.WriteString(v.w, "\n")
		v.lines(v.discovery())
	}
	io.WriteString(v.w, "\n")
	if v.status.Healthy() {
		say(v.w, "The mesh is one: %s", v.everyone())
		return
	}
	viewFindings(v.w, v.colour.mark("x"), v.status.Findings)
	say(v.w, "The mesh is not one: %s.", count(len(v.status.Findings), "finding"))
}

// lines prints what table made safe.
func (v statusView) lines(lines []string) {
	for _, line := range lines {
		io.WriteString(v.w, line+"\n")
	}
}

func (v statusView) everyone() string {
	n := 0
	var apart []string
	for _, c := range v.status.Clusters {
		if len(c.Discovers) > 0 {
			n++
		} else {
			apart = append(apart, c.Name)
		}
	}
	switch {
	case n == 0 && len(apart) == 1:
		return "it is a single cluster."
	case len(apart) == 0:
		return fmt.Sprintf("%d of %d clusters discover each other.", n, n)
	}
	return fmt.Sprintf("%d of %d clusters discover each other; no part in it: %s.", n, n+len(apart), few(apart))
}

// discovery is who discovers whom: a matrix with a row for each cluster, or
// where that is too wide, a line for each.
func (v statusView) discovery() []string {
	header := []string{"discovers"}
	for _, c := range v.status.Clusters {
		header = append(header, c.Name)
	}
	rows := [][]string{header}
	for _, c := range v.status.Clusters {
		row := []string{c.Name}
		for _, other := range v.status.Clusters {
			row = append(row, cell(c, other.Name))
		}
		rows = append(rows, row)
	}
	matrix := table(rows)
	if len(matrix[0]) <= textWidth {
		return matrix
	}
	rows = nil
	for _, c := range v.status.Clusters {
		rows = append(rows, []string{c.Name, v.discoversWords(c)})
	}
	return table(rows)
}

// discoversWords is a row of the matrix in words.
func (v statusView) discoversWords(c apply.ClusterStatus) string {
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
func cell(c apply.ClusterStatus, other string) string {
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

func trustWords(t apply.Trust) string {
	if t.NotAfter.IsZero() {
		return t.State
	}
	return fmt.Sprintf("%s, %d d", t.State, t.Days)
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
