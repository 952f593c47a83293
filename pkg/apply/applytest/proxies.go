package applytest

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	proxyContainer = "istio-proxy"
	proxyAdminPort = 15000
	// proxyRenewal is when istio-agent asks for another certificate: in half a day.
	// https://github.com/istio/istio/blob/1.31.0/pkg/istio-agent/config.go (SECRET_TTL)
	proxyRenewal  = 12 * time.Hour
	proxyLifetime = 2 * proxyRenewal
)

// A proxy is that of one pod, with the agent beside it. It keeps what it was given when
// no istiod is left.
type proxy struct {
	c      *Cluster
	pod    object.Ref
	uid    types.UID
	router bool    // it is alone in its pod
	by     *istiod // that it is connected to, nil before the first
	chain  string  // PEM of the CA that signed for it, and of those above it; "" before the first
	roots  string  // PEM of what it trusts
	issued time.Time
}

// A ProxyState is what a proxy is at one moment.
type ProxyState struct {
	Pod       object.Ref
	Connected bool   // an istiod serves it now
	Chain     string // PEM of the CA that signed for it, and of those above it; "" for no certificate
	Roots     string // PEM of what it trusts
}

// Proxies are those of a cluster, in running pods, sorted by pod.
func (w World) Proxies(cluster string) []ProxyState {
	var out []ProxyState
	for _, p := range w.f.clusters[cluster].sortedProxies() {
		out = append(out, ProxyState{p.pod, p.by != nil && p.by.serves(p.c), p.chain, p.roots})
	}
	return out
}

// OnIdentity calls see after every change of what a proxy proves itself with, or of what
// it trusts. For see holds what is said at [Fleet.OnWrite].
func (f *Fleet) OnIdentity(see func(w World, cluster string, pod object.Ref)) {
	defer f.hold()()
	f.identities = append(f.identities, see)
}

// proxyPod starts the proxy of a pod that begins to run, and forgets that of one that
// ended, or is about to.
func (c *Cluster) proxyPod(ref object.Ref) {
	pod := c.get(ref)
	runs := pod != nil && pod.GetDeletionTimestamp() == nil && text(pod, "status", "phase") == "Running"
	for uid, p := range c.proxies {
		if p.pod == ref && (!runs || pod.GetUID() != uid) {
			delete(c.proxies, uid)
		}
	}
	if !runs || c.proxies[pod.GetUID()] != nil {
		return
	}
	containers := records(items(pod, "spec", "containers"))
	if slices.ContainsFunc(containers, func(k map[string]any) bool { return k["name"] == proxyContainer && k["image"] == proxyImage }) {
		c.proxies[pod.GetUID()] = &proxy{c: c, pod: ref, uid: pod.GetUID(), router: len(containers) == 1}
		c.push()
	}
}

// push has the proxies of c hear of the istiods that serve it.
func (c *Cluster) push() {
	if len(c.proxies) > 0 {
		c.later(c.settings.Delays.Push, "proxies", func() {
			for _, p := range c.sortedProxies() {
				p.hear()
			}
		})
	}
}

// hear is what a proxy does when something may have changed: it connects to an istiod if
// its own is gone, and asks for a certificate if it has none, if its own is due, or if it
// is told of other roots. Roots are one text for istiod, so that other order is another
// text: https://github.com/istio/istio/blob/1.31.0/security/pkg/nodeagent/cache/secretcache.go (UpdateConfigTrustBundle)
func (p *proxy) hear() {
	if p.by == nil || !p.by.serves(p.c) {
		if next := p.c.controlPlane(); next != nil {
			p.by = next
		} else {
			return // whatever istiod comes up pushes
		}
	}
	if p.chain == "" || p.by.root != p.roots || time.Since(p.issued) >= proxyRenewal {
		p.issue()
	}
}

// issue has the istiod sign, and comes back when the certificate is to be renewed.
func (p *proxy) issue() {
	p.issued = time.Now()
	p.c.later(proxyRenewal, "renewal/"+string(p.uid), p.renew)
	if p.chain == p.by.chain && p.roots == p.by.root {
		return
	}
	p.chain, p.roots = p.by.chain, p.by.root
	for _, see := range p.c.f.identities {
		see(World{p.c.f}, p.c.name, p.pod)
	}
}

// renew is [proxy.hear] when it is time; a certificate that came meanwhile has more.
func (p *proxy) renew() {
	switch left := proxyRenewal - time.Since(p.issued); {
	case p.c.proxies[p.uid] != p:
	case left > 0:
		p.c.later(left, "renewal/"+string(p.uid), p.renew)
	default:
		p.hear()
	}
}

// controlPlane is the istiod that a new connection of a proxy of c ends at: one of its
// own, or of a primary; nil while there is none.
func (c *Cluster) controlPlane() *istiod {
	own := c.sortedIstiods()
	if i := slices.IndexFunc(own, func(i *istiod) bool { return i.serves(c) }); i >= 0 {
		return own[i]
	}
	for _, name := range c.f.names {
		for _, i := range c.f.clusters[name].sortedIstiods() {
			if i.serves(c) {
				return i
			}
		}
	}
	return nil
}

// serves says whether i is up, and takes what proxies of c prove themselves with: it is
// of that cluster, or reads it and leads there.
func (i *istiod) serves(c *Cluster) bool {
	pod := i.c.get(i.pod)
	if pod == nil || !podReady(pod) || i.c.istiods[pod.GetUID()] != i || i.root == "" {
		return false
	}
	return i.c == c || slices.ContainsFunc(i.sortedRemotes(), func(r *remote) bool {
		return r.target == c && r.state == synced && r.leads && c.accepts(r.token) == nil
	})
}

func (c *Cluster) sortedProxies() []*proxy {
	out := make([]*proxy, 0, len(c.proxies))
	for _, p := range c.proxies {
		out = append(out, p)
	}
	sortBy(out, func(p *proxy) string { return p.pod.Namespace + "/" + p.pod.Name })
	return out
}

// connected are the proxies of i, as it lists them for debug/syncz.
func (i *istiod) connected() []map[string]string {
	_, version, _ := strings.Cut(i.image, ":")
	out := []map[string]string{}
	for _, name := range i.c.f.names {
		c := i.c.f.clusters[name]
		for _, p := range c.sortedProxies() {
			if p.by != i || !i.serves(c) {
				continue
			}
			kind := "sidecar"
			if p.router {
				kind = "router"
			}
			out = append(out, map[string]string{"proxy": p.pod.Name + "." + p.pod.Namespace, "proxy_type": kind, "cluster_id": i.calls(c), "istio_version": version})
		}
	}
	return out
}

// calls is the ID by which i knows a cluster.
func (i *istiod) calls(c *Cluster) string {
	for _, r := range i.sortedRemotes() {
		if r.target == c && i.c != c {
			return r.id
		}
	}
	return i.id
}

// secrets is what Envoy shows of its certificates, as far as anybody reads it.
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/config_dump.proto#admin-v3-secretsconfigdump
func (p *proxy) secrets() map[string]any {
	if p.chain == "" || time.Since(p.issued) > proxyLifetime { // its leaf, which is left out, has ended
		return map[string]any{}
	}
	secret := func(name, kind, field, pem string) any {
		return map[string]any{"name": name, "secret": map[string]any{"name": name, kind: map[string]any{field: map[string]any{"inline_bytes": []byte(pem)}}}}
	}
	return map[string]any{"configs": []any{
		secret("default", "tls_certificate", "certificate_chain", p.chain),
		secret("ROOTCA", "validation_context", "trusted_ca", p.roots),
	}}
}
