package check

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// GatewayUnlike is how what an istiod knows of the gateway of c differs from where it
// is; "" where it does not, or where that is not known. More gateways of the same
// network may be somebody's own, unless they hide the addresses of topology.yaml.
func GatewayUnlike(c *plan.Cluster, known []observe.NetworkGateway) string {
	if why := GatewayUnknown(c, known); why != "" {
		return why
	}
	if instead := hiding(c, known); instead != "" {
		return fmt.Sprintf("topology.yaml says that it is at %s, and istiod sends to %s, the address of its Service, too", strings.Join(c.Addresses, ", "), instead)
	}
	return ""
}

// GatewayUnknown is which address of the gateway of c an istiod does not know, ""
// where it knows all, or where it is not known where the gateway is.
func GatewayUnknown(c *plan.Cluster, known []observe.NetworkGateway) string {
	reach := c.Live.Reach
	if reach.Err != nil || len(reach.Hosts) == 0 {
		return ""
	}
	by := c.Name // the label of its Service
	if len(c.Addresses) > 0 {
		by = "" // meshNetworks, which name no clusters
	}
	of, all, told := map[string]bool{}, map[string]bool{}, false
	for _, g := range known {
		if g.Network == c.Network && (g.Cluster == c.Name || g.Cluster == "") {
			at := net.JoinHostPort(g.Addr, strconv.Itoa(g.Port))
			of[at], all[at], told = of[at] || g.Cluster == by, true, told || g.Cluster == by
		}
	}
	sends := "it knows of none"
	if len(all) > 0 {
		sends = "it sends to " + strings.Join(object.SortedKeys(all), ", ")
	}
	port := reach.At(object.GatewayPort).Port
	for _, host := range reach.Hosts {
		at := net.JoinHostPort(host, strconv.Itoa(port))
		_, err := netip.ParseAddr(host)
		if isName := err != nil; isName && !told || !isName && !of[at] { // istiod resolves names by itself
			return fmt.Sprintf("it is at %s, and %s", at, sends)
		}
	}
	return ""
}

// hiding is an address of the gateway's Service that an istiod sends to although
// topology.yaml has others, "" for none.
func hiding(c *plan.Cluster, known []observe.NetworkGateway) string {
	service := c.Live.Object(object.GatewayServiceRef(c.Namespace))
	if len(c.Addresses) == 0 || service == nil {
		return ""
	}
	for _, g := range known {
		if g.Network == c.Network && g.Cluster == c.Name && slices.Contains(world.IngressHosts(service), g.Addr) && !slices.Contains(c.Live.Reach.Hosts, g.Addr) {
			return g.Addr
		}
	}
	return ""
}

// ForgetfulHint is what to do where an istiod of c goes on sending to an address that it
// was told to leave, or does not learn of another one.
func ForgetfulHint(c *plan.Cluster) string {
	return "setup-mesh apply; if it goes on: " + Restart(c.Context, object.IstiodRef(c.Namespace))
}
