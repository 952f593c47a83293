package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
)

var peerAuthentications = schema.GroupVersionResource{Group: "security.istio.io", Version: "v1", Resource: "peerauthentications"}

// into are the pairs of others with a cluster.
func into(to string, from ...string) []pair {
	var out []pair
	for _, f := range from {
		out = append(out, pair{f, to})
	}
	return out
}

// refused is how often the client of east-1 has failed to connect through a gateway of west-1 at an address.
func (d *dataPlane) refused(t *testing.T, address string) int {
	t.Helper()
	counters := d.counters(t, east1, inTraffic, "app=client", "outbound|5000||helloworld.traffic.svc.cluster.local")
	return min(counters[address+":15443::cx_connect_fail"], counters[address+":15443::rq_error"])
}

// secretRemoved: the istiod of east-1 reads west-1 no longer, and serves the remote cluster too.
func (d *dataPlane) secretRemoved(t *testing.T) {
	secrets := d.clusters[east1].kube.CoreV1().Secrets("istio-system")
	s := d.clusters[east1].secret(t, "istio-system", "istio-remote-secret-west-1")
	if err := secrets.Delete(t.Context(), s.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	red := d.all(into("west-1", "east-1", "remote")...)
	d.becomes(t, red)
	d.verified(t, red)
	wantWords(t, d.run(t, 2, "verify", "--service", inTraffic+"/helloworld"), "in east-1 is told no address of traffic/helloworld in west-1, which has 2")
	d.run(t, 0, "apply", "--yes")
	d.becomes(t, d.all())
}

// wrongAddress: nobody is at the address that the Service of west-1's gateway has.
func (d *dataPlane) wrongAddress(t *testing.T) {
	services := d.clusters[west1].kube.CoreV1().Services("istio-system")
	wrong := []byte(`{"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.77"}]}}}`)
	if _, err := services.Patch(t.Context(), "istio-eastwestgateway", types.MergePatchType, wrong, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	red := d.all(into("west-1", "east-1", "east-2", "remote")...)
	d.becomes(t, red)
	d.verified(t, red)
	if d.refused(t, "203.0.113.77") == 0 {
		t.Error("no connection to the wrong address has failed")
	}
	if err := d.lab.SetGateway(t.Context(), west1, lab.GatewayIP); err != nil {
		t.Fatal(err)
	}
	d.becomes(t, d.all())
}

// gatewayDeleted: istiod no longer gives the gateway of west-1 a listener on 15443.
func (d *dataPlane) gatewayDeleted(t *testing.T) {
	gateways := d.clusters[west1].dynamic.Resource(istioGateways).Namespace("istio-system")
	if err := gateways.Delete(t.Context(), "cross-network-gateway", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	red := d.all(into("west-1", "east-1", "east-2", "remote")...)
	d.becomes(t, red)
	d.verified(t, red)
	if d.refused(t, "203.0.113.3") == 0 {
		t.Error("no connection to the gateway has failed")
	}
	d.run(t, 0, "apply", "--yes")
	d.becomes(t, d.all())
}

// plaintext is refused where mutual TLS is a must, and answered where it is not: the application is told of no caller then.
func (d *dataPlane) plaintext(t *testing.T) {
	stdout, stderr, code, err := d.call(t.Context(), east1, "plain", "/headers")
	if err != nil || code != 56 || stdout != "000\n" || stderr != "curl: (56) Recv failure: Connection reset by peer\n" {
		t.Errorf("plaintext against STRICT: exit %d, %q, %q, %v", code, stdout, stderr, err)
	}
	permissive := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": map[string]any{"name": "permissive"},
		"spec": map[string]any{"mtls": map[string]any{"mode": "PERMISSIVE"}},
	}}
	policies := d.clusters[east1].dynamic.Resource(peerAuthentications).Namespace(inTraffic)
	if _, err := policies.Create(t.Context(), permissive, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "plaintext is answered", func(ctx ctx) error {
		stdout, stderr, code, err := d.call(ctx, east1, "plain", "/headers")
		if err != nil {
			return err
		}
		if strings.Contains(stdout, "X-Forwarded-Client-Cert") {
			t.Errorf("the application is told of a caller: %s", stdout)
		}
		return errorIf(code != 0 || !strings.HasSuffix(stdout, "200\n"), "exit %d: %s%s", code, stdout, stderr)
	})
	d.becomes(t, d.all()) // with mutual TLS, as before:
	d.identities(t)
	if err := policies.Delete(t.Context(), "permissive", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// anotherRoot: west-1 trusts nobody else, and nobody trusts it. An istiod that runs does not take another root.
func (d *dataPlane) anotherRoot(t *testing.T) {
	c := d.clusters[west1]
	before := d.refused(t, "203.0.113.3")
	s := c.secret(t, "istio-system", "cacerts")
	s.Data = rootOf(t)
	if _, err := c.kube.CoreV1().Secrets("istio-system").Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	old := c.mustIstiod(t)
	if err := c.kube.CoreV1().Pods(old.Namespace).Delete(t.Context(), old.Pod, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "istiod writes the other root", func(ctx ctx) error {
		m, err := c.kube.CoreV1().ConfigMaps(inTraffic).Get(ctx, "istio-ca-root-cert", metav1.GetOptions{})
		if err != nil {
			return err
		}
		return errorIf(m.Data["root-cert.pem"] != string(s.Data["root-cert.pem"]), "it is the old one")
	})
	for _, namespace := range []string{inTraffic, "istio-system"} {
		selector := map[string]string{inTraffic: "", "istio-system": gatewayLabels}[namespace]
		if err := c.kube.CoreV1().Pods(namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: selector}); err != nil {
			t.Fatal(err)
		}
	}
	others := []string{"east-1", "east-2", "remote"}
	red := into("west-1", others...)
	for _, o := range others {
		red = append(red, pair{"west-1", o})
	}
	d.becomes(t, d.all(red...))
	d.verified(t, d.all(red...))
	if d.refused(t, "203.0.113.3") == before { // by the client: it does not know who has signed for the server
		t.Error("no connection through the gateway has failed")
	}
}

// rootOf is a Secret cacerts of a root that nobody else has.
func rootOf(t *testing.T) map[string][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another root"}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return map[string][]byte{
		"ca-cert.pem": cert, "cert-chain.pem": cert, "root-cert.pem": cert, "ca-key.pem": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
	}
}
