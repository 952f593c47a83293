package workdir

import (
	"bytes"
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
)

func opened(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func begun(t *testing.T, d *Dir) *certs.Rotation {
	t.Helper()
	r, err := d.BeginRotation(t.Context(), RotationOptions{Now: time.Now(), Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// filesIn are the names below certs, and how private they are.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(filepath.Join(dir, certsDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = info.Mode().Perm().String()
	}
	return out
}

// A rotation is led through its phases to its end: the new root is in the place of the
// old one, with its key.
func TestRotation(t *testing.T) {
	dir := prepared(t)
	d := opened(t, dir)
	before, err := d.Root()
	if err != nil {
		t.Fatal(err)
	}
	r := begun(t, d)
	if again := begun(t, d); again.New.Fingerprint() != r.New.Fingerprint() {
		t.Error("a rotation that was begun makes another root when it goes on")
	}
	if r.Old.Fingerprint() != before.Fingerprint() || r.New.Mesh() != before.Mesh() || r.New.Organization() != before.Organization() || !r.New.CanSign() {
		t.Errorf("from %s to %s", r.Old.Name(), r.New.Name())
	}
	for _, p := range []certs.Phase{certs.TrustBoth, certs.SignNew, certs.NewOnly} {
		if err := d.MoveRotation(t.Context(), r, p); err != nil {
			t.Fatal(err)
		}
		if r, err = d.Rotation(); err != nil || r.Phase != p {
			t.Fatalf("%v, %v, want %s", r, err, p)
		}
		f, err := d.Read(nil)
		if err == nil && (f.Rotation.Phase != p || f.Root.Fingerprint() != before.Fingerprint()) {
			t.Errorf("%s: the files say %+v", p, f)
		}
	}
	if err := d.EndRotation(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	after, err := d.Root()
	if err != nil || after.Fingerprint() != r.New.Fingerprint() || !after.CanSign() {
		t.Errorf("%v, %v", after, err)
	}
	want := map[string]string{"root-cert.pem": "-rw-r--r--", "root-key.pem": "-rw-------", "old-root-cert.pem": "-rw-r--r--", "old-root-key.pem": "-rw-------"}
	if diff := cmp.Diff(want, filesIn(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if old, err := d.rootAs(oldPrefix); err != nil || old.Fingerprint() != before.Fingerprint() || !old.CanSign() {
		t.Errorf("the old root: %v, %v", old, err)
	}
}

// Back at its beginning, a rotation is forgotten; the new root stays for another one.
func TestRotationBack(t *testing.T) {
	d := opened(t, prepared(t))
	r := begun(t, d)
	if err := d.EndRotation(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if left, err := d.Rotation(); err != nil || left != nil {
		t.Errorf("%v, %v", left, err)
	}
	root, err := d.Root()
	if err != nil || root.Fingerprint() != r.Old.Fingerprint() {
		t.Errorf("%v, %v", root, err)
	}
	if again := begun(t, d); again.New.Fingerprint() != r.New.Fingerprint() {
		t.Error("the new root was lost")
	}
}

// The end of a rotation may be cut off at any write: what counts is the new root, and it
// is gone on with.
func TestRotationEndsInSteps(t *testing.T) {
	whole := prepared(t)
	d := opened(t, whole)
	r := begun(t, d)
	if err := d.MoveRotation(t.Context(), r, certs.NewOnly); err != nil {
		t.Fatal(err)
	}
	r.Phase = certs.NewOnly
	read := func(file string) []byte {
		b, err := os.ReadFile(filepath.Join(whole, file))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	type file struct{ name, from string }
	steps := []file{{OldRootKeyFile, RootKeyFile}, {OldRootCertFile, RootCertFile}, {RootKeyFile, NewRootKeyFile}, {RootCertFile, NewRootCertFile}}
	for cut := range len(steps) + 1 {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{RootKeyFile, NewRootKeyFile} {
			if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, s := range steps[:cut] {
			if err := os.WriteFile(filepath.Join(dir, s.name), read(s.from), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d := opened(t, dir)
		got, err := d.Rotation()
		if err != nil || got.Root().Fingerprint() != r.New.Fingerprint() || got.Old.Fingerprint() != r.Old.Fingerprint() {
			t.Errorf("cut off after %d files: %v, %v", cut, got, err)
			continue
		}
		if err := d.EndRotation(t.Context(), got); err != nil {
			t.Errorf("cut off after %d files: %v", cut, err)
		}
		root, err := d.Root()
		old, oldErr := d.rootAs(oldPrefix)
		if err != nil || oldErr != nil || root.Fingerprint() != r.New.Fingerprint() || !root.CanSign() || old.Fingerprint() != r.Old.Fingerprint() || !old.CanSign() {
			t.Errorf("cut off after %d files: root %v, %v, old %v, %v", cut, root, err, old, oldErr)
		}
	}
}

// Files that are not those of the rotation are named, and nothing is done with them.
func TestRotationFiles(t *testing.T) {
	other := opened(t, prepared(t))
	otherCert, err := other.read(RootCertFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		breaks func(dir string) error
		want   string
	}{
		"no JSON": {func(dir string) error { return os.WriteFile(filepath.Join(dir, RotationFile), []byte("{"), 0o600) }, "rotation.json: is not what setup-mesh writes"},
		"of the future": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, RotationFile), []byte(`{"format": "setup-mesh.io/rotation/v2"}`), 0o600)
		}, "rotation.json: is not what setup-mesh writes"},
		"no new root": {func(dir string) error { return os.Remove(filepath.Join(dir, NewRootCertFile)) }, "new-root-cert.pem"},
		"another root": {func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, RootKeyFile)), os.WriteFile(filepath.Join(dir, RootCertFile), otherCert, 0o600))
		}, "but the rotation that"},
		"an unknown step": {func(dir string) error {
			name := filepath.Join(dir, RotationFile)
			b, err := os.ReadFile(name)
			return errors.Join(err, os.WriteFile(name, bytes.Replace(b, []byte("old only"), []byte("later"), 1), 0o600))
		}, `"later" is not a phase of a rotation`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := prepared(t)
			d := opened(t, dir)
			begun(t, d)
			if err := tt.breaks(dir); err != nil {
				t.Fatal(err)
			}
			before := tree(t, dir)
			_, err := d.Rotation()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if r, err := d.BeginRotation(t.Context(), RotationOptions{Now: time.Now(), Rand: rand.Reader}); err == nil || errors.Is(err, fs.ErrNotExist) && name != "no new root" {
				t.Errorf("%v, %v", r, err)
			}
			sameTree(t, dir, before)
		})
	}
}
