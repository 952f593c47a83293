package apply

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/certs/certstest"
)

// oldKey is of all CAs that were made by hand: RSA keys take their time.
var oldKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// handMade is a root, and the CA of a cluster below it, as Istio's tools/certs makes both,
// with the CA as the files of a Secret cacerts.
// https://github.com/istio/istio/blob/1.31.0/tools/certs/common.mk
func handMade(t *testing.T) (root *certstest.CA, files map[string][]byte) {
	t.Helper()
	key, err := oldKey()
	if err != nil {
		t.Fatal(err)
	}
	shape := func(name pkix.Name, pathLen int) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			certstest.PathLen(pathLen)(c)
			c.Subject = name
			c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign
		}
	}
	if root, err = certstest.New("", nil, testNow, key, shape(pkix.Name{Organization: []string{"Istio"}, CommonName: "Root CA"}, -1)); err != nil {
		t.Fatal(err)
	}
	ca, err := certstest.New("", root, testNow, nil, shape(pkix.Name{Organization: []string{"Istio"}, CommonName: "Intermediate CA", Locality: []string{"elsewhere"}}, 0))
	if err != nil {
		t.Fatal(err)
	}
	text, err := ca.KeyPEM(certstest.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	return root, map[string][]byte{"ca-cert.pem": ca.CertPEM(), "ca-key.pem": text, "root-cert.pem": root.CertPEM(), "cert-chain.pem": ca.CertPEM(root)}
}

// asTLS are the same files in a Secret of type kubernetes.io/tls, as cert-manager has it.
func asTLS(files map[string][]byte) map[string][]byte {
	return map[string][]byte{"tls.crt": files["ca-cert.pem"], "tls.key": files["ca-key.pem"], "ca.crt": files["root-cert.pem"]}
}

// rootOf is a root with or without its key.
func rootOf(t *testing.T, ca *certstest.CA, withKey bool) *certs.Root {
	t.Helper()
	var key *certs.Secret
	if withKey {
		text, err := ca.KeyPEM(certstest.PKCS1)
		if err != nil {
			t.Fatal(err)
		}
		k := certs.NewSecret(text)
		key = &k
	}
	root, err := certs.ParseRoot(ca.CertPEM(), key)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// madeBy is a Secret cacerts that is not ours.
func madeBy(manager string, files map[string][]byte) *unstructured.Unstructured {
	o := object.New("v1", "Secret", "istio-system", object.Cacerts, nil, desired.SecretContent(files, nil).Fields)
	return fixture.ManagedBy(o, "theirs", manager)
}

// A CA that somebody else made below a root that is trusted here is kept as it is, and
// another is signed only where it has to be, and can be.
func TestCAOfSomebodyElse(t *testing.T) {
	const (
		who = "put certs/root-key.pem back for this apply, name who has the key with --sign-command, or have it signed elsewhere: setup-mesh certs csr"
		due = 80 * 24 * time.Hour
	)
	refused := func(why string) string {
		return "refused: objects/managed-by-others: Secret istio-system/cacerts: managed by kubectl, not by setup-mesh; Secret istio-system/cacerts cannot be kept: " + why + " (find out what installed it; apply --adopt takes it over)"
	}
	tests := map[string]struct {
		form  func(map[string][]byte) map[string][]byte // nil for Opaque
		key   bool
		adopt bool
		later time.Duration
		other bool // the root in the work directory is another one
		want  []string
	}{
		"without the root's key":       {want: []string{"keep, made by kubectl"}},
		"with the root's key":          {key: true, want: []string{"keep, made by kubectl"}},
		"in a Secret for TLS":          {form: asTLS, want: []string{"keep, made by kubectl"}},
		"taken over":                   {adopt: true, want: []string{"update: adopted from kubectl"}},
		"taken over, in one for TLS":   {adopt: true, form: asTLS, want: []string{"update: adopted from kubectl"}},
		"due, and nobody signs":        {later: due, want: []string{"keep, made by kubectl", "warned: trust/due: the intermediate is due: valid until 2027-03-01; it is kept until somebody signs another (" + who + ")"}},
		"due, and we sign":             {later: due, key: true, want: []string{"keep", refused("its intermediate is due: valid until 2027-03-01")}},
		"due, and we may take it over": {later: due, key: true, adopt: true, want: []string{"update, signed again: adopted from kubectl; its intermediate is due: valid until 2027-03-01"}},
		"without its chain": {
			form: func(files map[string][]byte) map[string][]byte { files["cert-chain.pem"] = nil; return files },
			want: []string{"keep", refused("cert-chain.pem: does not hold the certificate in ca-cert.pem, so peers could not verify the certificate of a workload")},
		},
		"below another root": {other: true, want: []string{"keep",
			"refused: trust/same-root: the cluster trusts root THEIRS, but the work directory holds root OURS (restore this mesh's certs/root-cert.pem; a running istiod ignores a different root. To change it: setup-mesh certs rotate-root)"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ca, files := handMade(t)
			if tt.form != nil {
				files = tt.form(files)
			}
			root := rootOf(t, ca, tt.key)
			d := WantedMesh(t, alone, TestBase)
			if !tt.other {
				setRoot(t, d, root)
			}
			w := EmptyWorld(d)
			w.Now = testNow.Add(tt.later)
			ref := object.SecretRef("istio-system", object.Cacerts)
			w.Clusters[0].Objects[ref] = world.Observed{Object: madeBy("kubectl", files)}
			p := NewPlan(d, w, plan.Options{Adopt: tt.adopt})
			got := append([]string{cacertsWords(p.Clusters[0].Planned(ref))}, certificateFindings(p)...)
			if tt.other {
				got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "objects/managed-by-others") })
			}
			named := strings.NewReplacer("OURS", d.Root.Short(), "THEIRS", root.Short())
			for i := range tt.want {
				tt.want[i] = named.Replace(tt.want[i])
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func cacertsWords(ch *plan.Change) string {
	words := string(ch.Action)
	if ch.Mint {
		words += ", signed again"
	}
	if ch.Theirs != "" {
		words += ", made by " + ch.Theirs
	}
	if ch.Reason != "" {
		words += ": " + ch.Reason
	}
	return words
}

// certificateFindings are what is said about trust and other managers.
func certificateFindings(p *plan.Plan) []string {
	var out []string
	say := func(how string, all []plan.Finding) {
		for _, f := range all {
			if strings.HasPrefix(f.ID, "trust/") && f.ID != "trust/root-ends-soon" || f.ID == "objects/managed-by-others" {
				out = append(out, how+": "+f.ID+": "+f.Message+" ("+f.Hint+")")
			}
		}
	}
	say("refused", p.Refusals)
	say("warned", p.Warnings)
	return out
}

// Nothing of a CA that was taken over changes, and one that is signed again goes where
// istiod looks for it.
func TestCATakenOver(t *testing.T) {
	ca, files := handMade(t)
	for name, files := range map[string]map[string][]byte{"Opaque": files, "TLS": asTLS(files)} {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, alone, TestBase)
			setRoot(t, d, rootOf(t, ca, true))
			live := madeBy("kubectl", files)
			item, late := intermediateItem(d, 0), intermediateOf(d, 0)
			if diff := cmp.Diff(files, desired.SecretData(desired.WantedObject(item, live))); diff != "" {
				t.Errorf("taken over (-want +got):\n%s", diff)
			}
			w := EmptyWorld(d)
			w.Now = testNow.AddDate(0, 0, 80)
			w.Clusters[0].Objects[item.Ref] = world.Observed{Object: live}
			content, err := late.Mint(t.Context(), desired.Minter{World: w, Random: rand.Reader, Now: w.Now})
			if err != nil {
				t.Fatal(err)
			}
			again := desired.SecretData(content.Put(item.Object))
			if diff := cmp.Diff(object.SortedKeys(files), object.SortedKeys(again)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			b, err := certs.ParseBundle(again)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Verify(d.Root, w.Now, late.ID); err != nil {
				t.Error(err)
			}
		})
	}
}

// A mesh lives on what others made, and a cluster that leaves it keeps that.
func TestCAOfSomebodyElseIsNotRecorded(t *testing.T) {
	ca, files := handMade(t)
	d := WantedMesh(t, alone, TestBase)
	setRoot(t, d, rootOf(t, ca, true))
	w := appliedWorld(t, d)
	ref := object.SecretRef("istio-system", object.Cacerts)
	w.Clusters[0].Objects[ref] = world.Observed{Object: madeBy("kubectl", files)}
	d.Root = withoutKey(t, d.Root)
	c := NewPlan(d, w, plan.Options{}).Clusters[0]
	after := c.RecordAfter("m", nil, func(plan.Change) bool { return true })
	for _, o := range after.Objects {
		if o.Ref == ref {
			t.Error("it is recorded, and goes when the cluster leaves")
		}
	}
	if len(after.Objects) == 0 {
		t.Error("nothing is recorded")
	}
}
