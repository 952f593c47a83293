package workdir

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/certs/certstest"
)

// newCA makes a CA for a test.
func newCA(t *testing.T, name string, parent *certstest.CA, key crypto.Signer, edit func(*x509.Certificate)) *certstest.CA {
	t.Helper()
	ca, err := certstest.New(name, parent, prepNow, key, edit)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// pki is a directory with the files of a company: each CA NAME.pem and NAME-key.pem.
func pki(t *testing.T, form string, cas ...*certstest.CA) string {
	t.Helper()
	dir := t.TempDir()
	for _, ca := range cas {
		key, err := ca.KeyPEM(form)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, ca.Cert.Subject.CommonName)
		for file, data := range map[string][]byte{name + ".pem": ca.CertPEM(), name + "-key.pem": key} {
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

// theirs are options with a root that was brought, and without an organization.
func theirs(dir, pki string) Options {
	o := optionsIn(dir)
	o.Org = ""
	o.Brought = Brought{RootCert: filepath.Join(pki, "root.pem"), RootKey: filepath.Join(pki, "root-key.pem")}
	return o
}

// below are options with a CA that signs in place of the root.
func below(dir, pki string) Options {
	o := theirs(dir, pki)
	o.Brought.RootKey = ""
	o.Brought.SigningCert, o.Brought.SigningKey = filepath.Join(pki, "ours.pem"), filepath.Join(pki, "ours-key.pem")
	return o
}

func TestPrepTakesARoot(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		form string
		key  crypto.Signer
	}{
		"P-256, PKCS#8": {certstest.PKCS8, nil}, "P-384, SEC 1": {certstest.SEC1, p384}, "P-256, after EC PARAMETERS": {certstest.ECParam, nil},
		"RSA, PKCS#1": {certstest.PKCS1, rsaKey}, "RSA, PKCS#8": {certstest.PKCS8, rsaKey},
	} {
		t.Run(name, func(t *testing.T) {
			root := newCA(t, "root", nil, tt.key, certstest.PathLen(1))
			dir, files := newDir(t), pki(t, tt.form, root)
			r, err := Prepare(t.Context(), theirs(dir, files))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"created topology.yaml", "created base.yaml", "created certs/root-cert.pem", "created certs/root-key.pem; is a copy of PKI/root-key.pem: now there are two to keep safe", "created .gitignore"}
			got := actions(r)
			for i := range got {
				got[i] = strings.ReplaceAll(got[i], files, "PKI")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			if info, err := os.Stat(filepath.Join(dir, RootKeyFile)); err != nil || info.Mode() != 0o600 {
				t.Errorf("the key has mode %v; %v", info.Mode(), err)
			}
			mints(t, dir, "root")
			before := tree(t, dir) // neither with the files nor without is anything changed
			for _, again := range []Options{theirs(dir, files), optionsIn(dir)} {
				if _, err := Prepare(t.Context(), again); err != nil {
					t.Fatal(err)
				}
				sameTree(t, dir, before)
			}
		})
	}
}

// mints checks that the root of a directory signs, and which CAs are above the clusters'.
func mints(t *testing.T, dir string, above ...string) {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	root, err := d.Root()
	if err != nil {
		t.Fatal(err)
	}
	id := certs.Identity{Cluster: "east-1", Namespace: "istio-system", TrustDomain: "cluster.local"}
	b, err := root.Intermediate(rand.Reader, prepNow, id)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range b.Chain()[1:] {
		got = append(got, c.Subject.CommonName)
	}
	if diff := cmp.Diff(above, got); diff != "" {
		t.Errorf("CAs above the cluster's (-want +got):\n%s", diff)
	}
}

func TestPrepTakesASigningCA(t *testing.T) {
	root := newCA(t, "root", nil, nil, nil)
	ours := newCA(t, "ours", root, nil, certstest.PathLen(1))
	dir, files := newDir(t), pki(t, certstest.PKCS8, root, ours)
	r, err := Prepare(t.Context(), below(dir, files))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"created topology.yaml", "created base.yaml", "created certs/root-cert.pem", "created certs/signing-cert.pem",
		"created certs/signing-key.pem; is a copy of PKI/ours-key.pem: now there are two to keep safe", "created .gitignore"}
	got := actions(r)
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], files, "PKI")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if r.Root.Signing.Name != "CN=ours,O=company.example" {
		t.Errorf("signs: %+v", r.Root.Signing)
	}
	mints(t, dir, "ours", "root")
	before := tree(t, dir)
	if _, err := Prepare(t.Context(), optionsIn(dir)); err != nil {
		t.Fatal(err)
	}
	sameTree(t, dir, before)

	// Without its key nothing is signed, and the key can be brought later.
	removed(SigningKeyFile)(t, dir)
	o := below(dir, files)
	o.Brought.SigningKey = ""
	if r, err = Prepare(t.Context(), o); err != nil || !strings.HasPrefix(actions(r)[4], "absent certs/signing-key.pem; is needed") {
		t.Errorf("without the key: %v, %q", err, actions(r))
	}
	if _, err := Prepare(t.Context(), below(dir, files)); err != nil {
		t.Fatal(err)
	}
	mints(t, dir, "ours", "root")
}

// A kill between two files leaves what the next run completes.
func TestPrepCompletesABroughtRoot(t *testing.T) {
	root := newCA(t, "root", nil, nil, nil)
	ours := newCA(t, "ours", root, nil, nil)
	files := pki(t, certstest.PKCS8, root, ours)
	for n := range rootFiles {
		dir := newDir(t)
		if _, err := Prepare(t.Context(), below(dir, files)); err != nil {
			t.Fatal(err)
		}
		for _, file := range rootFiles[n:] {
			os.Remove(filepath.Join(dir, file))
		}
		if _, err := Prepare(t.Context(), below(dir, files)); err != nil {
			t.Errorf("killed before %s: %v", rootFiles[n], err)
			continue
		}
		mints(t, dir, "ours", "root")
	}
}

func TestPrepRefusesARoot(t *testing.T) {
	root := newCA(t, "root", nil, nil, nil)
	ours := newCA(t, "ours", root, nil, nil)
	another := newCA(t, "another", nil, nil, nil)
	leaf := newCA(t, "leaf", nil, nil, func(c *x509.Certificate) { c.IsCA = false })
	old := newCA(t, "old", nil, nil, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = prepNow.AddDate(-2, 0, 0), prepNow.AddDate(-1, 0, 0)
	})
	files := pki(t, certstest.PKCS8, root, ours, another, leaf, old)
	at := func(name string) string { return filepath.Join(files, name) }
	const kept = "prep never replaces a root: name another work directory with --dir, or leave the files out to keep this one"
	tests := map[string]struct {
		before        change
		edit          func(*Brought)
		want, wantFix string // PKI and DIR stand for the directories
	}{
		"a root is there":           {prepare, func(*Brought) {}, "DIR/certs/root-cert.pem: is there already, and holds other certificates than PKI/root.pem", kept},
		"key of another":            {nil, func(b *Brought) { b.RootKey = at("another-key.pem") }, "PKI/another-key.pem: does not belong to the certificate in root-cert.pem (CN=root,O=company.example)", ""},
		"key for everybody":         {func(t *testing.T, _ string) { mode(t, at("root-key.pem"), 0o644) }, func(*Brought) {}, "PKI/root-key.pem: can be used by others: its mode is 0644, not 0600", "chmod 600 PKI/root-key.pem, and think about who may have read it"},
		"no such key":               {nil, func(b *Brought) { b.RootKey = at("nowhere.pem") }, "PKI/nowhere.pem: file does not exist", ""},
		"no such directory":         {nil, func(b *Brought) { b.RootCert = at("a/b.pem") }, "PKI/a/b.pem: no such file or directory", ""},
		"key is a directory":        {nil, func(b *Brought) { b.RootKey = files }, "PKI: is not a file", ""},
		"exchanged":                 {nil, func(b *Brought) { b.RootCert, b.RootKey = b.RootKey, b.RootCert }, "PKI/root-key.pem: PEM block 1 is a block PRIVATE KEY, not a certificate", "keep only CERTIFICATE blocks in this file: every workload gets to read it"},
		"not a CA":                  {nil, func(b *Brought) { b.RootCert, b.RootKey = at("leaf.pem"), "" }, "PKI/leaf.pem: certificate 1 (CN=leaf,O=company.example): is not a CA certificate", ""},
		"expired":                   {nil, func(b *Brought) { b.RootCert, b.RootKey = at("old.pem"), at("old-key.pem") }, "PKI/old.pem: a mesh below it is valid from 2024-11-21 until 2025-11-21, and it is 2026-11-21 now: it is expired", "bring a root, and a signing CA, that are valid"},
		"only a key":                {nil, func(b *Brought) { b.RootCert = "" }, "the certificate of the root is missing", "name it with --root-cert"},
		"signing key alone":         {nil, func(b *Brought) { b.SigningKey = at("ours-key.pem") }, "the certificate of the CA that signs is missing", "name it with --signing-cert"},
		"two that sign":             {nil, func(b *Brought) { b.SigningCert = at("ours.pem") }, "both the root and a CA below it are to sign", "leave --root-key out: only the key of the CA that signs is needed"},
		"signing CA of another":     {nil, func(b *Brought) { *b = Brought{RootCert: at("another.pem"), SigningCert: at("ours.pem")} }, "PKI/ours.pem: CN=ours,O=company.example was signed by CN=root,O=company.example, which is not in root-cert.pem", "put the certificates between it and the root after it, or trust the root that signed it"},
		"signing CA is the root":    {nil, func(b *Brought) { *b = Brought{RootCert: at("root.pem"), SigningCert: at("root.pem")} }, "PKI/root.pem: its first certificate (CN=root,O=company.example) is in root-cert.pem too, so there is no CA below the root", "the CA that signs comes first; leave this file out where the root itself signs"},
		"of a root that was killed": {func(t *testing.T, dir string) { prepare(t, dir); removed(RootCertFile)(t, dir) }, func(*Brought) {}, "DIR/certs/root-key.pem: does not belong to the certificate in root-cert.pem (CN=root,O=company.example)", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			if tt.before != nil {
				tt.before(t, dir)
				defer mode(t, at("root-key.pem"), 0o600)
			}
			before := tree(t, dir)
			o := theirs(dir, files)
			tt.edit(&o.Brought)
			_, err := Prepare(t.Context(), o)
			if err == nil {
				t.Fatal("no error")
			}
			say := strings.NewReplacer(dir, "DIR", files, "PKI").Replace
			if diff := cmp.Diff([]string{tt.want, tt.wantFix}, []string{say(err.Error()), say(fixOf(err))}); diff != "" {
				t.Errorf("error and fix (-want +got):\n%s", diff)
			}
			sameTree(t, dir, before)
		})
	}
}

// prepare makes a root of its own.
func prepare(t *testing.T, dir string) {
	t.Helper()
	if _, err := Prepare(t.Context(), optionsIn(dir)); err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, name string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// Half of a signing CA is never taken for a root that signs itself.
func TestHalfASigningCA(t *testing.T) {
	root := newCA(t, "root", nil, nil, nil)
	files := pki(t, certstest.PKCS8, root, newCA(t, "ours", root, nil, nil))
	tests := map[string]struct {
		gone []string
		want string
	}{
		"without its certificate": {[]string{SigningCertFile}, "DIR/certs/signing-key.pem: exists, but DIR/certs/signing-cert.pem does not"},
		"without the root":        {[]string{RootCertFile}, "DIR/certs/signing-cert.pem: exists, but DIR/certs/root-cert.pem does not"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			if _, err := Prepare(t.Context(), below(dir, files)); err != nil {
				t.Fatal(err)
			}
			for _, file := range tt.gone {
				removed(file)(t, dir)
			}
			_, prepErr := Prepare(t.Context(), optionsIn(dir))
			for _, err := range []error{readAll(dir), prepErr} {
				if err == nil || short(err.Error(), dir) != tt.want {
					t.Errorf("error %v, want %q", err, tt.want)
				}
			}
		})
	}
}
