package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/verify"
)

// Doing says what takes a while.
func Doing(w io.Writer, what string) { say(w, "%s ...", what) }

// Verify words a verification for people.
func Verify(w io.Writer, r *verify.Report, colour bool) {
	verifyView{w, palette(colour), r}.print()
}

// Cleaned says whether everything is taken out.
func Cleaned(w io.Writer, problems []verify.Problem, colour bool) {
	v := verifyView{w, palette(colour), &verify.Report{Problems: problems}}
	v.problems()
	if len(problems) == 0 {
		say(w, "Nothing of a verification is left.")
	}
}

// A verifyView words a verification: who answered how many calls, on which way, and what
// is wrong.
type verifyView struct {
	w      io.Writer
	colour palette
	report *verify.Report
}

func (v verifyView) print() {
	v.verdict()
	if r := v.report; r.Kept {
		say(v.w, "Everything is left in namespace %s. setup-mesh verify --clean takes it out.", r.Namespace)
	}
}

func (v verifyView) verdict() {
	r := v.report
	if len(r.Pairs) > 0 {
		say(v.w, "%s from each cluster to helloworld.%s:5000, by who answered them:", count(r.Calls, "call"), r.Namespace)
		io.WriteString(v.w, "\n")
		printLines(v.w, v.matrix())
		io.WriteString(v.w, "\n")
		if ways := v.ways(); len(ways) > 1 {
			printLines(v.w, table(ways))
			io.WriteString(v.w, "\n")
		}
		for _, line := range v.security() {
			say(v.w, "%s", line)
		}
	}
	v.problems()
	if r.Interrupted {
		return // the error says so
	}
	if r.OK() {
		say(v.w, "Every cluster is answered by those that it should be.")
		return
	}
	say(v.w, "Not as topology.yaml says: %s.", count(len(r.Problems), "problem"))
}

func (v verifyView) problems() {
	for _, p := range v.report.Problems {
		say(v.w, "%s %s", v.colour.mark("x"), p.Message)
		fix(v.w, "    ", p.Hint)
	}
}

// matrix is a row for each cluster that calls, or where that is too wide, a line for
// each with something wrong.
func (v verifyView) matrix() []string {
	header := []string{"from \\ to"}
	cells := map[verify.Pair]string{}
	for _, p := range v.report.Pairs {
		cells[verify.Pair{From: p.From, To: p.To}] = answersCell(p)
	}
	for _, c := range v.report.Clusters {
		header = append(header, c.Name)
	}
	rows := [][]string{header}
	for _, from := range v.report.Clusters {
		row := []string{from.Name}
		for _, to := range v.report.Clusters {
			cell, asked := cells[verify.Pair{From: from.Name, To: to.Name}]
			if !asked {
				cell = "?"
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	lines := table(rows)
	if fit(lines) {
		return lines
	}
	rows = nil
	whole := 0
	for _, from := range v.report.Clusters {
		if words := v.answeredWords(from.Name); words != "" {
			rows = append(rows, []string{from.Name, words})
		} else {
			whole++
		}
	}
	return table(append(rows, []string{clusterCount(whole), "answered by all that should"}))
}

// answersCell is a cell: how many, NO where there should be some, and "." where nothing is
// asked for and nothing came.
func answersCell(p verify.Called) string {
	switch {
	case p.Answers > 0:
		return fmt.Sprint(p.Answers)
	case p.Expected:
		return "NO"
	}
	return "."
}

// answeredWords is a row of the matrix in words, "" where nothing is missing in it.
func (v verifyView) answeredWords(from string) string {
	all, good := 0, 0
	var missing []string
	for _, p := range v.report.Pairs {
		if p.From != from || !p.Expected {
			continue
		}
		if all++; p.Answers > 0 {
			good++
		} else {
			missing = append(missing, p.To)
		}
	}
	switch {
	case all == 0:
		return "takes no part"
	case len(missing) == 0:
		return ""
	}
	return fmt.Sprintf("is answered by %d of %d, not by %s", good, all, few(missing))
}

// maxWays is how many lines of ways are shown.
const maxWays = 12

// ways are the addresses that calls between clusters took.
func (v verifyView) ways() [][]string {
	rows := [][]string{{"FROM", "TO", "THROUGH"}}
	networks := map[string]string{}
	for _, c := range v.report.Clusters {
		networks[c.Name] = c.Network
	}
	for _, p := range v.report.Pairs {
		if p.From == p.To || len(p.Via) == 0 {
			continue
		}
		kind := "pod "
		if networks[p.From] != networks[p.To] {
			kind = "gateway "
		}
		rows = append(rows, []string{p.From, p.To, kind + strings.Join(p.Via, ", ")})
	}
	if left := len(rows) - 1 - maxWays; left > 0 {
		rows = append(rows[:maxWays+1], []string{"...", fmt.Sprintf("%d more: -o json", left), ""})
	}
	return rows
}

// security is how the calls were secured, in lines.
func (v verifyView) security() []string {
	var mutual, unknown, answered int
	clients, servers := map[string]bool{}, map[string]bool{}
	for _, p := range v.report.Pairs {
		if p.Answers == 0 {
			continue
		}
		answered++
		switch p.Security {
		case "mutual_tls":
			mutual++
			clients[p.Client], servers[p.Server] = true, true
		case "":
			unknown++
		}
	}
	switch {
	case answered == 0:
		return []string{"No call was answered."}
	case unknown == answered && v.report.Ambient:
		return []string{"Whether calls are secured by mutual TLS was not seen: ztunnels do not say, or they say it of fewer connections than were answered."}
	case unknown == answered:
		return []string{"Whether calls are secured by mutual TLS, the proxies do not say: their metrics are off."}
	case mutual < answered:
		line := fmt.Sprintf("Mutual TLS between %d of %s.", mutual, count(answered, "pair"))
		if unknown > 0 {
			line += fmt.Sprintf(" Of %d it was not seen.", unknown)
		}
		return []string{line}
	}
	return []string{"All with mutual TLS:", "  " + identities(clients) + " calls", "  " + identities(servers)}
}

func identities(set map[string]bool) string {
	var out []string
	for id := range set {
		out = append(out, id)
	}
	slices.Sort(out)
	return few(out)
}
