package view

import (
	"fmt"
	"io"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/verify"
)

// VerifyService words what proxies are told of a service.
func VerifyService(w io.Writer, r *verify.ServiceReport, colour bool) {
	who := "a proxy in each cluster is"
	if r.Ambient {
		who = "the ztunnels of each cluster are"
	}
	say(w, "What %s told of Service %s: pods, by the cluster they are in.", who, r.Service)
	io.WriteString(w, "\n")
	v := verifyView{w, palette(colour), &verify.Report{Problems: r.Problems}}
	printLines(v.w, serviceMatrix(r))
	io.WriteString(w, "\n")
	v.problems()
	if local := localOnly(r); local != "" {
		say(w, "It is not global in %s: other clusters are not told of its pods there, nor pods there of others'.", local)
	}
	if r.OK() {
		say(w, "Every cluster knows the pods of all that it should.")
		return
	}
	say(w, "Not as topology.yaml says: %s.", count(len(r.Problems), "problem"))
}

// serviceMatrix is a row for each cluster that was asked, or where that is too wide, a line
// for each.
func serviceMatrix(r *verify.ServiceReport) []string {
	header, ready := []string{"from \\ to"}, []string{"ready pods"}
	rows := map[string][]string{}
	for _, c := range r.Clusters {
		header, ready = append(header, c.Name), append(ready, fmt.Sprint(c.Ready))
		rows[c.Name] = []string{c.Name}
	}
	networks := map[string]string{}
	for _, c := range r.Clusters {
		networks[c.Name] = c.Network
	}
	for _, k := range r.Knowledge {
		rows[k.From] = append(rows[k.From], knows(k, networks[k.From] == networks[k.To]))
	}
	all := [][]string{header, ready}
	for _, c := range r.Clusters {
		row := rows[c.Name]
		for len(row) < len(header) {
			row = append(row, "?")
		}
		all = append(all, row)
	}
	lines := table(all)
	if fit(lines) {
		return lines
	}
	all = nil
	for _, c := range r.Clusters {
		row := rows[c.Name][1:]
		missing := len(slices.DeleteFunc(slices.Clone(row), func(cell string) bool { return cell != "NO" }))
		all = append(all, []string{c.Name, count(c.Ready, "ready pod"), fmt.Sprintf("knows those of %d, not of %d", len(row)-missing, missing)})
	}
	return table(all)
}

// knows is a cell: how many pods, "gateway" for those behind one, NO where there should be
// some, "." where there are none.
func knows(k verify.Knows, near bool) string {
	switch {
	case len(k.Addresses) == 0 && k.Expected:
		return "NO"
	case len(k.Addresses) == 0:
		return "."
	case !near:
		return "gateway"
	}
	return fmt.Sprint(len(k.Addresses))
}

// localOnly are the clusters of an ambient mesh in which the Service is there for pods of
// these alone, "" for none.
func localOnly(r *verify.ServiceReport) string {
	var names []string
	for _, c := range r.Clusters {
		if r.Ambient && !c.Global && c.Ready > 0 {
			names = append(names, c.Name)
		}
	}
	return few(names)
}
