package observe

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// certificate signs itself.
func certificate(t testing.TB, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func pemOf(all ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range all {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// secretsOf is a page as Envoy 1.36 writes it, as far as its fields matter.
func secretsOf(t testing.TB, chain, roots []byte) []byte {
	t.Helper()
	const kind = "type.googleapis.com/envoy.admin.v3.SecretsConfigDump.DynamicSecret"
	page, err := json.Marshal(map[string]any{"configs": []any{
		map[string]any{"@type": kind, "name": "default", "version_info": "1", "last_updated": "2026-11-21T12:00:00.000Z", "secret": map[string]any{
			"name": "default", "tls_certificate": map[string]any{"certificate_chain": map[string]any{"inline_bytes": chain}, "private_key": map[string]any{"inline_bytes": "W3JlZGFjdGVkXQ=="}}}},
		map[string]any{"@type": kind, "name": "ROOTCA", "secret": map[string]any{"name": "ROOTCA", "validation_context": map[string]any{"trusted_ca": map[string]any{"inline_bytes": roots}}}},
		map[string]any{"@type": kind, "name": "kubernetes://shop-tls", "secret": map[string]any{"tls_certificate": map[string]any{"certificate_chain": map[string]any{"inline_bytes": "bm8="}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestParseSecrets(t *testing.T) {
	leaf, sub, root, next := certificate(t, 1), certificate(t, 2), certificate(t, 3), certificate(t, 4)
	got, err := parseSecrets(secretsOf(t, pemOf(leaf, sub), pemOf(root, next)))
	if err != nil {
		t.Fatal(err)
	}
	if want := (ProxyCerts{Chain: []*x509.Certificate{leaf, sub}, Roots: []*x509.Certificate{root, next}}); !cmp.Equal(want, got) {
		t.Errorf("%d and %d certificates", len(got.Chain), len(got.Roots))
	}
	if len(got.Lists) > 0 {
		t.Errorf("%d lists of none", len(got.Lists))
	}
	for name, tt := range map[string]struct {
		page []byte
		want string
	}{
		"a page":                      {[]byte("<html>"), "read its certificates: it is not the page that Envoy serves"},
		"something else":              {[]byte(`{"configs":[{"name":7}]}`), "read its certificates: it is not the page that Envoy serves"},
		"not a certificate":           {secretsOf(t, []byte("-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n"), nil), "read its certificates: it is not the page that Envoy serves"},
		"an Envoy without secrets":    {[]byte(`{}`), "it has no certificate from istiod"},
		"an Envoy that waits":         {secretsOf(t, nil, pemOf(root)), "it has no certificate from istiod"},
		"an Envoy that trusts nobody": {secretsOf(t, pemOf(leaf), nil), "it has no root from istiod"},
	} {
		if _, err := parseSecrets(tt.page); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Envoy reads revocation lists from a file of its agent's, and shows what it has read.
func TestParseLists(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{Subject: pkix.Name{CommonName: "ca"}, SubjectKeyId: []byte{1}, KeyUsage: x509.KeyUsageCRLSign}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}, ca, key)
	if err != nil {
		t.Fatal(err)
	}
	page := func(lists []byte) []byte {
		text, err := json.Marshal(map[string]any{"configs": []any{
			map[string]any{"name": "default", "secret": map[string]any{"tls_certificate": map[string]any{"certificate_chain": map[string]any{"inline_bytes": pemOf(certificate(t, 1))}}}},
			map[string]any{"name": "ROOTCA", "secret": map[string]any{"validation_context": map[string]any{
				"trusted_ca": map[string]any{"inline_bytes": pemOf(certificate(t, 2))}, "crl": map[string]any{"inline_bytes": lists},
			}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	got, err := parseSecrets(page(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})))
	if err != nil || len(got.Lists) != 1 || !bytes.Equal(got.Lists[0].Raw, der) {
		t.Errorf("%d lists: %v", len(got.Lists), err)
	}
	if _, err := parseSecrets(page([]byte("hello"))); err == nil || err.Error() != errNotSecrets.Error() {
		t.Errorf("what is no list: %v", err)
	}
}

// A podCluster has one pod, and answers to port-forwards.
type podCluster struct {
	object.Cluster
	pods   []*unstructured.Unstructured // at each reading, the last one from then on
	err    error
	asked  []string
	answer func() ([]byte, error)
}

func (c *podCluster) Get(_ context.Context, ref object.Ref) (*unstructured.Unstructured, error) {
	c.asked = append(c.asked, "get "+ref.String())
	pod := c.pods[0]
	if len(c.pods) > 1 {
		c.pods = c.pods[1:]
	}
	return pod, c.err
}

func (c *podCluster) PodGet(_ context.Context, namespace, pod string, port int, path string) ([]byte, error) {
	c.asked = append(c.asked, fmt.Sprintf("%s/%s:%d%s", namespace, pod, port, path))
	return c.answer()
}

func TestReadWorkload(t *testing.T) {
	ref := object.Ref{Kind: "Pod", Namespace: "shop", Name: "cart-7b9c-x"}
	leaf, root := certificate(t, 1), certificate(t, 2)
	pod := func(phase string, env ...any) *unstructured.Unstructured {
		o := object.New("v1", "Pod", "shop", "cart-7b9c-x", map[string]any{
			"labels":          map[string]any{"pod-template-hash": "7b9c"},
			"ownerReferences": []any{map[string]any{"kind": "ReplicaSet", "name": "cart-7b9c", "controller": true}},
		}, map[string]any{"spec": map[string]any{"initContainers": []any{map[string]any{"name": "istio-proxy", "env": env}}}, "status": map[string]any{"phase": phase}})
		return o
	}
	is := func(name, value string) any { return map[string]any{"name": name, "value": value} }
	soon := metav1.Now()
	ending := pod("Running")
	ending.SetDeletionTimestamp(&soon)
	bare := object.New("v1", "Pod", "shop", "cart-7b9c-x", nil, map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app"}}}, "status": map[string]any{"phase": "Running"}})
	good := func() ([]byte, error) { return secretsOf(t, pemOf(leaf), pemOf(root)), nil }
	certs := ProxyCerts{Chain: []*x509.Certificate{leaf}, Roots: []*x509.Certificate{root}}
	owner := object.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart"}
	refused := errors.New("connection refused")
	page := "shop/cart-7b9c-x:15000" + secretsPage
	tests := map[string]struct {
		cluster podCluster
		want    *Workload
		asked   []string
	}{
		"a sidecar": {
			podCluster{pods: []*unstructured.Unstructured{pod("Running", is("ISTIO_META_NETWORK", "old"), is("ISTIO_META_NETWORK", "n1"))}, answer: good},
			&Workload{Pod: ref, Owner: owner, Network: "n1", Certs: certs}, []string{"get Pod shop/cart-7b9c-x", page},
		},
		"another admin port": {
			podCluster{pods: []*unstructured.Unstructured{pod("Running", is("PROXY_CONFIG", `{"proxyAdminPort":15009}`))}, answer: good},
			&Workload{Pod: ref, Owner: owner, Certs: certs}, []string{"get Pod shop/cart-7b9c-x", "shop/cart-7b9c-x:15009" + secretsPage},
		},
		"a proxy that does not answer": {
			podCluster{pods: []*unstructured.Unstructured{pod("Running")}, answer: func() ([]byte, error) { return nil, refused }},
			&Workload{Pod: ref, Owner: owner, CertsErr: refused}, []string{"get Pod shop/cart-7b9c-x", page, "get Pod shop/cart-7b9c-x"},
		},
		"a proxy that ends while it is asked": {
			podCluster{pods: []*unstructured.Unstructured{pod("Running"), ending}, answer: func() ([]byte, error) { return nil, refused }},
			nil, []string{"get Pod shop/cart-7b9c-x", page, "get Pod shop/cart-7b9c-x"},
		},
		"a pod that is about to go": {podCluster{pods: []*unstructured.Unstructured{ending}}, nil, []string{"get Pod shop/cart-7b9c-x"}},
		"a pod that has ended":      {podCluster{pods: []*unstructured.Unstructured{pod("Succeeded")}}, nil, []string{"get Pod shop/cart-7b9c-x"}},
		"a proxy without a pod":     {podCluster{pods: []*unstructured.Unstructured{nil}, err: object.ErrNotFound}, nil, []string{"get Pod shop/cart-7b9c-x"}},
		"a pod that may not be read": {
			podCluster{pods: []*unstructured.Unstructured{nil}, err: refused}, &Workload{Pod: ref, Err: refused}, []string{"get Pod shop/cart-7b9c-x"},
		},
		"a pod of another proxy": {
			podCluster{pods: []*unstructured.Unstructured{bare}}, &Workload{Pod: ref, Err: errors.New("it has no container istio-proxy")}, []string{"get Pod shop/cart-7b9c-x"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := readWorkload(t.Context(), &world.Connected{Cluster: &tt.cluster}, ref)
			sameText := cmp.Comparer(func(a, b error) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty(), sameText); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.asked, tt.cluster.asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwnerOf(t *testing.T) {
	owned := func(kind, name, hash string, controller bool) *unstructured.Unstructured {
		return object.New("v1", "Pod", "shop", "p", map[string]any{
			"labels":          map[string]any{"pod-template-hash": hash},
			"ownerReferences": []any{map[string]any{"kind": kind, "name": name, "controller": controller}},
		}, nil)
	}
	for name, tt := range map[string]struct {
		pod  *unstructured.Unstructured
		want object.Ref
	}{
		"a Deployment's":                {owned("ReplicaSet", "cart-1", "1", true), object.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart"}},
		"a StatefulSet's":               {owned("StatefulSet", "db", "", true), object.Ref{Group: "apps", Kind: "StatefulSet", Namespace: "shop", Name: "db"}},
		"a ReplicaSet of no Deployment": {owned("ReplicaSet", "cart", "1", true), object.Ref{}},
		"a Job's":                       {owned("Job", "cart", "", true), object.Ref{}},
		"one that only belongs to it":   {owned("DaemonSet", "cart", "", false), object.Ref{}},
		"nobody's":                      {object.New("v1", "Pod", "shop", "p", nil, nil), object.Ref{}},
	} {
		if got := ownerOf(tt.pod); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
