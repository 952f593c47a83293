package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// A handMadeCA is one that was not made by setup-mesh.
type handMadeCA struct {
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// makeByHand makes a CA below parent, or a root for nil, as Istio's tools/certs does: RSA, and nobody's name in it.
func makeByHand(t *testing.T, parent *handMadeCA, name pkix.Name) *handMadeCA {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: name, BasicConstraintsValid: true, IsCA: true, MaxPathLen: -1,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
	}
	by := &handMadeCA{ca, key}
	if parent != nil {
		by, ca.MaxPathLen, ca.MaxPathLenZero, ca.DNSNames = parent, 0, true, []string{"istiod.istio-system.svc"}
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &handMadeCA{ca, key}
}

func (c *handMadeCA) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

func (c *handMadeCA) keyPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// TestE2EAdoptCA makes a mesh of clusters that have CAs made by hand, in either form of the Secret, without the key of
// their root. The istiods are real, and sign with them.
func TestE2EAdoptCA(t *testing.T) {
	needsLab(t)
	j := newJourney(t, lab.Options{Clusters: 2})
	root := makeByHand(t, nil, pkix.Name{Organization: []string{"Istio"}, CommonName: "Root CA"})
	first := makeByHand(t, root, pkix.Name{Organization: []string{"Istio"}, CommonName: "Intermediate CA", Locality: []string{"somewhere"}})
	other := makeByHand(t, root, pkix.Name{Organization: []string{"Istio"}, CommonName: "Intermediate CA", Locality: []string{"elsewhere"}})
	put := func(t *testing.T, context, manager string, kind corev1.SecretType, data map[string][]byte) {
		t.Helper()
		c := j.clusters[context]
		if _, err := c.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "istio-system"}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "cacerts"}, Type: kind, Data: data}
		if _, err := c.kube.CoreV1().Secrets("istio-system").Create(t.Context(), s, metav1.CreateOptions{FieldManager: manager}); err != nil {
			t.Fatal(err)
		}
	}
	before := map[string]*corev1.Secret{}
	j.inOrder(t, []step{
		{"Prep", func(t *testing.T) {
			put(t, east1, "kubectl-create", corev1.SecretTypeOpaque, map[string][]byte{"ca-cert.pem": first.certPEM(), "ca-key.pem": first.keyPEM(t),
				"root-cert.pem": root.certPEM(), "cert-chain.pem": append(first.certPEM(), root.certPEM()...)})
			put(t, east2, "cert-manager", corev1.SecretTypeTLS, map[string][]byte{"tls.crt": other.certPEM(), "tls.key": other.keyPEM(t), "ca.crt": root.certPEM()})
			for context, c := range j.clusters {
				before[context] = c.secret(t, "istio-system", "cacerts")
			}
			trusted := filepath.Join(filepath.Dir(j.dir), "root.pem")
			if err := os.WriteFile(trusted, root.certPEM(), 0o600); err != nil {
				t.Fatal(err)
			}
			j.run(t, 0, "prep", "--mesh-id", "mymeshname", "--trust-root", trusted)
			j.topology(t, inEast1, inEast2)
		}},
		{"Kept", func(t *testing.T) {
			wantWords(t, j.run(t, 0, "plan"), "kept: intermediate CA, until ", "made by kubectl-create", "made by cert-manager")
			wantWords(t, j.run(t, 0, "apply", "--yes"), "2 of 2 clusters discover each other")
			for context, c := range j.clusters {
				if diff := cmp.Diff(before[context].ObjectMeta, c.secret(t, "istio-system", "cacerts").ObjectMeta); diff != "" {
					t.Errorf("%s: cacerts was touched (-before +after):\n%s", context, diff)
				}
			}
			wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
			wantWords(t, j.run(t, 0, "status"), "The mesh is one")
		}},
		{"IstiodsSignWithThem", func(t *testing.T) {
			pool := x509.NewCertPool()
			pool.AddCert(root.cert)
			for context, by := range map[string]*handMadeCA{east1: first, east2: other} {
				leaf, err := x509.ParseCertificate(workloadCertificate(t, j.clusters[context], "default", "default", pool).Certificate[0])
				if err != nil {
					t.Fatal(err)
				}
				if err := leaf.CheckSignatureFrom(by.cert); err != nil {
					t.Errorf("%s: %v", context, err)
				}
			}
		}},
		{"TakenOver", func(t *testing.T) {
			wantWords(t, j.run(t, 0, "plan", "--adopt"), "kept: intermediate CA", "adopted from kubectl-create", "adopted from cert-manager")
			j.run(t, 0, "apply", "--adopt", "--yes")
			for context, c := range j.clusters {
				now := c.secret(t, "istio-system", "cacerts")
				if now.Labels["setup-mesh.io/mesh"] != "mymeshname" || !cmp.Equal(before[context].Data, now.Data) || before[context].Type != now.Type {
					t.Errorf("%s: %v, type %s, the same data: %v", context, now.Labels, now.Type, cmp.Equal(before[context].Data, now.Data))
				}
			}
			wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
			wantWords(t, j.run(t, 0, "status"), "The mesh is one")
		}},
	})
}
