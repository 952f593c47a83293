package applytest

import (
	"fmt"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const balancer = "cloud-controller-manager"

// balanceLater gives a Service an address after a while.
func (c *Cluster) balanceLater(ref object.Ref) {
	if s := c.get(ref); s == nil || text(s, "spec", "type") != "LoadBalancer" && len(items(s, "status", "loadBalancer", "ingress")) == 0 {
		return
	}
	c.later(c.settings.Delays.Balancer, "balancer/"+ref.String(), func() { c.balance(ref, false) })
}

// balance gives a Service of type LoadBalancer an address, another one than
// before if move is set, and takes it from one of another type.
func (c *Cluster) balance(ref object.Ref, move bool) {
	s := c.get(ref)
	if s == nil || s.GetDeletionTimestamp() != nil {
		return
	}
	wanted, has := text(s, "spec", "type") == "LoadBalancer", len(items(s, "status", "loadBalancer", "ingress")) > 0
	switch {
	case !wanted && has:
		c.edit(balancer, ref, "status", func(o Object) { set(o, map[string]any{}, "status", "loadBalancer") })
	case wanted && (!has && !c.settings.NoBalancer || move):
		c.f.address++
		ip := fmt.Sprintf("198.18.%d.%d", c.f.address>>8, c.f.address&255) // of RFC 2544
		c.edit(balancer, ref, "status", func(o Object) {
			set(o, []any{map[string]any{"ip": ip, "ipMode": "VIP"}}, "status", "loadBalancer", "ingress")
		})
	}
}

// MoveAddress gives a Service of type LoadBalancer another address at once. It had
// none before if [Settings.NoBalancer] was set.
func (c *Cluster) MoveAddress(ref object.Ref) {
	defer c.f.hold()()
	c.balance(ref, true)
	c.f.settle()
}

// balanced is the Service that has an address, and its cluster.
func (f *Fleet) balanced(ip string) (*Cluster, Object) {
	for _, name := range f.names {
		c := f.clusters[name]
		for _, s := range c.list(serviceKind, "", nil) {
			if slices.ContainsFunc(records(items(s, "status", "loadBalancer", "ingress")), func(m map[string]any) bool { return m["ip"] == ip }) {
				return c, s
			}
		}
	}
	return nil, nil
}
