package plan

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// Remedies are what to do about a cluster that is not reached, the likelier first.
func (c *Cluster) Remedies() []string {
	var out []string
	if c.Hint != "" {
		out = append(out, c.Hint)
	}
	if c.Leaving && c.Detail == "" { // a cluster that answers is not gone
		out = append(out, "if it is gone for good: --forget "+c.Name)
	}
	return out
}

// Wants says whether ref is among what c should hold.
func (c *Cluster) Wants(ref object.Ref) bool { return c.Item(ref) != nil }

// Item is what c should hold at ref, nil for nothing.
func (c *Cluster) Item(ref object.Ref) *desired.Item {
	if c.Desired == nil {
		return nil
	}
	i := slices.IndexFunc(c.Desired.Items, func(it *desired.Item) bool { return it.Ref == ref })
	if i < 0 {
		return nil
	}
	return c.Desired.Items[i]
}

// DaemonSets are what c should run on every node.
func (c *Cluster) DaemonSets() []*desired.Item {
	if c.Desired == nil {
		return nil
	}
	var out []*desired.Item
	for _, it := range c.Desired.Items {
		if it.Ref.Kind == "DaemonSet" {
			out = append(out, it)
		}
	}
	return out
}

// ProbeAccount is the account of a pod that is tried: one that is there.
func (c *Cluster) ProbeAccount() string {
	if c.Wants(desired.AccountRef(c.Namespace, c.Desired.Account)) {
		return c.Desired.Account
	}
	return "default"
}

// Putting says whether an apply would create or update something of these parts of
// c.
func (c *Cluster) Putting(parts ...order.Part) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool {
		return ch.Pending() && !ch.Removes() && slices.Contains(parts, ch.Part)
	})
}

// Removing says whether something of these parts of c is to go.
func (c *Cluster) Removing(parts ...order.Part) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Removes() && slices.Contains(parts, ch.Part) })
}

// MovesGateway says whether the gateway of c may have another address after an
// apply: its Service is made, or more than its labels change.
func (c *Cluster) MovesGateway() bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool {
		if ch.Object != object.GatewayServiceRef(c.Namespace) || ch.Removes() || ch.Action == Keep || ch.Action == Unknown {
			return false
		}
		if ch.Action == Create {
			return true
		}
		for _, f := range ch.Fields {
			if !strings.HasPrefix(f.Path, "metadata.labels") {
				return true
			}
		}
		return false
	})
}

// Introduces is the change after which istiods of other clusters find the ambient gateway
// of c: it gets the label that says of which network it is. nil where none does.
func (c *Cluster) Introduces() *Change {
	ch := c.Planned(object.AmbientGatewayRef(c.Namespace))
	if ch == nil || ch.Item == nil || !ch.Pending() || ch.Removes() || networkOf(ch.Item.Object) == "" || networkOf(c.Live.Object(ch.Object)) != "" {
		return nil
	}
	return ch
}

// networkOf is the network that an object is labelled with, "" for none, and for no object.
func networkOf(o *unstructured.Unstructured) string {
	if o == nil {
		return ""
	}
	return o.GetLabels()[object.LabelNetwork]
}

// departed says whether c is a member that topology.yaml does not name.
func (c *Cluster) departed() bool { return c.Leaving && c.Desired == nil }

// Control is the fact that something injects the pods of c.
func (c *Cluster) Control() order.Claim {
	if c.Remote() {
		return order.Injected
	}
	return order.Answers
}

// Discovers are the clusters that the istiods of c are to read, as far as they
// are reached.
func (p *Plan) Discovers(c *Cluster) []string {
	var out []string
	for _, source := range c.Reads {
		if from := p.Cluster(source); from != nil && from.Unreached == "" {
			out = append(out, source)
		}
	}
	return out
}

// Servers are the primaries of a remote cluster that its injection can be proved
// by: their endpoints are in it, or will be.
func (p *Plan) Servers(c *Cluster) []string {
	var out []string
	for _, name := range c.Primaries {
		p := p.Cluster(name)
		for _, ch := range c.Changes {
			if ch.Part == order.Endpoints && ch.Peer == name && ch.Action != Delete && (!ch.Mint || p != nil && p.Unreached == "") {
				out = append(out, name)
			}
		}
	}
	return out
}

// Credential is the remote secret for source as c holds it, nil for none.
func (c *Cluster) Credential(source string) *unstructured.Unstructured {
	return c.Live.Object(object.SecretRef(c.Namespace, object.RemoteSecretPrefix+source))
}
