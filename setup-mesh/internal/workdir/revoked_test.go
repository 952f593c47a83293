package workdir

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// What is revoked is read as it was kept, and belongs to one root.
func TestRevoked(t *testing.T) {
	d := opened(t, prepared(t))
	root, err := d.Root()
	if err != nil {
		t.Fatal(err)
	}
	if r, err := d.Revoked(root); r != nil || err != nil || d.HasRevoked() {
		t.Fatalf("without a file: %v, %v", r, err)
	}
	var none *certs.Revoked
	want, err := none.Adding(certs.RevokedCA{Cluster: "east-1", Serial: "ab", Since: time.Now().UTC()}).List(rand.Reader, time.Now(), root)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.PutRevoked(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := d.Revoked(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.CAs(), got.CAs()); diff != "" || got.Digest() != want.Digest() || !d.HasRevoked() {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	cert, _, err := certs.NewRoot(rand.Reader, time.Now(), "m", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	other, err := certs.ParseRoot(cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	message := d.Path(RevokedFile) + ": holds a list that root " + other.Short() + " has not signed"
	if _, err := d.Revoked(other); err == nil || err.Error() != message {
		t.Errorf("of another root: error %v, want %s", err, message)
	}
}
