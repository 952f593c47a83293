package topology

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
)

// A Gateway is what topology.yaml says of a cluster's east-west gateway. The
// zero Gateway is reached at the addresses of its Service.
type Gateway struct {
	Addresses   []string          // IP addresses and host names that replace those of the Service
	Port        int               // of Addresses, for traffic between networks; 15443 where the file has none
	Annotations map[string]string // of its Service
}

// defaultGatewayPort is the port of east-west gateways for traffic between
// networks: https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const defaultGatewayPort = 15443

// gateway judges what t, a context's gateway, says.
func (p *meshParser) gateway(t *tree, g *file.Gateway, path string) Gateway {
	if g == nil {
		return Gateway{}
	}
	out := Gateway{
		Addresses:   p.addresses(t.get("addresses"), join(path, "addresses")),
		Annotations: p.annotations(t.get("annotations"), g.Annotations, join(path, "annotations")),
	}
	written, port := t.get("addresses"), t.get("port")
	none := written.isNull() || written.kind == sequence && len(written.list()) == 0
	switch {
	case port.isNull() && !none:
		out.Port = defaultGatewayPort
	case port.isNull() || port.value != int64(g.Port): // absent, or reported already
	case g.Port < 1 || g.Port > 65535:
		p.problems.add(port.at, join(path, "port"), "", "must be from 1 to 65535")
	case none:
		p.problems.add(t.keyAt("port"), join(path, "port"), "add the addresses, or take it out",
			"is the port of the addresses, and there are none")
	default:
		out.Port = g.Port
	}
	return out
}

// addresses returns the addresses of a list, IP addresses in their canonical form.
func (p *meshParser) addresses(list *tree, path string) []string {
	var out []string
	seen := map[string]bool{}
	for i, item := range list.list() {
		if item.kind != scalar {
			continue // reported already
		}
		text, _ := item.literal()
		canonical, wrong := address(text)
		switch {
		case wrong != "":
			p.problems.add(item.at, indexed(path, i), inLowerCase(text), "%s %s", quote(text), wrong)
		case seen[canonical]:
			p.problems.add(item.at, indexed(path, i), "take it out", "%s is listed twice", quote(text))
		default:
			out = append(out, canonical)
			seen[canonical] = true
		}
	}
	return out
}

// inLowerCase is the hint for an address that is one in lower case.
func inLowerCase(text string) string {
	if lower := strings.ToLower(text); lower != text {
		if _, wrong := address(lower); wrong == "" {
			return "did you mean " + lower + "?"
		}
	}
	return ""
}

var numericLabel = regexp.MustCompile(`(^|\.)[0-9]+$`)

// address returns the canonical form of an IP address or a host name, or what is
// wrong with it. A host name that ends in a number is a mistyped IP address
// (https://url.spec.whatwg.org/#ends-in-a-number-checker). What no other cluster
// can reach is what Kubernetes refuses in an EndpointSlice
// (k8s.io/kubernetes/pkg/apis/core/validation, ValidateNonSpecialIP).
func address(text string) (canonical, wrong string) {
	const unreachable = "is an address that no other cluster can reach"
	ip, err := netip.ParseAddr(text)
	if err != nil {
		switch {
		case !dnsSubdomain.allows(text) || numericLabel.MatchString(text):
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

// annotations returns the annotations of t, which may be absent; those that are
// null are too.
func (p *meshParser) annotations(t *tree, values map[string]string, path string) map[string]string {
	out := map[string]string{}
	for _, key := range t.sortedAsWritten() {
		switch {
		case !annotationName(key):
			p.problems.add(t.keyAt(key), join(path, key), "", "%s is no name of an annotation", quote(key))
		case !t.get(key).isNull():
			out[key] = values[key]
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// annotationName says that key is a name, perhaps after a DNS subdomain and "/":
// https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/#syntax-and-character-set
func annotationName(key string) bool {
	prefix, name, ok := strings.Cut(key, "/")
	if !ok {
		return labelValue.allows(key)
	}
	return dnsSubdomain.allows(strings.ToLower(prefix)) && labelValue.allows(name)
}
