package desired

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

var east1 = certs.Identity{Cluster: "east-1", Namespace: "istio-system", TrustDomain: "cluster.local"}

func newRoot(t *testing.T, now time.Time) (with, without *certs.Root) {
	t.Helper()
	cert, key, err := certs.NewRoot(rand.Reader, now, "demo", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	if with, err = certs.ParseRoot(cert, &key); err != nil {
		t.Fatal(err)
	}
	if without, err = certs.ParseRoot(cert, nil); err != nil {
		t.Fatal(err)
	}
	return with, without
}

// importedAt is a CA that was requested, signed and imported at that time.
func importedAt(t *testing.T, root *certs.Root, at time.Time) *certs.Issued {
	t.Helper()
	q, err := root.Request(rand.Reader, at, east1)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := root.Sign(rand.Reader, at, q.CSR(), east1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := root.Accept(q.Key(), answer, at, east1)
	if err != nil {
		t.Fatal(err)
	}
	return b.Keep()
}

// minted is the Secret of a CA, and when it was signed.
func minted(t *testing.T, i *Intermediate, now time.Time, live *unstructured.Unstructured) (*unstructured.Unstructured, *certs.Bundle) {
	t.Helper()
	l := &world.Live{Objects: map[object.Ref]world.Observed{}}
	l.Name = east1.Cluster
	if live != nil {
		l.Objects[object.RefOf(live)] = world.Observed{Object: live}
	}
	c, err := i.Mint(t.Context(), Minter{World: &world.World{Clusters: []*world.Live{l}}, Random: rand.Reader, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	o := c.Put(object.New("v1", "Secret", east1.Namespace, object.Cacerts, nil, nil))
	b, err := certs.ParseBundle(SecretData(o))
	if err != nil {
		t.Fatal(err)
	}
	return o, b
}

// While two roots are trusted, what was imported below the one that does not sign is not used:
// the cluster would never get to the other.
func TestImportedInARotation(t *testing.T) {
	now := time.Now()
	before, beforeOffline := newRoot(t, now)
	after, afterOffline := newRoot(t, now)
	old, _ := minted(t, &Intermediate{Root: before, ID: east1}, now, nil)
	of := map[certs.Phase]map[string]*certs.Issued{}
	for _, p := range certs.Phases() {
		of[p] = map[string]*certs.Issued{"old": importedAt(t, before, now), "new": importedAt(t, after, now)}
	}
	tests := map[string]struct {
		phase    certs.Phase
		imported string
		offline  bool
		want     string // by which root what needs no signer is signed, "" for nothing
	}{
		"the old one signs, and it has signed":      {certs.TrustBoth, "old", true, "old"},
		"the old one signs, and the new one has":    {certs.TrustBoth, "new", true, "old"}, // which is live
		"the new one signs, and the old one has":    {certs.SignNew, "old", true, ""},
		"the new one can sign, and the old one has": {certs.SignNew, "old", false, ""},
		"the new one signs, and it has signed":      {certs.SignNew, "new", true, "new"},
		"the old one is gone":                       {certs.NewOnly, "old", true, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := certs.NewRotation(tt.phase, before, after)
			if tt.offline {
				r, err = certs.NewRotation(tt.phase, beforeOffline, afterOffline)
			}
			if err != nil {
				t.Fatal(err)
			}
			b, _ := (&Intermediate{Root: r.Root(), ID: east1, Issued: of[tt.phase][tt.imported]}).Ready(old, now)
			got := ""
			switch {
			case b == nil:
			case b.Under(before):
				got = "old"
			case b.Under(after):
				got = "new"
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("signed by (-want +got):\n%s", diff)
			}
		})
	}
}
