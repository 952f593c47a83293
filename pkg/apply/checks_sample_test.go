package apply

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Some proxies are asked what they were told when they were injected. What none of them
// answers is not known, and what not all were asked is said to be so.
func TestStatusSample(t *testing.T) {
	under := func(root *certs.Root) []*x509.Certificate {
		b, err := root.Intermediate(rand.Reader, testNow, certs.Identity{Cluster: "east", Namespace: "istio-system", TrustDomain: "cluster.local"})
		if err != nil {
			t.Fatal(err)
		}
		return []*x509.Certificate{b.Cert()}
	}
	mine, theirs := testRoot().Cert(), otherRoot().Cert()
	good := observe.ProxyCerts{Chain: under(testRoot()), Roots: []*x509.Certificate{mine}}
	deployment := object.Ref{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart"}
	proxy := func(edit func(w *observe.Workload)) observe.Workload {
		w := observe.Workload{Pod: object.Ref{Kind: "Pod", Namespace: "shop", Name: "cart-1"}, Owner: deployment, Network: "n1", Certs: good}
		edit(&w)
		return w
	}
	forward := &object.Error{Class: object.Forbidden, Op: "port-forward", Message: "no"}
	tests := map[string]struct {
		asked []observe.Workload
		of    int
		want  []string
		hints []string
	}{
		"nobody was asked": {},
		"all is as it is to be": {
			asked: []observe.Workload{proxy(func(*observe.Workload) {})}, of: 7,
		},
		"a root beside that of the mesh": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) { w.Certs.Roots = []*x509.Certificate{theirs, mine} })}, of: 1,
		},
		"another network": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) { w.Network = "old" })}, of: 1,
			want:  []string{"proxies/network east: the proxy of Pod shop/cart-1 is on network old, but the cluster is on network n1"},
			hints: []string{"kubectl --context kind-east -n shop rollout restart deployment cart"},
		},
		"no network, of a pod that nobody makes again": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) { w.Network, w.Owner = "", object.Ref{} })}, of: 3,
			want:  []string{"proxies/network east: the proxy of Pod shop/cart-1 is on no network, but the cluster is on network n1 (1 of 3 proxies were asked)"},
			hints: []string{"kubectl --context kind-east -n shop delete pod cart-1, and make it again: it is injected then"},
		},
		"an older root": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) {
				w.Owner.Kind, w.Certs = "StatefulSet", observe.ProxyCerts{Chain: under(otherRoot()), Roots: []*x509.Certificate{theirs}}
			})}, of: 1,
			want:  []string{"proxies/root east: the proxy of Pod shop/cart-1 trusts root " + otherRoot().Short() + ", but that of the mesh is " + testRoot().Short()},
			hints: []string{"kubectl --context kind-east -n shop rollout restart statefulset cart"},
		},
		"the mesh's root, and an older certificate": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) { w.Certs.Chain = under(otherRoot()) })}, of: 1,
			want:  []string{"proxies/root east: the proxy of Pod shop/cart-1 has a certificate that does not lead to the mesh's root " + testRoot().Short()},
			hints: []string{"kubectl --context kind-east -n shop rollout restart deployment cart"},
		},
		"a ztunnel one of whose identities has an older certificate": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) {
				w.Ztunnel, w.Others = true, []observe.ProxyCerts{good, {Chain: under(otherRoot()), Roots: good.Roots}, {Chain: under(otherRoot()), Roots: good.Roots}}
			})}, of: 1,
			want:  []string{"proxies/root east: the proxy of Pod shop/cart-1 has a certificate that does not lead to the mesh's root " + testRoot().Short()},
			hints: []string{"kubectl --context kind-east -n shop rollout restart deployment cart"},
		},
		"a ztunnel on a node without enrolled pods": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) {
				w.Ztunnel, w.Certs, w.CertsErr = true, observe.ProxyCerts{}, observe.ErrNoCertificate
			})}, of: 1,
		},
		"a certificate that has ended": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) {
				leaf := *w.Certs.Chain[0]
				leaf.NotAfter = testNow.Add(-90 * 60e9)
				w.Certs.Chain = []*x509.Certificate{&leaf}
			})}, of: 1,
			want:  []string{"proxies/root east: the proxy of Pod shop/cart-1 has a certificate that ended 1h30m0s ago"},
			hints: []string{"kubectl --context kind-east -n shop rollout restart deployment cart"},
		},
		"a proxy that does not answer": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) {
				w.Certs, w.CertsErr = observe.ProxyCerts{}, errors.New("connection refused")
			})}, of: 1,
			want:  []string{"proxies/root east: unknown: could not read the certificates of the proxies of pods shop/cart-1: connection refused"},
			hints: []string{""},
		},
		"a user who may not port-forward": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) { w.Certs, w.CertsErr = observe.ProxyCerts{}, forward })}, of: 2,
			want:  []string{"proxies/root east: unknown: could not read the certificates of the proxies of pods shop/cart-1: port-forward: no (1 of 2 proxies were asked)"},
			hints: []string{"the user of context kind-east needs to get pods and create pods/portforward in all namespaces"},
		},
		"a pod that cannot be read": {
			asked: []observe.Workload{proxy(func(w *observe.Workload) { *w = observe.Workload{Pod: w.Pod, Err: forbidden} }), proxy(func(*observe.Workload) {})}, of: 2,
			want: []string{
				"proxies/network east: unknown: could not read the network of the proxies of pods shop/cart-1: list: no",
				"proxies/root east: unknown: could not read the certificates of the proxies of pods shop/cart-1: list: no",
			},
			hints: []string{
				"the user of context kind-east needs to get pods in all namespaces",
				"the user of context kind-east needs to get pods and create pods/portforward in all namespaces",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			hints := wantSaid(t, func(m *probed) {
				m.probe("east", func(p *check.Probe) { p.Sample = observe.ProxySample{Asked: tt.asked, Of: tt.of} })
			}, tt.want)
			if diff := cmp.Diff(tt.hints, hints); diff != "" {
				t.Errorf("remedies (-want +got):\n%s", diff)
			}
		})
	}
}

// Of a cluster that trusts another root altogether, no proxy is told of.
func TestStatusSampleOfOtherRoot(t *testing.T) {
	theirs := []*x509.Certificate{otherRoot().Cert()}
	wantSaid(t, func(m *probed) {
		giveRoot(t, m.world.Clusters[0], "east")
		m.probe("east", func(p *check.Probe) {
			p.Sample = observe.ProxySample{Of: 1, Asked: []observe.Workload{{Network: "n1", Certs: observe.ProxyCerts{Chain: theirs, Roots: theirs}}}}
		})
	}, []string{"trust/same-root east: the cluster trusts root " + otherRoot().Short() + ", but the work directory holds root " + testRoot().Short()})
}
