package view

import (
	"bytes"
	"errors"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// mistake is one in a file.
func mistake(file string) error {
	return topology.Problems{{Position: topology.Position{File: file, Line: 1, Column: 1}, Path: "a", Message: "wrong", Hint: "b"}}
}

// TestError checks the form of an error: what, and then what to do.
func TestError(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"plain":        {errors.New("no"), "setup-mesh: error: no\n"},
		"with a hint":  {withFix{errors.New("no"), "yes"}, "setup-mesh: error: no\nsetup-mesh: fix: yes\n"},
		"of a cluster": {&object.Error{Op: "read", Message: "forbidden", Hint: "ask"}, "setup-mesh: error: read: forbidden\nsetup-mesh: fix: ask\n"},
		"several":      {errors.Join(withFix{errors.New("a"), "1"}, errors.New("b"), withFix{errors.New("c"), "3"}), "setup-mesh: error: a\nsetup-mesh: fix: 1\nsetup-mesh: error: b\nsetup-mesh: error: c\nsetup-mesh: fix: 3\n"},
		"two files": {errors.Join(mistake("topology.yaml"), mistake("base.yaml")), "setup-mesh: error: topology.yaml and base.yaml have 2 mistakes\n" +
			"  topology.yaml:1:1: a: wrong\n      fix: b\n  base.yaml:1:1: a: wrong\n      fix: b\n"},
		"one file with mistakes, the other unreadable": {errors.Join(withFix{errors.New("topology.yaml: is not a file"), "make it one"}, mistake("base.yaml")),
			"setup-mesh: error: base.yaml has 1 mistake\n  base.yaml:1:1: a: wrong\n      fix: b\nsetup-mesh: error: topology.yaml: is not a file\nsetup-mesh: fix: make it one\n"},
		"in other words": {errors.Join(&object.Error{Op: "read", Message: "\x1b[2J"}), "setup-mesh: error: read: \\x1b[2J\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			Error(&b, tt.err)
			if b.String() != tt.want {
				t.Errorf("got %q\nwant %q", b.String(), tt.want)
			}
		})
	}
}
