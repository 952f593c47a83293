package topology

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// A Gateway is what topology.yaml says of a cluster's east-west gateway. The
// zero Gateway is reached at the addresses of its Service.
type Gateway struct {
	Addresses   []string          // IP addresses and host names that replace those of the Service
	Port        int               // of Addresses, for traffic between networks; 15443 where the file has none
	PortGiven   bool              // the file has one
	Annotations map[string]string // of its Service
}

// EastWestGateway is the name of the gateway through which other networks reach
// a cluster.
const EastWestGateway = spec.EastWestGateway

// defaultGatewayPort is the port of east-west gateways for traffic between
// networks: https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const defaultGatewayPort = 15443

// HBONEPort is the one on which node proxies tunnel to gateways:
// https://istio.io/latest/docs/ambient/architecture/hbone/
const HBONEPort = 15008

// HBONEPort is the port of Addresses for traffic between networks of an ambient mesh.
func (g Gateway) HBONEPort() int {
	if g.PortGiven {
		return g.Port
	}
	return HBONEPort
}

// gateway judges what t, a context's gateway, says.
func (p *meshParser) gateway(t *tree.Tree, g *file.Gateway, path string) Gateway {
	if g == nil {
		return Gateway{}
	}
	out := Gateway{
		Addresses:   p.addresses(t.Get("addresses"), tree.Join(path, "addresses")),
		Annotations: p.annotations(t.Get("annotations"), g.Annotations, tree.Join(path, "annotations")),
	}
	written, port := t.Get("addresses"), t.Get("port")
	none := written.IsNull() || written.Kind == tree.Sequence && len(written.List()) == 0
	switch {
	case port.IsNull() && !none:
		out.Port = defaultGatewayPort
	case port.IsNull() || port.Value != int64(g.Port): // absent, or reported already
	case g.Port < 1 || g.Port > 65535:
		p.problems.Add(port.At, tree.Join(path, "port"), "write the port on which the addresses lead to the gateway, or take it out", "must be from 1 to 65535")
	case none:
		p.problems.Add(t.KeyAt("port"), tree.Join(path, "port"), "add the addresses, or take it out",
			"is only allowed together with addresses")
	default:
		out.Port, out.PortGiven = g.Port, true
	}
	return out
}

// addresses returns the addresses of a list, IP addresses in their canonical form.
func (p *meshParser) addresses(list *tree.Tree, path string) []string {
	var out []string
	seen := map[string]bool{}
	for i, item := range list.List() {
		if item.Kind != tree.Scalar {
			continue // reported already
		}
		text, _ := item.Literal()
		canonical, wrong := address(text)
		switch {
		case wrong != "":
			p.problems.Add(item.At, tree.Indexed(path, i), otherAddress(text), "%s %s", names.Quote(text), wrong)
		case seen[canonical]:
			p.problems.Add(item.At, tree.Indexed(path, i), "take it out", "%s is listed twice", names.Quote(text))
		default:
			out = append(out, canonical)
			seen[canonical] = true
		}
	}
	return out
}

// otherAddress is the hint for what is no address: the one that it would be in lower case.
func otherAddress(text string) string {
	if lower := strings.ToLower(text); lower != text {
		if _, wrong := address(lower); wrong == "" {
			return "did you mean " + lower + "?"
		}
	}
	return "write an address that other clusters reach, such as 203.0.113.10 or gateway.example.com"
}

var numericLabel = regexp.MustCompile(`(^|\.)[0-9]+$`)

// address returns the canonical form of an IP address or a host name, or what is
// wrong with it. A host name that ends in a number is a mistyped IP address
// (https://url.spec.whatwg.org/#ends-in-a-number-checker). What no other cluster
// can reach is what Kubernetes refuses in an EndpointSlice
// (k8s.io/kubernetes/pkg/apis/core/validation, ValidateNonSpecialIP).
func address(text string) (canonical, wrong string) {
	const unreachable = "cannot be reached from other clusters"
	ip, err := netip.ParseAddr(text)
	if err != nil {
		switch {
		case !names.DNSSubdomain.Allows(text) || numericLabel.MatchString(text):
			return "", "is neither an IP address nor a host name"
		case text == "localhost" || strings.HasSuffix(text, ".localhost"):
			return "", unreachable
		}
		return text, ""
	}
	ip = ip.Unmap()
	if ip.IsUnspecified() || ip.IsMulticast() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.Zone() != "" {
		return "", unreachable
	}
	return ip.String(), ""
}

// annotations returns the annotations of t, which may be absent. One that is null
// counts as absent.
func (p *meshParser) annotations(t *tree.Tree, values map[string]string, path string) map[string]string {
	out := map[string]string{}
	for _, key := range t.Keys() {
		switch {
		case !annotationName(key):
			p.problems.Add(t.KeyAt(key), tree.Join(path, key), names.LabelValue.Words+`; before it may be a DNS name and "/"`, "%s is not a valid annotation name", names.Quote(key))
		case !t.Get(key).IsNull():
			out[key] = values[key]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// annotationName says that key is a name, with or without a DNS subdomain and "/"
// before it:
// https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/#syntax-and-character-set
func annotationName(key string) bool {
	prefix, name, ok := strings.Cut(key, "/")
	if !ok {
		return names.LabelValue.Allows(key)
	}
	return names.DNSSubdomain.Allows(strings.ToLower(prefix)) && names.LabelValue.Allows(name)
}
