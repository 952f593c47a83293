package apply

import (
	"crypto/rand"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
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
	for _, it := range d.Clusters[0].Items {
		late, ok := it.Late.(*desired.Intermediate)
		if !ok {
			continue
		}
		content, err := late.Mint(t.Context(), desired.Minter{World: EmptyWorld(d), Random: rand.Reader, Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		live := content.Put(it.Object)
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
		if why := late.Judge(EmptyWorld(d), live); why != "" {
			t.Errorf("it would be minted again: %s", why)
		}
		return
	}
	t.Error("there is no intermediate to mint")
}

// setRoot has a mesh want another root.
func setRoot(t *testing.T, d *desired.Desired, root *certs.Root) {
	t.Helper()
	d.Root = root
	for _, c := range d.Clusters {
		for _, it := range c.Items {
			if late, ok := it.Late.(*desired.Intermediate); ok {
				late.Root = root
			}
		}
	}
}
