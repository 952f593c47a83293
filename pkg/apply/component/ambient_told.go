package component

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// IDTold is the check of what node proxies are told of other networks.
const IDTold = "ambient-gateway/told"

func tellsNodes(e *check.Evidence, c *plan.Cluster) bool {
	return check.Primary(e, c) && c.Desired.Ambient && slices.ContainsFunc(e.Plan.Clusters, func(o *plan.Cluster) bool { return leadsAway(e, c, o) })
}

// leadsAway says whether o has the gateway of another network that istiods of c read.
func leadsAway(e *check.Evidence, c, o *plan.Cluster) bool {
	return check.Stays(e, o) && o.Desired.HBONE && o.Network != c.Network && slices.Contains(c.Reads, o.Name)
}

// judgeTold compares where istiods have node proxies send with where the gateways of other
// networks are. A gateway that is not reached, and a cluster that is not read, are said
// by other checks.
func judgeTold(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	said := map[string]bool{}
	for _, v := range e.Probes[c.Name].Istiods {
		switch {
		case v.Err != nil, v.Tunnels == nil && v.TunnelsErr == nil: // which is said elsewhere, or nobody asked
			continue
		case v.TunnelsErr != nil:
			return append(out, plan.Unanswered(v.TunnelsErr, fmt.Sprintf("could not ask %s what it tells ztunnels: %v", v.Pod, v.TunnelsErr)))
		}
		for _, o := range e.Plan.Clusters {
			if !leadsAway(e, c, o) || v.Clusters[o.Name] != observe.Synced || said[o.Name] {
				continue
			}
			if why := cmp.Or(toldOtherwise(o, v.Tunnels), blind(c)); why != "" {
				said[o.Name] = true
				out = append(out, plan.Finding{
					Peer: o.Name, State: "gateway unknown", Object: object.AmbientGatewayRef(o.Namespace),
					Message: fmt.Sprintf("%s does not tell ztunnels where network %s is: %s", v.Pod, o.Network, why),
					Hint:    hintOfTold(e, c, o),
				})
			}
		}
	}
	return out
}

// hintOfTold is what to do where istiods of c do not tell where the network of o is. Mostly
// it comes of something that another check says: there is another gateway, or none, or an
// istiod is not the one that was applied.
func hintOfTold(e *check.Evidence, c, o *plan.Cluster) string {
	if in := e.Ambiguous(c, o); len(in) > 0 {
		return check.First(check.IDCandidates, in...)
	}
	peer := object.AmbientGatewayRef(c.Namespace)
	peer.Name = object.PeerGatewayPrefix + o.Name
	switch {
	case check.Damaged(o, object.AmbientGatewayRef(o.Namespace)):
		return check.First(idAmbientGateway, o.Name)
	case check.Damaged(c, peer):
		return check.First(idPeerGateways, c.Name)
	case check.Changed(c, object.IstiodRef(c.Namespace)):
		return check.First(check.IDIstiodWorkload, c.Name)
	}
	return check.ForgetfulHint(c)
}

// blind is why istiods of c tell of no pods of other networks although they tell of gateways:
// somebody has switched it off. "" is that they do.
func blind(c *plan.Cluster) string {
	istiod := object.IstiodRef(c.Namespace)
	if live := c.Live.Object(istiod); live == nil || !check.Changed(c, istiod) || world.Variable(live, manifest.MultiNetwork) == "true" {
		return ""
	}
	return "its Deployment has not " + manifest.MultiNetwork + "=true, without which Services are those of its own cluster"
}

// toldOtherwise is how what an istiod tells of the network of o differs from where its
// gateway is; "" where it does not, or where that is not known. Each address is one, though
// a gateway may have several.
func toldOtherwise(o *plan.Cluster, told []observe.Tunnel) string {
	hosts, port := o.Live.TunnelHosts()
	if len(hosts) == 0 {
		return ""
	}
	var right, gateways, wrong []string
	for _, host := range hosts {
		right = append(right, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	for _, t := range told {
		at := net.JoinHostPort(t.Addr, strconv.Itoa(t.Port))
		switch {
		case t.Network != o.Network:
		case !slices.Contains(right, at):
			wrong = append(wrong, at+servicesOf(o, t.Addr))
		case t.Service == "":
			gateways = append(gateways, at)
		}
	}
	slices.Sort(wrong)
	wrong = slices.Compact(wrong)
	for _, at := range right {
		switch {
		case slices.Contains(gateways, at):
		case len(wrong) > 0:
			return fmt.Sprintf("the gateway of %s is at %s, and they are sent to %s", o.Name, at, strings.Join(wrong, ", "))
		default:
			return fmt.Sprintf("the gateway of %s is at %s, and they are not told", o.Name, at)
		}
	}
	if len(wrong) > 0 {
		return fmt.Sprintf("the gateway of %s is at %s, and they are sent to %s, too", o.Name, strings.Join(right, ", "), strings.Join(wrong, ", "))
	}
	return ""
}

// servicesOf names an address that no other network reaches.
func servicesOf(o *plan.Cluster, address string) string {
	if service := o.Live.Tunnelled.Object; service != nil {
		if ip, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP"); ip == address {
			return " (the ClusterIP of its Service)"
		}
	}
	return ""
}
