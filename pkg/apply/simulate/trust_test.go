package simulate

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// talks are the pairs of clusters all proxies of which can talk to each other: the chain
// of each leads to what the other trusts. Those of a cluster among themselves are a pair.
func (s *sim) talks(w applytest.World) map[pair]bool {
	out := map[pair]bool{}
	all := map[string][]applytest.ProxyState{}
	for _, c := range s.names {
		all[c] = w.Proxies(c)
	}
	for i, a := range s.names {
		for _, b := range s.names[i:] {
			up := func(p applytest.ProxyState) bool { return p.Connected && p.Chain != "" }
			if one, other := filter(all[a], up), filter(all[b], up); s.together(a, b) && len(one) > 0 && len(other) > 0 &&
				len(one) == len(all[a]) && len(other) == len(all[b]) && strangers(one, other) == "" {
				out[pair{a, b}] = true
			}
		}
	}
	return out
}

// together says whether two clusters are of one mesh for all who apply now.
func (s *sim) together(a, b string) bool {
	for _, in := range s.watch.intents {
		if in.ends || in.mesh.member(a) == nil || in.mesh.member(b) == nil {
			return false
		}
	}
	return len(s.watch.intents) > 0
}

func filter[T any](list []T, is func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(e T) bool { return !is(e) })
}

// strangers names two proxies that cannot talk to each other, "" if there are none.
// One that has no certificate yet has not begun.
func strangers(some, others []applytest.ProxyState) string {
	for _, a := range some {
		for _, b := range others {
			if a.Chain != "" && b.Chain != "" && !(trusts(a.Roots, b.Chain) && trusts(b.Roots, a.Chain)) {
				return fmt.Sprintf("%s and %s", a.Pod, b.Pod)
			}
		}
	}
	return ""
}

// A trusting is a chain and the roots by which it is judged, both PEM.
type trusting struct{ roots, chain string }

// judgedChains are those of all histories, which have much the same.
var judgedChains sync.Map

// trusts says whether a chain leads to one of roots. What an istiod has made for itself
// is not a certificate here: it leads to itself.
func trusts(roots, chain string) bool {
	key := trusting{roots, chain}
	if is, ok := judgedChains.Load(key); ok {
		return is.(bool)
	}
	root, err := certs.ParseRoot([]byte(roots), nil)
	is := err == nil && root.Issued(parsed509(chain)) || err != nil && roots == chain
	judgedChains.Store(key, is)
	return is
}

func parsed509(chain string) []*x509.Certificate {
	var out []*x509.Certificate
	for block, rest := pem.Decode([]byte(chain)); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// identified is what happens whenever a proxy has got a certificate or roots.
func (s *sim) identified(w applytest.World, cluster string, pod object.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return
	}
	if s.log != nil {
		for _, p := range w.Proxies(cluster) {
			if p.Pod == pod {
				s.logf("    %s proxy %s: CA %s, trusts %s", cluster, pod, shorts(p.Chain), shorts(p.Roots))
			}
		}
	}
	s.checkTrust(w, fmt.Sprintf("the proxy of %s in %s has got its certificate", pod, cluster))
}

// shorts names certificates of PEM text by whom they are of.
func shorts(text string) string {
	var out []string
	for _, c := range parsed509(text) {
		out = append(out, fmt.Sprintf("%s %x by %s", c.Subject.CommonName, c.SerialNumber.Bytes()[:1], c.Issuer.CommonName))
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// checkTrust is that proxies that could talk to each other before the apply still can.
func (s *sim) checkTrust(w applytest.World, when string) {
	if s.untrusted { // an istiod may have made a CA of its own
		return
	}
	for p := range s.watch.talks {
		if s.watch.dirty[p.consumer] || s.watch.dirty[p.source] || s.watch.ends[p.consumer] || s.watch.ends[p.source] {
			continue
		}
		if who := strangers(w.Proxies(p.consumer), w.Proxies(p.source)); who != "" {
			s.fail("trust", "in %s and %s, %s cannot talk to each other after %s", p.consumer, p.source, who, when)
			return
		}
	}
}

// asTrusted is that the proxies of a member prove themselves with what signs in its mesh,
// and trust what it trusts, but for those that no istiod could tell so far.
func (s *sim) asTrusted(w applytest.World, m mesh, c member) {
	root := m.trusted()
	for _, p := range w.Proxies(c.Cluster) {
		got, err := certs.ParseRoot([]byte(p.Roots), nil)
		if !s.untrusted && p.Connected && (err != nil || !got.Same(root) || !root.Alone().Issued(parsed509(p.Chain))) {
			s.fail("end", "the proxy of %s in %s has %s of CA %s, and its mesh %s", p.Pod, c.Cluster, shorts(p.Roots), shorts(p.Chain), root.Shorts())
		}
	}
}

// workloads has users run a pod in each cluster whose pods are injected.
func (s *sim) workloads() {
	for _, name := range s.names {
		c := s.fleet.Cluster(name)
		s.enrolledWorkloads(c)
		var is served
		s.fleet.Look(func(w applytest.World) { is, _ = injection(w, name) })
		if is.all && c.Get(workload) == nil {
			_, err := c.As("kubectl-create").Create(object.New("v1", "Pod", workload.Namespace, workload.Name,
				map[string]any{"labels": map[string]any{"sidecar.istio.io/inject": "true"}},
				map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "example.com/app"}}}}))
			s.must(err)
		}
	}
}

var workload = object.Ref{Kind: podKind.Kind, Namespace: "default", Name: "client"}

var podKind = schema.GroupKind{Kind: "Pod"}
