package workdir

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// An elsewhere is a work directory on its way to a root whose key another one has.
type elsewhere struct {
	d     *Dir
	dir   string
	vault *Dir
	r     *certs.Rotation
}

func rotatingElsewhere(t *testing.T) elsewhere {
	t.Helper()
	e := elsewhere{dir: prepared(t)}
	vault := prepared(t)
	e.d, e.vault = opened(t, e.dir), opened(t, vault)
	var err error
	e.r, err = e.d.BeginRotation(t.Context(), RotationOptions{To: Brought{RootCert: filepath.Join(vault, RootCertFile)}, Now: time.Now(), Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	e.move(t, certs.TrustBoth)
	return e
}

func (e elsewhere) move(t *testing.T, p certs.Phase) {
	t.Helper()
	if err := e.d.MoveRotation(t.Context(), e.r, p); err != nil {
		t.Fatal(err)
	}
	e.r.Phase = p
}

// answered is what the root of a work directory answers to the request of cluster a, in a file.
func (e elsewhere) answered(t *testing.T, by *Dir) string {
	t.Helper()
	root, err := by.Root()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := os.ReadFile(e.d.Path(requestFile("a")))
	if err != nil {
		t.Fatal(err)
	}
	text, err := root.Sign(rand.Reader, time.Now(), csr, identity("a"))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "a.pem")
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func (e elsewhere) request(t *testing.T, back bool) Action {
	t.Helper()
	all, err := e.d.Request(t.Context(), RequestOptions{IDs: []certs.Identity{identity("a")}, Back: back, Now: time.Now(), Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return all[0].Action
}

func (e elsewhere) imports(t *testing.T, from string, back bool) error {
	t.Helper()
	_, err := e.d.Import(t.Context(), ImportOptions{IDs: []certs.Identity{identity("a")}, From: []string{from}, Back: back, Now: time.Now()})
	return err
}

// The CA of a cluster is requested for the new root, and below no other one is it taken; it
// is in the place of the old one when the rotation has ended.
func TestRotationElsewhere(t *testing.T) {
	e := rotatingElsewhere(t)
	if got := e.request(t, false); got != Created {
		t.Errorf("the request is %s", got)
	}
	if err := e.imports(t, e.answered(t, e.d), false); err == nil || !strings.Contains(err.Error(), "not to the root of the mesh (") || !strings.Contains(err.Error(), e.r.New.Short()) {
		t.Errorf("what the old root has signed: %v", err)
	}
	if err := e.imports(t, e.answered(t, e.vault), false); err != nil {
		t.Fatal(err)
	}
	if got := e.request(t, false); got != Signed {
		t.Errorf("once it is imported, the request is %s", got)
	}
	if diff := cmp.Diff("-rw-------", filesIn(t, e.dir)["new-cluster-a-key.pem"]); diff != "" {
		t.Errorf("where it is kept (-want +got):\n%s", diff)
	}
	e.move(t, certs.SignNew)
	e.move(t, certs.NewOnly)
	if err := e.d.EndRotation(t.Context(), e.r); err != nil {
		t.Fatal(err)
	}
	if root, isNew, err := e.d.Requesting(false); err != nil || isNew || !root.Same(e.r.New) || root.CanSign() {
		t.Errorf("requested below %v, new: %v, %v", root, isNew, err)
	}
	if got := e.request(t, false); got != Signed {
		t.Errorf("once the rotation has ended, the request is %s", got)
	}
	if _, err := os.Lstat(e.d.Path(issuedFile("a", true))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left among what is new: %v", err)
	}
}

// Led back, the old root signs, elsewhere too: what the new one has signed is kept beside it.
func TestRotationElsewhereBack(t *testing.T) {
	e := rotatingElsewhere(t)
	e.request(t, false)
	if err := e.imports(t, e.answered(t, e.vault), false); err != nil {
		t.Fatal(err)
	}
	e.move(t, certs.SignNew)
	if got := e.request(t, true); got != Created {
		t.Errorf("the request for the old root is %s", got)
	}
	if err := e.imports(t, e.answered(t, e.vault), true); err == nil || !strings.Contains(err.Error(), e.r.Old.Short()) {
		t.Errorf("what the new root has signed: %v", err)
	}
	if err := e.imports(t, e.answered(t, e.d), true); err != nil {
		t.Fatal(err)
	}
	mesh := &topology.Mesh{Clusters: []topology.Cluster{{Name: "a"}}}
	for isNew, root := range map[bool]*certs.Root{false: e.r.Old, true: e.r.New} {
		all, err := e.d.issued(mesh, isNew)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := all["a"].Bundle(root, time.Now(), identity("a")); err != nil {
			t.Errorf("of the new root: %v: %v", isNew, err)
		}
	}
	e.move(t, certs.OldOnly)
	if err := e.d.EndRotation(t.Context(), e.r); err != nil {
		t.Fatal(err)
	}
	if got := e.request(t, false); got != Signed {
		t.Errorf("led back, the request is %s", got)
	}
	if _, _, err := e.d.Requesting(true); !errors.Is(err, ErrNoRotation) {
		t.Errorf("with nothing to lead back: %v", err)
	}
}
