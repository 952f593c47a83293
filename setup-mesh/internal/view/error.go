package view

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// Error words an error and what to do about it: of those that are joined, each
// by itself, but the mistakes in the user's files all together.
func Error(w io.Writer, err error) {
	var problems topology.Problems
	var others []error
	for _, e := range parts(err) {
		if ps, ok := errors.AsType[topology.Problems](e); ok {
			problems = append(problems, ps...)
		} else {
			others = append(others, e)
		}
	}
	if len(problems) > 0 {
		printProblems(w, problems)
	}
	for _, e := range others {
		io.WriteString(w, "setup-mesh: error: "+safeLines(e.Error())+"\n")
		if what := fixOf(e); what != "" {
			say(w, "setup-mesh: %s%s", fixLabel, what)
		}
	}
}

// parts are the errors that err joins, or err itself.
func parts(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}

// printProblems lists all mistakes in the user's files, file by file.
func printProblems(w io.Writer, problems topology.Problems) {
	files, seen := []string{}, map[string]bool{}
	for _, p := range problems {
		if !seen[p.File] {
			seen[p.File] = true
			files = append(files, p.File)
		}
	}
	slices.SortStableFunc(problems, func(a, b topology.Problem) int {
		return cmp.Or(cmp.Compare(slices.Index(files, a.File), slices.Index(files, b.File)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	verb := "has"
	if len(files) > 1 {
		verb = "have"
	}
	say(w, "setup-mesh: error: %s %s %s", strings.Join(files, " and "), verb, count(len(problems), "mistake"))
	for _, p := range problems {
		say(w, "  %s", p)
		fix(w, "      ", p.Hint)
	}
}

// Undecided lists what a manifest asks for and nothing of today does.
func Undecided(w io.Writer, open topology.Problems) {
	say(w, "setup-mesh: left to decide: %s", count(len(open), "setting"))
	for _, p := range open {
		say(w, "  %s", p)
		fix(w, "      ", p.Hint)
	}
}

// fixOf is what to do about an error, "" where it does not say.
func fixOf(err error) string { return object.HintOf(err) }
