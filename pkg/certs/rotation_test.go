package certs

import (
	"crypto/rand"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func newRoots(t *testing.T) (from, to *Root) {
	t.Helper()
	made := func() *Root {
		cert, key, err := NewRoot(rand.Reader, noon, "m", "example.com")
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRoot(cert, &key)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	return made(), made()
}

// What is issued in one phase is trusted in that before it and that after it, both ways.
func TestRotationPhases(t *testing.T) {
	from, to := newRoots(t)
	issued, roots := map[Phase]*Bundle{}, map[Phase]*Root{}
	for _, p := range Phases() {
		r, err := NewRotation(p, from, to)
		if err != nil {
			t.Fatal(err)
		}
		roots[p] = r.Root()
		if issued[p], err = r.Root().Intermediate(rand.Reader, noon, east); err != nil {
			t.Fatal(err)
		}
	}
	type sees struct{ Trusts, Related, Under bool }
	got := map[string]sees{}
	for i, p := range Phases() {
		for _, q := range Phases()[max(0, i-1):min(len(Phases()), i+2)] {
			chain := append(slices.Clone(issued[p].chain), issued[p].roots...)
			got[string(p)+" seen from "+string(q)] = sees{roots[q].Issued(chain[:1]) || roots[q].Issued(issued[p].chain), issued[p].Root().Related(roots[q]), issued[p].Under(roots[q])}
		}
	}
	want := map[string]sees{
		"old only seen from old only": {true, true, true}, "old only seen from trust both": {true, true, true},
		"trust both seen from old only": {true, true, true}, "trust both seen from trust both": {true, true, true}, "trust both seen from sign new": {true, true, false},
		"sign new seen from trust both": {true, true, false}, "sign new seen from sign new": {true, true, true}, "sign new seen from new only": {true, true, true},
		"new only seen from sign new": {true, true, true}, "new only seen from new only": {true, true, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("phases (-want +got):\n%s", diff)
	}
}

func TestNext(t *testing.T) {
	tests := map[string]struct {
		p    Phase
		back bool
		want Phase
		ok   bool
	}{
		"on from the beginning":      {OldOnly, false, TrustBoth, true},
		"on to signing":              {TrustBoth, false, SignNew, true},
		"on to the end":              {SignNew, false, NewOnly, true},
		"no further":                 {NewOnly, false, "", false},
		"back from the end":          {NewOnly, true, SignNew, true},
		"back to the beginning":      {TrustBoth, true, OldOnly, true},
		"no further back":            {OldOnly, true, "", false},
		"what is no phase":           {"later", false, "", false},
		"what is no phase, and back": {"later", true, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := tt.p.Next(tt.back); got != tt.want || ok != tt.ok {
				t.Errorf("%q, %v, want %q, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestNewRotation(t *testing.T) {
	from, to := newRoots(t)
	if _, err := NewRotation("later", from, to); err == nil || err.Error() != `"later" is not a phase of a rotation` {
		t.Errorf("%v", err)
	}
	if _, err := NewRotation(OldOnly, from, from); err == nil || err.Error() != "the new root is the old one ("+from.Short()+")" {
		t.Errorf("%v", err)
	}
}

// What is trusted changes, the CA does not: no root key is needed for it.
func TestTrusting(t *testing.T) {
	from, to := newRoots(t)
	b, err := from.Intermediate(rand.Reader, noon, east)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRotation(TrustBoth, from, to)
	if err != nil {
		t.Fatal(err)
	}
	both := b.Trusting(r.Root())
	if err := both.Verify(r.Root(), noon, east); err != nil {
		t.Error(err)
	}
	if !both.Cert().Equal(b.Cert()) || !both.Root().Same(r.Root()) || b.Root().Same(r.Root()) {
		t.Error("the bundle has another CA, or other roots")
	}
	read, err := ParseBundle(both.Data())
	if err != nil || !read.Root().Same(r.Root()) || !read.Drops(from) || read.Drops(r.Root()) {
		t.Errorf("read again: %v", err)
	}
}
