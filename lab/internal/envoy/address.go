package envoy

import (
	"net/netip"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// contains says whether an address is in one of the ranges.
func contains(ranges []*core.CidrRange, a netip.Addr) bool {
	for _, r := range ranges {
		at, err := netip.ParseAddr(r.AddressPrefix)
		if err == nil && netip.PrefixFrom(at, int(r.GetPrefixLen().GetValue())).Contains(a) {
			return true
		}
	}
	return false
}
