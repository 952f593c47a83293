package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// The rules of every view: the answer goes to stdout and the conversation to
// stderr; an error says what to do on a line of its own; one noun for one thing;
// colour only adds.

// printError words an error and its remedy.
func printError(w io.Writer, err error) {
	if problems, ok := errors.AsType[topology.Problems](err); ok {
		printProblems(w, problems)
		return
	}
	fmt.Fprintf(w, "setup-mesh: error: %v\n", err)
	for _, hint := range remedies(err) {
		fmt.Fprintf(w, "setup-mesh: hint: %s\n", hint)
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
	fmt.Fprintf(w, "setup-mesh: error: %s %s %s\n", strings.Join(files, " and "), verb, count(len(problems), "mistake"))
	for _, p := range problems {
		fmt.Fprintf(w, "  %s\n", p)
		if p.Hint != "" {
			fmt.Fprintf(w, "      %s\n", p.Hint)
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
	if e, ok := errors.AsType[*kube.Error](err); ok && e.Hint != "" {
		return []string{e.Hint}
	}
	return nil
}

// viewWarnings says which values of the user the topology overrides.
func viewWarnings(w io.Writer, warnings topology.Problems) {
	for _, p := range warnings {
		fmt.Fprintf(w, "setup-mesh: warning: %s\n", p)
		if p.Hint != "" {
			fmt.Fprintf(w, "      %s\n", p.Hint)
		}
	}
}

// viewFindings lists what was found in clusters.
func viewFindings(w io.Writer, mark string, findings []apply.Finding) {
	for _, f := range findings {
		id := ""
		if f.ID != "" {
			id = f.ID + "  "
		}
		cluster := ""
		if f.Cluster != "" {
			cluster = f.Cluster + ": "
		}
		fmt.Fprintf(w, "%s %s%s%s\n", mark, id, cluster, f.Message)
		if f.Hint != "" {
			fmt.Fprintf(w, "    remedy: %s\n", f.Hint)
		}
	}
}

// viewRefusals says why nothing is done.
func viewRefusals(w io.Writer, p *apply.Plan) {
	fmt.Fprintf(w, "setup-mesh: error: nothing is applied: %s\n", count(len(p.Refusals), "thing")+" must be settled first")
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

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// A palette adds colour to what stands without it.
type palette bool

func (p palette) paint(code, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// mark colours a plan's symbol.
func (p palette) mark(symbol string) string {
	switch symbol {
	case "+":
		return p.paint("32", symbol)
	case "~":
		return p.paint("33", symbol)
	case "-", "x":
		return p.paint("31", symbol)
	}
	return symbol
}
