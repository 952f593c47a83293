package desired

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Of the CA that a cluster has and one that was imported, the newer one is taken, though the
// other would do.
func TestTheNewerCAIsTaken(t *testing.T) {
	now := time.Now()
	root, offline := newRoot(t, now.AddDate(0, -2, 0))
	month := func(n int) time.Time { return now.AddDate(0, n, 0) }
	live := func(at time.Time) *unstructured.Unstructured {
		o, _ := minted(t, &Intermediate{Root: root, ID: east1}, at, nil)
		return o
	}
	const aLive, anImported, aNew = "the live one", "the imported one", "a new one"
	tests := map[string]struct {
		live     *unstructured.Unstructured
		imported time.Time // zero for none
		signs    bool
		want     string
	}{
		"a newer one was imported":                 {live(month(-1)), now, false, anImported},
		"a newer one was imported, though we sign": {live(month(-1)), now, true, anImported},
		"an older one was imported":                {live(now), month(-1), false, aLive},
		"nothing was imported":                     {live(month(-1)), time.Time{}, true, aLive},
		"there is none yet":                        {nil, now, true, anImported},
		"neither":                                  {nil, time.Time{}, true, aNew},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			i := &Intermediate{Root: offline, ID: east1}
			if tt.signs {
				i.Root = root
			}
			if !tt.imported.IsZero() {
				i.Issued = importedAt(t, root, tt.imported)
			}
			_, b := minted(t, i, now, tt.live)
			got := aNew
			switch {
			case i.Issued != nil && b.Keep().Fingerprint() == i.Issued.Fingerprint():
				got = anImported
			case tt.live != nil && sameCA(t, b, tt.live):
				got = aLive
			}
			if got != tt.want {
				t.Errorf("the cluster gets %s, want %s", got, tt.want)
			}
		})
	}
}

func sameCA(t *testing.T, b *certs.Bundle, live *unstructured.Unstructured) bool {
	t.Helper()
	of, err := certs.ParseBundle(SecretData(live))
	if err != nil {
		t.Fatal(err)
	}
	return b.Cert().Equal(of.Cert())
}
