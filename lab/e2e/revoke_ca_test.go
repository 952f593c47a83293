package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// revokesCA has a CA of a cluster called revoked under load, with istiods that take the lists and give them to proxies.
func (d *dataPlane) revokesCA(t *testing.T) {
	c := d.clusters[west1]
	istiod := c.mustIstiod(t)
	leaked := certificateIn(t, c.secret(t, "istio-system", "cacerts").Data["ca-cert.pem"])
	stop := d.keepCalling(t, contextsOfTraffic...)
	wantWords(t, d.run(t, 0, "certs", "revoke-ca", "--cluster", "west-1", "--yes"), "Step 1 of 2", "its intermediate is revoked", "Step 2 of 2", "The old CA of west-1 is revoked in all clusters.")
	d.listed(t, leaked)
	stop()
	if now := c.mustIstiod(t); now.PID != istiod.PID {
		t.Error("istiod was restarted")
	}
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, d.run(t, 0, "status"), "The mesh is one")
	d.becomes(t, d.all())
}

// listed waits until the proxies of all clusters are given lists that name a CA that is revoked.
func (d *dataPlane) listed(t *testing.T, leaked *x509.Certificate) {
	t.Helper()
	for _, in := range contextsOfTraffic {
		eventually(t, "the proxies of "+in+" are given the lists", func(ctx context.Context) error {
			m, err := d.clusters[in].kube.CoreV1().ConfigMaps(inTraffic).Get(ctx, "istio-ca-crl", metav1.GetOptions{})
			if err != nil {
				return err
			}
			return errorIf(!revokedIn(m.Data["ca-crl.pem"], leaked), "they do not name the CA that is revoked")
		})
	}
}

// restarts ends all workloads in clusters, and waits until those that come after them answer.
func (d *dataPlane) restarts(t *testing.T, in ...string) {
	t.Helper()
	for _, c := range in {
		if err := d.clusters[c].kube.CoreV1().Pods(inTraffic).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	d.becomes(t, d.all())
}

// revokesAnother revokes the CA of another cluster under load, with proxies that ask for a list of every CA: they have that of the
// next one before it signs.
func (d *dataPlane) revokesAnother(t *testing.T) {
	leaked := certificateIn(t, d.clusters[east1].secret(t, "istio-system", "cacerts").Data["ca-cert.pem"])
	stop := d.keepCalling(t, contextsOfTraffic...)
	wantWords(t, d.run(t, 0, "certs", "revoke-ca", "--cluster", "east-1", "--yes"), "Step 1 of 2", "has the revocation list of the CA that is to come",
		"all its proxies have the revocation lists of CAs that are to come", "Step 2 of 2", "The old CA of east-1 is revoked in all clusters.")
	d.listed(t, leaked)
	stop()
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, d.run(t, 0, "status"), "The mesh is one")
	d.becomes(t, d.all())
}

// joinsWithLists has a cluster join while proxies ask for lists: after one apply all of them trust its new CA.
func (d *dataPlane) joinsWithLists(t *testing.T) {
	remote := remoteEast + ": {network: network-remote, primaries: [" + east1 + "]}"
	before := d.clusters[west1].secret(t, "istio-system", "cacerts").Data["ca-cert.pem"]
	d.topology(t, inEast1, inEast2, remote)
	d.run(t, 0, "apply", "--yes")
	d.topology(t, inEast1, inEast2, inWest1, remote)
	stop := d.keepCalling(t, east1, east2, remoteEast)
	wantWords(t, d.run(t, 0, "apply", "--yes"), "proxies need the revocation list of the CA that west-1 gets", "The mesh is one")
	stop()
	if bytes.Equal(d.clusters[west1].secret(t, "istio-system", "cacerts").Data["ca-cert.pem"], before) {
		t.Error("the CA is the one of before")
	}
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	d.restarts(t, west1)
	wantWords(t, d.run(t, 0, "status"), "The mesh is one")
}

// rotatesAfterLists takes the lists back, as the refusal to rotate says, and leads the mesh to another root, all under load.
func (d *dataPlane) rotatesAfterLists(t *testing.T) {
	wantWords(t, d.run(t, 1, "certs", "rotate-root", "--yes"), "certs/revoked.json", "remove that file", "restart the istiods")
	stop := d.keepCalling(t, contextsOfTraffic...)
	if err := os.Remove(filepath.Join(d.dir, "certs/revoked.json")); err != nil {
		t.Fatal(err)
	}
	wantWords(t, d.run(t, 0, "apply", "--yes"), "nothing is revoked any longer")
	for _, in := range []string{east1, east2, west1} {
		_, err := d.clusters[in].kube.AppsV1().Deployments("istio-system").Patch(t.Context(), "istiod", types.StrategicMergePatchType,
			[]byte(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}}}}}`), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, in := range contextsOfTraffic {
		eventually(t, "the proxies of "+in+" are given no lists", func(ctx context.Context) error {
			m, err := d.clusters[in].kube.CoreV1().ConfigMaps(inTraffic).Get(ctx, "istio-ca-crl", metav1.GetOptions{})
			if err != nil {
				return err
			}
			return errorIf(m.Data["ca-crl.pem"] != "", "there are lists")
		})
	}
	wantWords(t, d.run(t, 0, "certs", "rotate-root", "--yes"), "The mesh has root")
	stop()
	wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	d.becomes(t, d.all())
}

// revokedIn says whether one of the lists in PEM text holds a certificate.
func revokedIn(text string, c *x509.Certificate) bool {
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		l, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return false
		}
		for _, e := range l.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
				return true
			}
		}
	}
	return false
}
