// Package golden is for the tests of package topology and those below it: they
// compare what is said about a file with what is checked in.
package golden

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// Messages returns what a user would read about err, which has to be Problems, each with
// a remedy.
func Messages(t *testing.T, err error) string {
	t.Helper()
	var ps tree.Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		t.Fatalf("got %v, want Problems", err)
	}
	for _, p := range ps {
		if p.Hint == "" {
			t.Errorf("no remedy: %s", p)
		}
	}
	return Text(ps)
}

// Text returns the problems one a line, with hints below the problems that they
// belong to.
func Text(ps tree.Problems) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String() + "\n")
		if p.Hint != "" {
			b.WriteString("    " + p.Hint + "\n")
		}
	}
	return b.String()
}

// Compare compares got with the contents of a file, which it writes first if
// update is true.
func Compare(t *testing.T, file, got string, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// CheckProblems checks what every error of a parser promises: it is Problems, each
// with a place, words and a remedy, in the order of the file.
func CheckProblems(t *testing.T, err error) {
	t.Helper()
	var ps tree.Problems
	if !errors.As(err, &ps) || len(ps) == 0 {
		t.Fatalf("got %#v, want Problems", err)
	}
	for i, p := range ps {
		if p.Line < 1 || p.Column < 1 || p.Message == "" || p.Hint == "" {
			t.Errorf("problem without a place, words or a remedy: %#v", p)
		}
		if i > 0 && p.Line < ps[i-1].Line {
			t.Errorf("%v comes after %v", p, ps[i-1])
		}
	}
}
