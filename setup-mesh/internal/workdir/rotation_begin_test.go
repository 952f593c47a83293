package workdir

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// The root of another mesh can be the new one, with or without its key, and nothing is
// written before it is known that it will do.
func TestRotationToAnotherMesh(t *testing.T) {
	joined := prepared(t)
	cert, key := filepath.Join(joined, RootCertFile), filepath.Join(joined, RootKeyFile)
	open := filepath.Join(t.TempDir(), "open-key.pem")
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(open, text, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		to      func(own string) Brought
		offline bool
		want    string // of the error, "" for none
		files   map[string]string
	}{
		"with its key": {
			to: func(string) Brought { return Brought{RootCert: cert, RootKey: key} },
			files: map[string]string{"root-cert.pem": "-rw-r--r--", "root-key.pem": "-rw-------", "rotation.json": "-rw-r--r--",
				"new-root-cert.pem": "-rw-r--r--", "new-root-key.pem": "-rw-------"},
		},
		"its key is elsewhere": {
			to: func(string) Brought { return Brought{RootCert: cert} }, offline: true,
			files: map[string]string{"root-cert.pem": "-rw-r--r--", "root-key.pem": "-rw-------", "rotation.json": "-rw-r--r--", "new-root-cert.pem": "-rw-r--r--"},
		},
		"a key that others read":   {to: func(string) Brought { return Brought{RootCert: cert, RootKey: open} }, want: "can be used by others: its mode is 0644, not 0600"},
		"a key without its root":   {to: func(string) Brought { return Brought{RootKey: key} }, want: "the certificate of the root is missing"},
		"the key of another root":  {to: func(own string) Brought { return Brought{RootCert: cert, RootKey: filepath.Join(own, RootKeyFile)} }, want: "does not belong to the certificate"},
		"the root that is there":   {to: func(own string) Brought { return Brought{RootCert: filepath.Join(own, RootCertFile)} }, want: "the new root is the old one"},
		"a file that is not there": {to: func(string) Brought { return Brought{RootCert: cert + "x"} }, want: "root-cert.pemx: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := prepared(t)
			d := opened(t, dir)
			before := tree(t, dir)
			o := RotationOptions{To: tt.to(dir), Now: time.Now(), Rand: rand.Reader}
			r, err := d.BeginRotation(t.Context(), o)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %q", err, tt.want)
				}
				sameTree(t, dir, before)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want, err := opened(t, joined).Root()
			if err != nil {
				t.Fatal(err)
			}
			if !r.New.Same(want) || r.New.CanSign() == tt.offline || r.Phase != certs.OldOnly {
				t.Errorf("to root %s in phase %q, signs: %v", r.New.Shorts(), r.Phase, r.New.CanSign())
			}
			if diff := cmp.Diff(tt.files, filesIn(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if again, err := d.BeginRotation(t.Context(), o); err != nil || !again.New.Same(want) {
				t.Errorf("told again where it goes: %v, %v", again, err)
			}
		})
	}
}

// A rotation that is under way does not change where it goes, but takes the key that it
// lacks.
func TestRotationUnderWayGoesOn(t *testing.T) {
	joined, dir := prepared(t), prepared(t)
	d := opened(t, dir)
	to := func(dir string, withKey bool) RotationOptions {
		b := Brought{RootCert: filepath.Join(dir, RootCertFile)}
		if withKey {
			b.RootKey = filepath.Join(dir, RootKeyFile)
		}
		return RotationOptions{To: b, Now: time.Now(), Rand: rand.Reader}
	}
	if _, err := d.BeginRotation(t.Context(), to(joined, false)); err != nil {
		t.Fatal(err)
	}
	const want = "is there already, and holds other certificates than "
	if _, err := d.BeginRotation(t.Context(), to(prepared(t), true)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
	r, err := d.BeginRotation(t.Context(), to(joined, true))
	if err != nil || !r.New.CanSign() {
		t.Errorf("%v, %v", r, err)
	}
}
