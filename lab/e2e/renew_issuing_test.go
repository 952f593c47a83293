package e2e

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// renewsIssuing has the CA of a cluster come into the last third of its life, under load, and sees an apply renew it in one
// update of one Secret, and istiod serve the new one without a restart.
func (d *dataPlane) renewsIssuing(t *testing.T) {
	c := d.clusters[west1]
	istiod := c.mustIstiod(t)
	stop := d.keepCalling(t, contextsOfTraffic...)
	due := d.comesDue(t, west1)
	eventually(t, "istiod signs with the CA that is due", func(ctx context.Context) error { return servedBy(ctx, istiod.Addresses.SecureXDS, due) })
	before := c.secret(t, "istio-system", "cacerts").ResourceVersion
	wantWords(t, d.run(t, 0, "apply", "--yes"), "its intermediate is due", "The mesh is one")
	after := c.secret(t, "istio-system", "cacerts")
	renewed := certificateIn(t, after.Data["ca-cert.pem"])
	if after.ResourceVersion == before || renewed.Equal(due) {
		t.Error("the CA was not renewed")
	}
	puts := 0
	for _, f := range after.ManagedFields {
		if f.Manager == "setup-mesh" {
			puts++
		}
	}
	if puts != 1 {
		t.Errorf("%d writers called setup-mesh have fields of the Secret", puts)
	}
	eventually(t, "istiod signs with the CA that was renewed", func(ctx context.Context) error { return servedBy(ctx, istiod.Addresses.SecureXDS, renewed) })
	stop()
	if now := c.mustIstiod(t); now.Pod != istiod.Pod || now.PID != istiod.PID || now.Restarts != istiod.Restarts {
		t.Errorf("istiod was restarted: %+v, was %+v", now, istiod)
	}
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	d.becomes(t, d.all())
}

// comesDue puts a CA in the place of that of a cluster, with the same key, that the mesh's root has signed for fourteen hours
// of which ten are over.
func (d *dataPlane) comesDue(t *testing.T, in string) *x509.Certificate {
	t.Helper()
	secret := d.clusters[in].secret(t, "istio-system", "cacerts")
	root := certificateIn(t, []byte(d.read(t, "certs/root-cert.pem")))
	key := keyIn(t, []byte(d.read(t, "certs/root-key.pem")))
	tmpl := certificateIn(t, secret.Data["ca-cert.pem"])
	public := tmpl.PublicKey
	tmpl.SerialNumber, tmpl.NotBefore, tmpl.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-10*time.Hour), time.Now().Add(4*time.Hour)
	tmpl.SignatureAlgorithm = x509.UnknownSignatureAlgorithm
	der, err := x509.CreateCertificate(rand.Reader, tmpl, root, public, key)
	if err != nil {
		t.Fatal(err)
	}
	secret.Data["ca-cert.pem"] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret.Data["cert-chain.pem"] = slices.Concat(secret.Data["ca-cert.pem"], secret.Data["root-cert.pem"])
	if _, err := d.clusters[in].kube.CoreV1().Secrets("istio-system").Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	return certificateIn(t, secret.Data["ca-cert.pem"])
}

// servedBy says why what listens at addr does not prove itself with a certificate of ca.
func servedBy(ctx context.Context, addr string, ca *x509.Certificate) error {
	// Who has signed it is what is asked.
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	tlsConn, ok := conn.(*tls.Conn)
	if !ok {
		return errors.New("it does not speak TLS")
	}
	chain := tlsConn.ConnectionState().PeerCertificates
	return errorIf(!slices.ContainsFunc(chain, ca.Equal), "it is signed by %s", chain[0].Issuer)
}

func certificateIn(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("there is no certificate")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func keyIn(t *testing.T, text []byte) any {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("there is no key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
