package envoy

import (
	"net/netip"
	"slices"
	"strings"

	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
)

// pick returns the filter chain for a connection, or nil: Envoy closes the connection then. Each criterion leaves the
// chains that name the connection's value, or, where none does, those that do not care; there is no way back.
// https://www.envoyproxy.io/docs/envoy/v1.36.0/api-v3/config/listener/v3/listener_components.proto#config-listener-v3-filterchainmatch
func pick(l *listener.Listener, to netip.AddrPort, h hello) *listener.FilterChain {
	rest := narrow(l.FilterChains, func(m *listener.FilterChainMatch) (bool, bool) {
		return m.GetDestinationPort().GetValue() == uint32(to.Port()), m.GetDestinationPort() == nil
	})
	rest = narrow(rest, func(m *listener.FilterChainMatch) (bool, bool) {
		return contains(m.GetPrefixRanges(), to.Addr()), len(m.GetPrefixRanges()) == 0
	})
	rest = narrowByName(rest, h.serverName)
	rest = narrow(rest, func(m *listener.FilterChainMatch) (bool, bool) {
		return m.GetTransportProtocol() == h.transport, m.GetTransportProtocol() == ""
	})
	rest = narrow(rest, func(m *listener.FilterChainMatch) (bool, bool) {
		shared := slices.ContainsFunc(h.protocols, func(p string) bool { return slices.Contains(m.GetApplicationProtocols(), p) })
		return shared, len(m.GetApplicationProtocols()) == 0
	})
	if len(rest) == 0 {
		return l.DefaultFilterChain
	}
	return rest[0]
}

func narrow(chains []*listener.FilterChain, judge func(*listener.FilterChainMatch) (names, any bool)) []*listener.FilterChain {
	var specific, general []*listener.FilterChain
	for _, c := range chains {
		switch names, any := judge(c.FilterChainMatch); {
		case any:
			general = append(general, c)
		case names:
			specific = append(specific, c)
		}
	}
	if specific != nil {
		return specific
	}
	return general
}

// narrowByName prefers the name itself, then "*." and ever shorter ends of it.
func narrowByName(chains []*listener.FilterChain, name string) []*listener.FilterChain {
	wanted := []string{name}
	for rest := name; strings.Contains(rest, "."); {
		_, rest, _ = strings.Cut(rest, ".")
		wanted = append(wanted, "*."+rest)
	}
	for _, w := range wanted {
		var found []*listener.FilterChain
		for _, c := range chains {
			if w != "" && slices.Contains(c.GetFilterChainMatch().GetServerNames(), w) {
				found = append(found, c)
			}
		}
		if found != nil {
			return found
		}
	}
	return slices.DeleteFunc(slices.Clone(chains), func(c *listener.FilterChain) bool { return len(c.GetFilterChainMatch().GetServerNames()) > 0 })
}
