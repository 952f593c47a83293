package tree

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Position is a place in a file. Line and Column count from 1; Column counts
// characters. The zero Position is not a place in a file: setup-mesh set the value
// itself.
type Position struct {
	File         string
	Line, Column int
}

// String returns "topology.yaml:4:37", only the file where the line is not
// known, and the empty string for the zero Position.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// IsZero says that p is not a place in a file.
func (p Position) IsZero() bool { return p == Position{} }

// A Problem is one mistake, or one warning, about one place in a file.
type Problem struct {
	Position
	Path    string // such as contexts.east.name; empty for the file as a whole
	Message string // what is wrong, without the place
	Hint    string // what to do about it; may be empty
}

// String returns "topology.yaml:4:37: contexts.east.name: message". The hint is
// not part of it: it is printed on a line of its own.
func (p Problem) String() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{p.Position.String(), p.Path, p.Message} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems is the error for a readable but wrong file. Returned as an error it is never empty; it is in document
// order. Only the first 1000 are kept.
type Problems []Problem

// Error returns the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems in document order, or nil when there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	ps.Sort()
	return ps
}

const maxProblems = 1000

// Sort puts the problems into document order; those about one place stay in the
// order in which they were added.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Add appends a problem; format and args make its message.
func (ps *Problems) Add(at Position, path, hint, format string, args ...any) {
	if len(*ps) >= maxProblems {
		return
	}
	*ps = append(*ps, Problem{Position: at, Path: path, Hint: hint, Message: fmt.Sprintf(format, args...)})
}
