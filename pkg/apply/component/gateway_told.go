package component

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// Istiods are told where a gateway is by the label of its Service or, where topology.yaml
// has addresses, by meshNetworks in their configuration. When one takes over from the
// other, all that read the cluster have to know of it by both for a while. Told of both
// changes at the same time, some istiods lose the gateway, and some keep the old
// address until they restart: they look at the Services again with each change of
// meshNetworks, at those that they knew before.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/controller.go

// losesNetwork says whether the Service of the gateway of c is to lose the label by
// which istiods find it, because topology.yaml has addresses now.
func losesNetwork(c *plan.Cluster) bool {
	before, after := networkLabels(c)
	return before != "" && after == "" && len(c.Addresses) > 0
}

// gainsNetwork is the way back. Where more than labels change, where the gateway will
// be is not known.
func gainsNetwork(c *plan.Cluster) bool {
	before, after := networkLabels(c)
	return before == "" && after != "" && !c.MovesGateway()
}

// networkLabels are the networks that the Service of the gateway of c is labelled with
// before and after an apply that updates it, both "" where none does.
func networkLabels(c *plan.Cluster) (before, after string) {
	ref := object.GatewayServiceRef(c.Namespace)
	live := c.Live.Object(ref)
	if live == nil {
		return "", ""
	}
	before = live.GetLabels()[object.LabelNetwork]
	if (len(c.Addresses) > 0) == (before == "") {
		return "", "" // as it is to be: this is asked for every pair of clusters
	}
	ch := c.Planned(ref)
	if ch == nil || ch.Item == nil || ch.Action != plan.Update {
		return "", ""
	}
	return before, ch.Item.Object.GetLabels()[object.LabelNetwork]
}

// reads says whether istiods that run in p read c now, and are to go on doing so, in a
// mesh that needs gateways. Where p is not reached, they may.
func reads(p, c *plan.Cluster) bool {
	return finds(p) && (p == c || slices.Contains(p.Desired.Reads, c.Name)) && readsNow(p, c)
}

// finds says whether istiods that run in p are to find gateways, after an apply.
func finds(p *plan.Cluster) bool { return !p.Leaving && !p.Remote() && p.Desired.Exposed }

// readsNow says whether istiods that run in p read c, or may.
func readsNow(p, c *plan.Cluster) bool {
	return p.Unreached != "" || p.Live.Object(object.IstiodRef(p.Namespace)) != nil && (p == c || p.Credential(c.Name) != nil)
}

// readers are the clusters with istiods that read c, its own too.
func readers(s *plan.Scene, c *plan.Cluster) []*plan.Cluster {
	return slices.DeleteFunc(slices.Clone(s.Plan.Clusters), func(p *plan.Cluster) bool { return !reads(p, c) })
}

// stops says whether istiods that run in p read c now and are not to go on doing so, in a
// mesh that needs gateways: they send to its gateway until they have forgotten it.
func stops(p, c *plan.Cluster) bool {
	return p != c && !c.Leaving && finds(p) && !slices.Contains(p.Desired.Reads, c.Name) && readsNow(p, c)
}

// forgottenBy are the facts that no istiod reads c that is not to, as seen: one that is told
// to forget it does so a moment later.
func forgottenBy(s *plan.Scene, c *plan.Cluster) []order.Fact {
	var out []order.Fact
	for _, p := range s.Plan.Clusters {
		if stops(p, c) {
			out = append(out, order.Gone(p.Name, order.Credential, c.Name), order.Fact{Cluster: p.Name, Claim: order.Discovers})
		}
	}
	return out
}

// forgets are the facts that p reads no cluster that it is not to and of whose gateway its
// meshNetworks tell it. One that takes over clusters does not wait for that: what takes over
// from it may wait for that.
func forgets(s *plan.Scene, p *plan.Cluster) []order.Fact {
	var out []order.Fact
	for _, c := range s.Plan.Clusters {
		if slices.Contains(c.Primaries, p.Name) && s.ChangesHands(c) {
			return nil
		}
		if c.Unreached == "" && stops(p, c) && byFile(c) {
			out = append(out, order.Gone(p.Name, order.Credential, c.Name))
		}
	}
	return out
}

// byFile says whether istiods find the gateway of c by the addresses that topology.yaml had
// at the last apply.
func byFile(c *plan.Cluster) bool {
	live := c.Live.Object(object.GatewayServiceRef(c.Namespace))
	return live != nil && live.GetLabels()[object.LabelNetwork] == ""
}

// retold are the clusters that istiods of p read, and of whose gateways they are told
// in another way.
func retold(s *plan.Scene, p *plan.Cluster) []*plan.Cluster {
	return slices.DeleteFunc(slices.Clone(s.Plan.Clusters), func(c *plan.Cluster) bool {
		return !reads(p, c) || !losesNetwork(c) && !gainsNetwork(c)
	})
}

// toldByFile are those of retold whose addresses are in topology.yaml now.
func toldByFile(s *plan.Scene, p *plan.Cluster) []*plan.Cluster {
	return slices.DeleteFunc(retold(s, p), func(c *plan.Cluster) bool { return !losesNetwork(c) })
}

// toldByLabel are those of retold whose addresses have gone from topology.yaml.
func toldByLabel(s *plan.Scene, p *plan.Cluster) []*plan.Cluster {
	return slices.DeleteFunc(retold(s, p), losesNetwork)
}

func needsOfKnowing(p, c *plan.Cluster) []order.Fact {
	if losesNetwork(c) {
		return applied(p, order.Config)
	}
	return applied(c, order.Front)
}

// knownBy are the facts that istiods of all these clusters know the gateway of c.
func knownBy(all []*plan.Cluster, c *plan.Cluster) []order.Fact {
	var out []order.Fact
	for _, p := range all {
		out = append(out, order.Fact{Cluster: p.Name, Claim: order.Knows, Peer: c.Name})
	}
	return out
}
