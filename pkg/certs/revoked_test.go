package certs

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A mesh under revocation: three clusters, of which east had another CA, which leaked.
type revoking struct {
	root     *Root
	revoked  *Revoked
	leaked   *Bundle
	clusters []*Bundle
	ids      []Identity
}

func newRevoking(t *testing.T) revoking {
	t.Helper()
	m := revoking{root: newRoot(t, noon)}
	mint := func(cluster string) (*Bundle, Identity) {
		id := Identity{Cluster: cluster, Namespace: "istio-system", TrustDomain: "cluster.local"}
		b, err := m.root.Intermediate(rand.Reader, noon, id)
		if err != nil {
			t.Fatal(err)
		}
		return b, id
	}
	m.leaked, _ = mint("east")
	for _, cluster := range []string{"east", "west", "north"} {
		b, id := mint(cluster)
		m.clusters, m.ids = append(m.clusters, b), append(m.ids, id)
	}
	var none *Revoked
	pending := none.Adding(RevokedCA{Cluster: "east", Serial: SerialOf(m.leaked.Cert()), Since: noon})
	var err error
	if m.revoked, err = pending.List(rand.Reader, noon, m.root); err != nil {
		t.Fatal(err)
	}
	for i, b := range m.clusters {
		if m.clusters[i], err = b.WithLists(rand.Reader, noon, m.revoked, m.clusters); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// With the lists in every cluster, all trust each other, until the root ends, and nobody
// trusts what the CA that is revoked has signed.
func TestRevocation(t *testing.T) {
	m := newRevoking(t)
	for i, b := range m.clusters {
		if err := b.Verify(m.root, noon, m.ids[i]); err != nil {
			t.Errorf("%s: %v", m.ids[i].Cluster, err)
		}
		for j, peer := range m.clusters {
			if err := b.Accepts(peer, noon, m.ids[j]); err != nil {
				t.Errorf("%s does not trust %s: %v", m.ids[i].Cluster, m.ids[j].Cluster, err)
			}
		}
		want := fmt.Sprintf("revokes %s (serial number %s)", subject(m.leaked.Cert()), SerialOf(m.leaked.Cert()))
		if err := b.Accepts(m.leaked, noon, m.ids[0]); !strings.Contains(errText(err), "no revocation list of "+subject(m.leaked.Cert())) && !strings.Contains(errText(err), want) {
			t.Errorf("%s trusts what is revoked: %v", m.ids[i].Cluster, err)
		}
		if err := b.Listing(m.revoked, m.clusters, m.root.Cert().NotAfter.Add(-time.Hour)); err != nil {
			t.Errorf("%s: the lists end before the root: %v", m.ids[i].Cluster, err)
		}
	}
}

// Somebody who has the key of the CA can sign an empty list as well: the root's counts.
func TestRevokedCAVouchesForItself(t *testing.T) {
	m := newRevoking(t)
	b, err := m.clusters[1].WithLists(rand.Reader, noon, m.revoked, append(m.clusters, m.leaked))
	if err != nil {
		t.Fatal(err)
	}
	err = b.Accepts(m.leaked, noon, m.ids[0])
	if want := fmt.Sprintf("revokes %s (serial number %s)", subject(m.leaked.Cert()), SerialOf(m.leaked.Cert())); !strings.Contains(errText(err), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

// Lists that are good are kept byte for byte, and a CA that is renewed with its key needs
// no other.
func TestListsAreKept(t *testing.T) {
	m := newRevoking(t)
	later := noon.Add(300 * 24 * time.Hour)
	renewed, err := m.root.Renew(t.Context(), rand.Reader, later, m.ids[0], m.clusters[0])
	if err != nil {
		t.Fatal(err)
	}
	if renewed.Cert().Equal(m.clusters[0].Cert()) || !bytes.Equal(renewed.Cert().RawSubject, m.clusters[0].Cert().RawSubject) {
		t.Errorf("renewed is %s, was %s", subject(renewed.Cert()), subject(m.clusters[0].Cert()))
	}
	if err := m.clusters[1].Accepts(renewed, later, m.ids[0]); err != nil {
		t.Errorf("west does not trust the CA that was renewed: %v", err)
	}
	peers := []*Bundle{renewed, m.clusters[2]}
	again, err := m.clusters[1].WithLists(rand.Reader, later, m.revoked, peers)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.clusters[1].Data(), again.Data()); diff != "" {
		t.Errorf("west has other files (-before +after):\n%s", diff)
	}
	if again.Listing(m.revoked, peers, later) != nil {
		t.Error("lists that are good are not taken for that")
	}
}

// What is missing is found, and added; lists of clusters that are not reached stay.
func TestListsOfOthers(t *testing.T) {
	m := newRevoking(t)
	other, err := m.root.Intermediate(rand.Reader, noon, Identity{Cluster: "south", Namespace: "istio-system", TrustDomain: "cluster.local"})
	if err != nil {
		t.Fatal(err)
	}
	west := m.clusters[1]
	want := "ca-crl.pem: holds no revocation list of " + subject(other.Cert()) + " that Envoy accepts, and it needs one for every certificate of the path, the root included"
	if err := west.Listing(m.revoked, []*Bundle{other}, noon); errText(err) != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if west, err = west.WithLists(rand.Reader, noon, m.revoked, []*Bundle{other}); err != nil {
		t.Fatal(err)
	}
	for _, peer := range append(m.clusters, other) {
		if err := west.Accepts(peer, noon, m.ids[0]); err != nil {
			t.Errorf("west does not trust %s: %v", subject(peer.Cert()), err)
		}
	}
	if got := west.WithoutLists().Data()[CACRLFile]; got != nil {
		t.Errorf("without lists, there is %s", got)
	}
	bare := west.WithoutLists()
	if err := bare.Listing(m.revoked, nil, noon); errText(err) != "ca-crl.pem: does not hold the revocation list of the root" {
		t.Errorf("error %v", err)
	}
}

// What was kept is read back, and nothing else is taken for it.
func TestParseRevoked(t *testing.T) {
	m := newRevoking(t)
	text, err := m.revoked.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseRevoked(text, m.root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.revoked.CAs(), back.CAs()); diff != "" || back.Digest() != m.revoked.Digest() {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	serial := SerialOf(m.leaked.Cert())
	tests := map[string]struct {
		text string
		root *Root
		want string
	}{
		"something else":               {"{}", m.root, "revoked.json: is not what setup-mesh writes"},
		"another root":                 {string(text), newRoot(t, noon), "revoked.json: holds a list that root ROOT has not signed"},
		"a serial that is not one":     {strings.Replace(string(text), serial, "x", 1), m.root, `revoked.json: "x" is not a serial number`},
		"one more than the list holds": {strings.Replace(string(text), serial, "ab", 1), m.root, "revoked.json: says that serial number ab of east is revoked, but its list does not"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseRevoked([]byte(tt.text), tt.root)
			if want := strings.ReplaceAll(tt.want, "ROOT", tt.root.Short()); errText(err) != want {
				t.Errorf("error %v, want %s", err, want)
			}
		})
	}
}

// A root that cannot sign a list for all that is above the clusters says why.
func TestCannotList(t *testing.T) {
	own := newRoot(t, noon)
	bare, err := ParseRoot(own.PEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	old := ca(t, "root", nil, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign })
	noUsage, err := ParseRoot(old.pem(), secret(old.pkcs8()))
	if err != nil {
		t.Fatal(err)
	}
	top := ca(t, "company root", nil, nil)
	below := ca(t, "signing CA", &top, nil)
	company, err := ParseRoot(top.pem(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tiered, err := company.Below(below.pem(), secret(below.pkcs8()))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		root *Root
		want string
	}{
		"its key is elsewhere":       {bare, "its key is missing"},
		"a signer has its key":       {own.SignedBy(own.Signer(rand.Reader, time.Now)), "its key is with a signer, who signs certificates only"},
		"it must not sign lists":     {noUsage, "its key usage lacks cRLSign"},
		"it is above the signing CA": {tiered, "it is above the CA that signs (" + subject(below.cert) + "), and its key is not ours"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var none *Revoked
			_, err := none.Adding(RevokedCA{Cluster: "east", Serial: "ab", Since: noon}).List(rand.Reader, noon, tt.root)
			if !errors.Is(err, ErrNoList) || !strings.HasSuffix(errText(err), tt.want) {
				t.Errorf("error %v, want one that ends with %q", err, tt.want)
			}
		})
	}
}
