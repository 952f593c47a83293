package topology

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
)

// defaultGatewayPort carries traffic between networks:
// https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/
const defaultGatewayPort = 15443

// gateway checks how a cluster's gateway is reached.
func (p *meshParser) gateway(t *tree, g *file.Gateway, path string) Gateway {
	if g == nil {
		return Gateway{}
	}
	for i, a := range g.Addresses {
		item, here := t.get("addresses").items[i], join(path, "addresses")+"["+strconv.Itoa(i)+"]"
		ip, err := netip.ParseAddr(a)
		switch {
		case item.kind != scalar: // reported already
		case err != nil && !dnsSubdomain.allows(a):
			p.problems.add(item.at, here, "", "%s is neither an IP address nor a host name", quote(a))
		case err == nil && (ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() || ip.Zone() != ""):
			p.problems.add(item.at, here, "", "no other cluster can reach %s", quote(a))
		case slices.Contains(g.Addresses[:i], a):
			p.problems.add(item.at, here, "", "%s is listed twice", quote(a))
		}
	}
	out := Gateway{Addresses: g.Addresses, Port: g.Port, Annotations: g.Annotations}
	switch v := t.get("port"); {
	case v.isNull():
		out.Port = defaultGatewayPort
	case v.value != int64(g.Port): // reported already
	case g.Port < 1 || g.Port > 65535:
		p.problems.add(v.at, join(path, "port"), "", "must be from 1 to 65535")
	case len(g.Addresses) == 0:
		p.problems.add(v.at, join(path, "port"), "the Service's own addresses go with the Service's own port", "is the port of addresses, and there are none")
	}
	if len(out.Addresses) == 0 {
		out.Port = 0
	}
	return out
}

// apiServer checks how other clusters reach a cluster's API server.
func (p *meshParser) apiServer(t *tree, a *file.APIServer, path string) APIServer {
	if a == nil {
		return APIServer{}
	}
	if v := t.get("server"); !v.isNull() && v.kind == scalar {
		u, err := url.Parse(a.Server)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			p.problems.add(v.at, join(path, "server"), "such as https://10.0.0.5:6443", "%s is no https URL of a server", quote(a.Server))
		}
	}
	if v := t.get("tlsServerName"); !v.isNull() && v.kind == scalar && !dnsSubdomain.allows(a.TLSServerName) {
		p.problems.add(v.at, join(path, "tlsServerName"), "", "%s is no host name", quote(a.TLSServerName))
	}
	out := APIServer{Server: a.Server, TLSServerName: a.TLSServerName, CAFile: a.CAFile}
	if v := t.get("caFile"); !v.isNull() {
		out.CAFileAt = v.at
	}
	return out
}

// CAFileProblem is a mistake in the file that apiServer.caFile of c names, at the
// line that names it.
func (c Cluster) CAFileProblem(message, hint string) Problem {
	path := join(join("contexts", c.Context), "apiServer.caFile")
	return Problem{Position: c.APIServer.CAFileAt, Path: path, Message: message, Hint: hint}
}
