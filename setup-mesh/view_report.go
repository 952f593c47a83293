package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

// viewReport says what an apply did, and what it did not.
func viewReport(env environment, c *cli.Context, p *apply.Plan, r *apply.Report) error {
	if c.String("output") == outputJSON {
		if err := viewJSON(env.stdout, r); err != nil {
			return err
		}
	}
	w := env.stdout
	if c.String("output") == outputJSON {
		w = env.stderr
	}
	created, updated, deleted := r.Changed()
	fmt.Fprintf(w, "Applied: %d created, %d updated, %d deleted in %s.%s\n",
		created, updated, deleted, seconds(r.Duration), oneMesh(p, r))
	if r.Complete() {
		return nil
	}
	if r.Interrupted != nil {
		fmt.Fprintf(env.stderr, "setup-mesh: ended early: %v\n", r.Interrupted)
	}
	for _, cr := range r.Clusters {
		viewMissing(env, cr)
	}
	fmt.Fprintln(env.stderr, "    remedy: setup-mesh "+c.Command.Name+", once the above is settled. Nothing has to be undone.")
	return nil
}

// oneMesh is the sentence that the user came for, where it was seen to be true.
func oneMesh(p *apply.Plan, r *apply.Report) string {
	if p.Teardown {
		if r.Complete() {
			return fmt.Sprintf(" Istio has left %s.", clusterCount(len(p.Clusters)))
		}
		return ""
	}
	joined := 0
	for _, c := range p.Clusters {
		if len(c.Reads) > 0 {
			joined++
		}
	}
	if joined == 0 || !r.Complete() {
		return ""
	}
	return fmt.Sprintf(" The mesh is one: %d of %d clusters discover each other.", joined, joined)
}

func viewMissing(env environment, cr *apply.ClusterReport) {
	switch {
	case cr.Unreached != "":
		fmt.Fprintf(env.stderr, "%s   not reached: %s\n", cr.Cluster, cr.Unreached)
	case cr.Missing > 0 || len(cr.Failures) > 0:
		fmt.Fprintf(env.stderr, "%s   not done: %s\n", cr.Cluster, count(cr.Missing, "change"))
	}
	for _, f := range cr.Failures {
		fmt.Fprintf(env.stderr, "    x %s: %s\n", f.Step, f.Message)
		if f.Hint != "" {
			fmt.Fprintf(env.stderr, "      remedy: %s\n", f.Hint)
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// viewStatus prints a line for each cluster, whom each discovers, and what is
// wrong.
func viewStatus(env environment, c *cli.Context, s *apply.Status) error {
	if c.String("output") == outputJSON {
		return viewJSON(env.stdout, s)
	}
	rows := [][]string{{"CLUSTER", "ROLE", "NETWORK", "ISTIO", "GATEWAY", "TRUST", "DRIFT"}}
	for _, cl := range s.Clusters {
		if cl.Unreached != "" {
			rows = append(rows, []string{cl.Name, cl.Role, cl.Network, "not reached", "?", "?", "?"})
			continue
		}
		rows = append(rows, []string{cl.Name, cl.Role, cl.Network, orDash(cl.Istio), orDash(cl.Gateway), trustWords(cl.Trust), yesNo(cl.Drift)})
	}
	table(env, rows)
	viewMatrix(env, s)
	if s.Healthy() {
		fmt.Fprintln(env.stdout, "\nThe mesh is one: "+everyone(s))
		return nil
	}
	fmt.Fprintln(env.stdout)
	viewFindings(env.stdout, palette(env.colour).mark("x"), s.Findings)
	fmt.Fprintf(env.stdout, "The mesh is not one: %s.\n", count(len(s.Findings), "finding"))
	return nil
}

func everyone(s *apply.Status) string {
	n := 0
	for _, c := range s.Clusters {
		if len(c.Discovers) > 0 {
			n++
		}
	}
	if n == 0 {
		return "it is a single cluster."
	}
	return fmt.Sprintf("%d of %d clusters discover each other.", n, len(s.Clusters))
}

// viewMatrix prints who discovers whom: a row for each istiod's cluster.
func viewMatrix(env environment, s *apply.Status) {
	header := []string{"discovers"}
	for _, c := range s.Clusters {
		header = append(header, c.Name)
	}
	rows := [][]string{header}
	for _, c := range s.Clusters {
		row := []string{c.Name}
		for _, other := range s.Clusters {
			row = append(row, cell(c, other.Name))
		}
		rows = append(rows, row)
	}
	if len(rows) > 2 {
		fmt.Fprintln(env.stdout)
		table(env, rows)
	}
}

// cell is what c has to do with other: "." for nothing.
func cell(c apply.ClusterStatus, other string) string {
	switch state, known := c.Discovers[other]; {
	case c.Unreached != "":
		return "?"
	case !known || c.Name == other:
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
	if s == "" {
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

// table aligns rows in columns.
func table(env environment, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, cell := range r {
			fmt.Fprintf(&b, "%-*s  ", widths[i], cell)
		}
		fmt.Fprintln(env.stdout, strings.TrimRight(b.String(), " "))
	}
}
