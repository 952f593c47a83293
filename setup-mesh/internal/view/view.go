// Package view holds every word that the user reads, but for the errors of
// others. Its functions take values and writers, and decide nothing.
//
// The rules of every view: the answer goes to stdout and the conversation to
// stderr; what to do about something is on a line of its own, after "fix:"; one
// noun for one thing; colour only adds; what comes from a cluster is written by
// say, which makes it safe for a terminal.
package view

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// Warnings are about what the user's files say that does not count.
func Warnings(w io.Writer, warnings topology.Problems) {
	for _, p := range warnings {
		say(w, "setup-mesh: warning: %s", p)
		fix(w, "      ", p.Hint)
	}
}

// findings lists what was found in clusters.
func findings(w io.Writer, mark painted, findings []plan.Finding) {
	for _, f := range findings {
		what := f.Message
		if f.Cluster != "" {
			what = f.Cluster + ": " + what
		}
		if f.ID != "" {
			what = f.ID + "  " + what
		}
		say(w, "%s %s", mark, what)
		fix(w, "    ", f.Hint)
		detail(w, f.Detail)
	}
}

// fix prints what to do, if there is something.
func fix(w io.Writer, indent painted, what string) {
	if what != "" {
		say(w, "%s%s%s", indent, fixLabel, what)
	}
}

// fixLabel is before every remedy.
const fixLabel = "fix: "

// detail prints the lines that a fix speaks of. One indentation for all
// of them: YAML can be copied with it.
func detail(w io.Writer, detail string) {
	for _, line := range detailLines(detail) {
		say(w, "      %s", line)
	}
}

// detailLines are those of a text, none of an empty one.
func detailLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// Refusals says why nothing is done.
func Refusals(w io.Writer, p *plan.Plan) {
	say(w, "setup-mesh: error: nothing was applied: fix %s first", theProblems(len(p.Refusals)))
	findings(w, "  x", p.Refusals)
}

func theProblems(n int) string {
	if n == 1 {
		return "this problem"
	}
	return fmt.Sprintf("these %d problems", n)
}

// JSON prints an answer for programs.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

// YAML prints what JSON does, as YAML.
func YAML(w io.Writer, v any) error {
	out, err := yaml.Marshal(v)
	if err == nil {
		_, err = w.Write(out)
	}
	if err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}
