package topology

import (
	"net/netip"
	"net/url"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
)

// notYet checks the shape of keys that have a meaning but no support yet, and
// says so at their lines where the shape is right.
func (p *meshParser) notYet(t *tree, f *file.Context, path string) {
	before := len(*p.problems)
	p.primaries(t.get("primaries"), f, join(path, "primaries"))
	p.unsupported(t, path, "primaries", before, "every cluster has a control plane of its own for now: take it out")
	before = len(*p.problems)
	p.gateway(t.get("gateway"), f.Gateway, join(path, "gateway"))
	p.unsupported(t, path, "gateway", before, "a gateway is reached by the addresses of its Service for now: take it out")
	before = len(*p.problems)
	p.apiServer(t.get("apiServer"), f.APIServer, join(path, "apiServer"))
	p.unsupported(t, path, "apiServer", before, "an API server is reached as kubeconfig says for now: take it out")
}

func (p *meshParser) unsupported(t *tree, path, key string, before int, hint string) {
	if t.get(key).isNull() || len(*p.problems) > before {
		return
	}
	p.problems.add(t.fields[key].key, join(path, key), hint, "is not yet supported")
}

func (p *meshParser) primaries(t *tree, f *file.Context, path string) {
	contexts := p.root.get("contexts")
	seen := map[string]bool{}
	for i, name := range f.Primaries {
		at, here := t.items[i].at, path+"["+strconv.Itoa(i)+"]"
		switch {
		case t.items[i].kind != scalar: // reported already
		case contexts.get(name) == nil && !hasKey(contexts, name):
			p.problems.add(at, here, didYouMean(name, contexts.keys), "%s is no context of this file", quote(name))
		case seen[name]:
			p.problems.add(at, here, "", "%s is listed twice", quote(name))
		}
		seen[name] = true
	}
}

func hasKey(t *tree, key string) bool { _, ok := t.fields[key]; return ok }

func (p *meshParser) gateway(t *tree, g *file.Gateway, path string) {
	if g == nil {
		return
	}
	for i, a := range g.Addresses {
		item := t.get("addresses").items[i]
		if _, err := netip.ParseAddr(a); err != nil && item.kind == scalar && !dnsSubdomain.allows(a) {
			p.problems.add(item.at, join(path, "addresses")+"["+strconv.Itoa(i)+"]", "",
				"%s is neither an IP address nor a host name", quote(a))
		}
	}
	if v := t.get("port"); !v.isNull() && (g.Port < 1 || g.Port > 65535) && v.value == int64(g.Port) {
		p.problems.add(v.at, join(path, "port"), "", "must be from 1 to 65535")
	}
}

func (p *meshParser) apiServer(t *tree, a *file.APIServer, path string) {
	if a == nil {
		return
	}
	if v := t.get("server"); !v.isNull() && v.kind == scalar {
		u, err := url.Parse(a.Server)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			p.problems.add(v.at, join(path, "server"), "such as https://10.0.0.5:6443", "%s is no https URL", quote(a.Server))
		}
	}
	if v := t.get("tlsServerName"); !v.isNull() && v.kind == scalar && !dnsSubdomain.allows(a.TLSServerName) {
		p.problems.add(v.at, join(path, "tlsServerName"), "", "%s is no host name", quote(a.TLSServerName))
	}
}
