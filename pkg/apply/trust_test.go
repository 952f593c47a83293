package apply

import (
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/certs/certstest"
)

// tieredRoot is a company's root with a CA of ours below it, which ends earlier.
func tieredRoot(t *testing.T) *certs.Root {
	t.Helper()
	company, err := certstest.New("company", nil, testNow, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := certstest.New("ours", company, testNow, nil, certstest.PathLen(1))
	if err != nil {
		t.Fatal(err)
	}
	root, err := certs.ParseRoot(company.CertPEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := ours.KeyPEM(certstest.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	key := certs.NewSecret(text)
	if root, err = root.Below(ours.CertPEM(), &key); err != nil {
		t.Fatal(err)
	}
	return root
}

// A root below which another CA signs: the plan says which, until when, and what is
// minted is a chain of three that the next plan keeps.
func TestPlanSigningCA(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	setRoot(t, d, tieredRoot(t))
	p := NewPlan(d, EmptyWorld(d), plan.Options{})
	c := p.Clusters[0]
	if c.Issuer != "CN=ours,O=company.example" || !c.NotAfter.Equal(testNow.AddDate(0, 0, 100)) || c.RootFingerprint != d.Root.Short() {
		t.Errorf("signed by %q, until %v, root %s", c.Issuer, c.NotAfter, c.RootFingerprint)
	}
	if len(p.Refusals) > 0 {
		t.Errorf("refused: %v", p.Refusals)
	}
	live := minted(t, d, 0)
	b, err := certs.ParseBundle(desired.SecretData(live))
	if err != nil {
		t.Fatal(err)
	}
	var chain []string
	for _, c := range b.Chain()[1:] {
		chain = append(chain, c.Subject.CommonName)
	}
	if diff := cmp.Diff([]string{"ours", "company"}, chain); diff != "" || b.RootFingerprint() != d.Root.Fingerprint() {
		t.Errorf("root %s, above the cluster's CA (-want +got):\n%s", b.RootFingerprint(), diff)
	}
	if why := intermediateOf(d, 0).Judge(EmptyWorld(d), live); why != "" {
		t.Errorf("it would be minted again: %s", why)
	}
}

// intermediateItem is the item of a cluster's cacerts.
func intermediateItem(d *desired.Desired, cluster int) *desired.Item {
	i := slices.IndexFunc(d.Clusters[cluster].Items, func(it *desired.Item) bool { return it.Ref.Name == object.Cacerts })
	return d.Clusters[cluster].Items[i]
}

func intermediateOf(d *desired.Desired, cluster int) *desired.Intermediate {
	return intermediateItem(d, cluster).Late.(*desired.Intermediate)
}

// minted is a cluster's cacerts as an apply would send it.
func minted(t *testing.T, d *desired.Desired, cluster int) *unstructured.Unstructured {
	t.Helper()
	content, err := intermediateOf(d, cluster).Mint(t.Context(), desired.Minter{World: EmptyWorld(d), Random: rand.Reader, Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	return content.Put(intermediateItem(d, cluster).Object)
}

// setRoot has a mesh want another root.
func setRoot(t *testing.T, d *desired.Desired, root *certs.Root) {
	t.Helper()
	d.Root = root
	for i, c := range d.Clusters {
		if !c.Member.Remote() {
			intermediateOf(d, i).Root = root
		}
	}
}

// signerFunc is a signer outside of the process.
type signerFunc func(csr []byte, id certs.Identity) ([]byte, error)

func (f signerFunc) Sign(_ context.Context, csr []byte, id certs.Identity) (certs.Answer, error) {
	text, err := f(csr, id)
	return certs.Answer{PEM: text, At: testNow}, err
}

// Somebody else signs: a plan does not ask, and does not say what it cannot know.
func TestPlanOutsideSigner(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	asked := 0
	setRoot(t, d, withoutKey(t, testRoot()).SignedBy(signerFunc(func(csr []byte, id certs.Identity) ([]byte, error) {
		asked++
		return testRoot().Sign(rand.Reader, testNow, csr, id)
	})))
	p := NewPlan(d, EmptyWorld(d), plan.Options{})
	if c := p.Clusters[0]; !c.Outside || !c.NotAfter.IsZero() || len(p.Refusals) > 0 || asked > 0 {
		t.Errorf("outside %v, until %v, refused %v, asked %d times", c.Outside, c.NotAfter, p.Refusals, asked)
	}
	live := minted(t, d, 0)
	if b, err := certs.ParseBundle(desired.SecretData(live)); err != nil || b.RootFingerprint() != d.Root.Fingerprint() || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	w := appliedWorld(t, WantedMesh(t, OneNetwork, TestBase))
	if p := NewPlan(d, w, plan.Options{}); p.Pending() || p.Clusters[0].Outside || p.Clusters[0].NotAfter.IsZero() || asked != 1 {
		t.Errorf("where all is there: %s, asked %d times", planLines(p), asked)
	}
}

// Signed elsewhere: neither key nor signer is needed, it is used once, and again where
// the cluster has lost it.
func TestPlanImported(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	setRoot(t, d, withoutKey(t, testRoot()))
	signedAt := func(now time.Time) *certs.Issued {
		id := intermediateOf(d, 0).ID
		req, err := d.Root.Request(rand.Reader, now, id)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := testRoot().Sign(rand.Reader, now, req.CSR(), id)
		if err != nil {
			t.Fatal(err)
		}
		b, err := d.Root.Accept(req.Key(), answer, now, id)
		if err != nil {
			t.Fatal(err)
		}
		return b.Keep()
	}
	one := signedAt(testNow)
	intermediateOf(d, 0).Issued = one
	p := NewPlan(d, EmptyWorld(d), plan.Options{})
	if c := p.Clusters[0]; !c.Imported || !c.NotAfter.Equal(testNow.AddDate(1, 0, 0)) {
		t.Errorf("imported %v, until %v", c.Imported, c.NotAfter)
	}
	var refused []string
	for _, f := range p.Refusals {
		refused = append(refused, f.Cluster+" "+f.ID)
	}
	if diff := cmp.Diff([]string{"b trust/root-key", "c trust/root-key"}, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	live := minted(t, d, 0)
	if b, err := certs.ParseBundle(desired.SecretData(live)); err != nil || b.Fingerprint() != one.Fingerprint() {
		t.Fatalf("another one was minted: %v", err)
	}
	w := EmptyWorld(d)
	late := intermediateOf(d, 0)
	if why := late.Judge(w, live); why != "" {
		t.Errorf("once the cluster has it: %s", why)
	}
	w.Now = testNow.AddDate(0, 6, 0)
	late.Issued = signedAt(w.Now)
	if why, want := late.Judge(w, live), "a newer one was imported, valid until 2028-05-20"; why != want {
		t.Errorf("a newer one: %q, want %q", why, want)
	}
	// It is used up: with nothing to renew it with, it stays as long as it is valid.
	late.Issued, w.Now = one, testNow.AddDate(0, 11, 0)
	have, err := certs.ParseBundle(desired.SecretData(live))
	if err != nil {
		t.Fatal(err)
	}
	if late.Judge(w, live) != "" || late.Imported(w.Now, have) != nil || late.Imported(w.Now, nil) == nil {
		t.Error("one that is due is not kept, or imported again, or not used for a cluster that lost it")
	}
	late.Root = testRoot()
	if late.Judge(w, live) == "" || late.Imported(w.Now, nil) != nil {
		t.Error("one that is due is used although the root can sign")
	}
}
