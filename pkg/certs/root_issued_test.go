package certs

import (
	"crypto/x509"
	"testing"
	"time"
)

func TestRootIssued(t *testing.T) {
	own, other := ca(t, "own", nil, nil), ca(t, "other", nil, nil)
	sub := ca(t, "sub", &own, nil)
	leaf := ca(t, "leaf", &sub, nil)
	old := ca(t, "old", &sub, func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Minute) })
	root, err := ParseRoot(own.pem(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		chain []*x509.Certificate
		want  bool
	}{
		"a leaf and its intermediate":           {[]*x509.Certificate{leaf.cert, sub.cert}, true},
		"with the root at the end":              {[]*x509.Certificate{leaf.cert, sub.cert, own.cert}, true},
		"one that has ended is issued still":    {[]*x509.Certificate{old.cert, sub.cert}, true},
		"what the root has signed itself":       {[]*x509.Certificate{sub.cert}, true},
		"without its intermediate":              {[]*x509.Certificate{leaf.cert}, false},
		"a leaf of another, under the own root": {[]*x509.Certificate{other.cert, own.cert}, false},
		"of another root":                       {[]*x509.Certificate{ca(t, "x", &other, nil).cert, other.cert}, false},
		"nothing":                               {nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := root.Issued(tt.chain); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
