package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// What a status of many clusters leaves out, and puts together: it shows what is wrong.

// ails says whether something is wrong with a cluster by itself. What is between two is
// shown elsewhere.
func (v statusView) ails(c status.Cluster) bool {
	return c.Unreached != "" || slices.ContainsFunc(v.status.Findings, func(f plan.Finding) bool { return f.Cluster == c.Name && f.Peer == "" })
}

// fine prints how many clusters were left out, since nothing is wrong with them.
func (v statusView) fine() {
	if !v.brief {
		return
	}
	n, drift := 0, 0
	for _, c := range v.status.Clusters {
		if v.ails(c) {
			continue
		}
		n++
		if c.Drift {
			drift++
		}
	}
	if n == 0 {
		return
	}
	words := clusterCount(n) + " ok"
	if drift > 0 {
		words += fmt.Sprintf(", %d with drift", drift)
	}
	say(v.w, "%s (-o wide shows all)", words)
}

// together puts rows together that differ in the first column only, in the order of the
// first of each.
func together(rows [][]string) [][]string {
	var out [][]string
	names := map[string][]string{}
	for _, row := range rows {
		key := strings.Join(row[1:], "\x00")
		if names[key] == nil {
			out = append(out, row)
		}
		names[key] = append(names[key], row[0])
	}
	for i, row := range out {
		if same := names[strings.Join(row[1:], "\x00")]; len(same) > 2 {
			out[i] = append([]string{fmt.Sprintf("%s and %d more", same[0], len(same)-1)}, row[1:]...)
		} else if len(same) == 2 {
			out[i] = append([]string{both(same)}, row[1:]...)
		}
	}
	return out
}

// A fault is findings that say the same of several clusters.
type fault []plan.Finding

// fewAlike is how many findings are listed although they say the same.
const fewAlike = 3

// faults puts findings together that say the same of several clusters about the same
// peer. What a finding says may name its cluster.
func faults(all []plan.Finding) []fault {
	var out []fault
	at := map[string]int{}
	for _, f := range all {
		own := func(s string) string { return strings.ReplaceAll(s, f.Cluster, "\x00") }
		key := strings.Join([]string{f.ID, f.Peer, own(f.Message), own(f.Hint), f.Detail}, "\x01")
		if i, known := at[key]; known && f.Cluster != "" {
			out[i] = append(out[i], f)
			continue
		}
		at[key] = len(out)
		out = append(out, fault{f})
	}
	return out
}

// findings lists what was found: what many clusters have, once.
func (v statusView) findings(mark string, all []plan.Finding) {
	for _, f := range faults(all) {
		if v.wide || len(f) <= fewAlike {
			findings(v.w, v.colour.mark(mark), f)
			continue
		}
		one := f[0]
		one.Hint, one.Detail = "", ""
		findings(v.w, v.colour.mark(mark), []plan.Finding{one})
		var names []string
		for _, other := range f[1:] {
			names = append(names, other.Cluster)
		}
		likewise := both(names)
		if n := len(names) - fewAlike; n > 0 {
			likewise = fmt.Sprintf("%s and %d more", strings.Join(names[:fewAlike], ", "), n)
		}
		say(v.w, "    likewise %s", likewise)
		fix(v.w, "    ", f[0].Hint)
		detail(v.w, f[0].Detail)
	}
}
