package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// The rules of every view: the answer goes to stdout and the conversation to
// stderr; an error says what to do on a line of its own; one noun for one thing;
// colour only adds; what comes from a cluster is written by say.

// printError words an error and its remedy.
func printError(w io.Writer, err error) {
	if problems, ok := errors.AsType[topology.Problems](err); ok {
		printProblems(w, problems)
		return
	}
	io.WriteString(w, "setup-mesh: error: "+safeLines(err.Error())+"\n")
	for _, hint := range remedies(err) {
		say(w, "setup-mesh: hint: %s", hint)
	}
}

// printProblems lists all mistakes in the user's files.
func printProblems(w io.Writer, problems topology.Problems) {
	files, seen := []string{}, map[string]bool{}
	for _, p := range problems {
		if !seen[p.File] {
			seen[p.File] = true
			files = append(files, p.File)
		}
	}
	verb := "has"
	if len(files) > 1 {
		verb = "have"
	}
	say(w, "setup-mesh: error: %s %s %s", strings.Join(files, " and "), verb, count(len(problems), "mistake"))
	for _, p := range problems {
		say(w, "  %s", p)
		if p.Hint != "" {
			say(w, "      %s", p.Hint)
		}
	}
}

// remedies are the hints of an error and of all that it joins.
func remedies(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, e := range joined.Unwrap() {
			all = append(all, remedies(e)...)
		}
		return all
	}
	if h := hintOf(err); h != "" {
		return []string{h}
	}
	if e, ok := errors.AsType[*object.Error](err); ok && e.Hint != "" {
		return []string{e.Hint}
	}
	return nil
}

// viewWarnings says which values of the user the topology overrides.
func viewWarnings(w io.Writer, warnings topology.Problems) {
	for _, p := range warnings {
		say(w, "setup-mesh: warning: %s", p)
		if p.Hint != "" {
			say(w, "      %s", p.Hint)
		}
	}
}

// viewFindings lists what was found in clusters.
func viewFindings(w io.Writer, mark painted, findings []apply.Finding) {
	for _, f := range findings {
		what := f.Message
		if f.Cluster != "" {
			what = f.Cluster + ": " + what
		}
		if f.ID != "" {
			what = f.ID + "  " + what
		}
		say(w, "%s %s", mark, what)
		viewRemedy(w, f.Hint)
		viewDetail(w, f.Detail)
	}
}

// viewRemedy prints what to do, if there is something.
func viewRemedy(w io.Writer, hint string) {
	if hint != "" {
		say(w, "    remedy: %s", hint)
	}
}

// viewDetail prints the lines that a remedy speaks of. One indentation for all
// of them: YAML can be copied with it.
func viewDetail(w io.Writer, detail string) {
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

// viewRefusals says why nothing is done.
func viewRefusals(w io.Writer, p *apply.Plan) {
	say(w, "setup-mesh: error: nothing is applied: %s must be settled first", count(len(p.Refusals), "thing"))
	viewFindings(w, "  x", p.Refusals)
}

// viewJSON prints an answer for programs.
func viewJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}
