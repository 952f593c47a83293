package workdir

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/certs/certstest"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func identity(cluster string) certs.Identity {
	return certs.Identity{Cluster: cluster, Namespace: "istio-system", TrustDomain: "cluster.local"}
}

// offline is a work directory without the key of its root, which is a company's.
func offline(t *testing.T) (*Dir, *certstest.CA) {
	t.Helper()
	root := newCA(t, "root", nil, nil, func(c *x509.Certificate) { c.NotAfter = prepNow.AddDate(5, 0, 0) })
	o := theirs(newDir(t), pki(t, certstest.PKCS8, root))
	o.Brought.RootKey = ""
	if _, err := Prepare(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	d, err := Open(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d, root
}

// request asks for certificates, and says what became of it.
func request(t *testing.T, d *Dir, now time.Time, clusters ...string) map[string]Action {
	t.Helper()
	o := RequestOptions{Now: now, Rand: rand.Reader}
	for _, c := range clusters {
		o.IDs = append(o.IDs, identity(c))
	}
	all, err := d.Request(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Action{}
	for _, r := range all {
		out[r.Cluster] = r.Action
	}
	return out
}

// signed is the answer to the request of a cluster, after edits, in a file.
func signed(t *testing.T, d *Dir, by *certstest.CA, cluster string, now time.Time, edit func(*x509.Certificate)) string {
	t.Helper()
	text, err := os.ReadFile(d.Path(requestFile(cluster)))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := pem.Decode(text)
	q, err := x509.ParseCertificateRequest(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := certstest.New("x", nil, now, nil, certstest.PathLen(0)) // a template that would do
	if err != nil {
		t.Fatal(err)
	}
	tmpl := ca.Cert
	tmpl.Subject, tmpl.RawSubject, tmpl.NotAfter, tmpl.SubjectKeyId, tmpl.AuthorityKeyId = q.Subject, nil, now.AddDate(1, 0, 0), nil, nil
	if edit != nil {
		edit(tmpl)
	}
	c, err := by.Sign(tmpl, q.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), cluster+".crt")
	if err := os.WriteFile(name, (&certstest.CA{Cert: c}).CertPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func importFrom(t *testing.T, d *Dir, now time.Time, from ...string) ([]Imported, error) {
	t.Helper()
	return d.Import(t.Context(), ImportOptions{IDs: []certs.Identity{identity("a"), identity("b")}, From: from, Now: now})
}

// A life: requested, answered, renewed when it is due, with the one before there until
// its successor is.
func TestImportForALifetime(t *testing.T) {
	d, root := offline(t)
	if diff := cmp.Diff(map[string]Action{"a": Created, "b": Created}, request(t, d, prepNow, "a", "b")); diff != "" {
		t.Fatalf("at first (-want +got):\n%s", diff)
	}
	for _, c := range []string{"a", "b"} {
		if info, err := os.Stat(d.Path(requestKeyFile(c))); err != nil || info.Mode() != 0o600 {
			t.Errorf("the key of %s has mode %v; %v", c, info.Mode(), err)
		}
	}
	if _, err := importFrom(t, d, prepNow, signed(t, d, root, "a", prepNow, nil), signed(t, d, root, "b", prepNow, nil)); err != nil {
		t.Fatal(err)
	}
	mesh := &topology.Mesh{Clusters: []topology.Cluster{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	all, err := d.issued(mesh, false)
	if err != nil || len(all) != 2 {
		t.Fatalf("imported: %d, %v", len(all), err)
	}
	first := all["a"].Fingerprint()
	if diff := cmp.Diff(map[string]Action{"a": Signed, "b": Signed, "c": Created}, request(t, d, prepNow.AddDate(0, 6, 0), "a", "b", "c")); diff != "" {
		t.Errorf("after half a year (-want +got):\n%s", diff)
	}
	late := prepNow.AddDate(0, 9, 0)
	if diff := cmp.Diff(map[string]Action{"a": Created}, request(t, d, late, "a")); diff != "" {
		t.Errorf("after nine months (-want +got):\n%s", diff)
	}
	if one, err := d.issuedTo("a", false); err != nil || one.Fingerprint() != first {
		t.Errorf("the first is gone before the second is there: %v", err)
	}
	if _, err := importFrom(t, d, late, signed(t, d, root, "a", late, nil)); err != nil {
		t.Fatal(err)
	}
	if one, err := d.issuedTo("a", false); err != nil || one.Fingerprint() == first {
		t.Errorf("the second is not there: %v", err)
	}
	if info, err := os.Stat(d.Path(issuedFile("a", false))); err != nil || info.Mode() != 0o600 {
		t.Errorf("what was imported has mode %v; %v", info.Mode(), err)
	}
}

// A kill between two files leaves what the next run makes good.
func TestRequestAfterAKill(t *testing.T) {
	d, root := offline(t)
	request(t, d, prepNow, "a", "b")
	dir := d.Path(".")
	key, err := os.ReadFile(d.Path(requestKeyFile("a")))
	if err != nil {
		t.Fatal(err)
	}
	removed(requestFile("a"))(t, dir)
	removed(requestKeyFile("b"))(t, dir)
	if diff := cmp.Diff(map[string]Action{"a": Created, "b": Created}, request(t, d, prepNow, "a", "b")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	after, err := os.ReadFile(d.Path(requestKeyFile("a")))
	if err != nil || string(after) != string(key) {
		t.Errorf("the key was made again; %v", err)
	}
	answers := []string{signed(t, d, root, "a", prepNow, nil), signed(t, d, root, "b", prepNow, nil)}
	if _, err := importFrom(t, d, prepNow, answers...); err != nil {
		t.Errorf("the requests and their keys do not belong together: %v", err)
	}
	// The import was killed before it removed the request.
	written(requestKeyFile("a"), string(key))(t, dir)
	if _, err := importFrom(t, d, prepNow, answers...); err != nil {
		t.Errorf("imported again: %v", err)
	}
}

// One bad answer, and nothing is taken.
func TestImportRefuses(t *testing.T) {
	d, root := offline(t)
	other := newCA(t, "other", nil, nil, nil)
	request(t, d, prepNow, "a", "b")
	good := signed(t, d, root, "a", prepNow, nil)
	before := tree(t, d.Path("."))
	const needed = "it must be a CA with pathlen:0 and the key usages keyCertSign and cRLSign, as the request asks"
	tests := map[string]struct {
		by            *certstest.CA
		edit          func(*x509.Certificate)
		want, wantFix string
	}{
		"no path length": {root, certstest.PathLen(-1), "the answer for b: the certificate allows CAs below it (it lacks pathlen:0), so whoever has its key could make more of them", needed},
		"no CRLs":        {root, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }, "the answer for b: the certificate must not sign revocation lists (its key usage lacks cRLSign), which cannot be added later", needed},
		"another root":   {other, nil, "the answer for b: CN=GEN leads to CN=other,O=company.example, not to the root of the mesh (CN=root,O=company.example, SHORT)", "have it signed below that root, and print the certificates in between after it"},
		"expired":        {root, func(c *x509.Certificate) { c.NotAfter = prepNow.Add(-time.Minute) }, "the answer for b: ca-cert.pem: expired on 2026-11-21", ""},
	}
	r, err := d.Root()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := importFrom(t, d, prepNow, good, signed(t, d, tt.by, "b", prepNow, tt.edit))
			if err == nil {
				t.Fatal("no error")
			}
			text := strings.ReplaceAll(err.Error(), r.Short(), "SHORT")
			if before, rest, found := strings.Cut(text, "CN=intermediate"); found {
				text = before + "CN=GEN" + rest[strings.Index(rest, " leads"):]
			}
			if diff := cmp.Diff([]string{tt.want, tt.wantFix}, []string{text, fixOf(err)}); diff != "" {
				t.Errorf("error and fix (-want +got):\n%s", diff)
			}
			sameTree(t, d.Path("."), before)
		})
	}
}
