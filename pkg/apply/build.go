package apply

import (
	"context"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// build turns the plan into the graph of steps that carries it out.
func (x *execution) build() []*step {
	b := &builder{x: x, nodes: map[string]*clusterSteps{}}
	var primaries, remotes, leaving []*clusterSteps
	for _, c := range x.plan.Clusters {
		n := &clusterSteps{c: c, byStage: map[stage]*step{}, secrets: map[string]*step{}}
		switch {
		case c.Unreached != "" || c.Leaving && !c.Pending():
			continue
		case c.Leaving:
			leaving = append(leaving, n)
		case c.Remote():
			remotes = append(remotes, n)
		default:
			primaries = append(primaries, n)
		}
		b.nodes[c.Name] = n
	}
	for _, n := range primaries {
		b.join(n)
	}
	for _, n := range remotes {
		b.joinRemote(n)
	}
	for _, n := range primaries {
		b.connect(n)
	}
	for _, n := range remotes {
		b.serve(n)
	}
	for _, n := range slices.Concat(primaries, remotes) {
		b.settle(n)
	}
	for _, n := range leaving {
		b.leave(n)
	}
	b.orderLeaving(leaving)
	return b.steps
}

type builder struct {
	x      *execution
	steps  []*step
	nodes  map[string]*clusterSteps // of the clusters that are reached
	forget []*step                  // the ends of remote access to clusters that leave
	served []*step                  // the proofs of all remote clusters that stay
}

// clusterSteps are the steps of one cluster that others wait for.
type clusterSteps struct {
	c         *ClusterPlan
	prepare   *step
	byStage   map[stage]*step
	endpoints []*step
	istiod    *step            // istiod answers
	gateway   *step            // the gateway has an address and runs
	secrets   map[string]*step // by source
	served    *step            // its primaries do what its own istiod would
	discover  *step            // istiod reads whom it should
	leave     map[stage]*step
}

// all are the steps of a cluster that stays, those that are nil among them.
func (n *clusterSteps) all() []*step {
	out := append([]*step{n.prepare, n.istiod, n.served}, n.endpoints...)
	for _, s := range n.byStage {
		out = append(out, s)
	}
	for _, s := range n.secrets {
		out = append(out, s)
	}
	return out
}

// add appends a step; those of after that are nil do not count.
func (b *builder) add(s *step, after ...*step) *step {
	s.wait(after...)
	b.steps = append(b.steps, s)
	return s
}

// wait makes s start after others; those that are nil do not count.
func (s *step) wait(others ...*step) {
	for _, o := range others {
		if o != nil {
			s.after = append(s.after, o)
		}
	}
}

// change adds a step for changes, nil when there are none.
func (b *builder) change(c *ClusterPlan, name string, changes []Change, after ...*step) *step {
	if len(changes) == 0 {
		return nil
	}
	return b.add(&step{cluster: c.Name, name: name, total: len(changes), run: func(ctx context.Context, r *reporter) error {
		return b.x.changes(ctx, c, changes, r)
	}}, after...)
}

// wanted are the pending changes of what is wanted, by stage.
func (c *ClusterPlan) wanted() map[stage][]Change {
	byStage := map[stage][]Change{}
	for _, ch := range c.Changes {
		if ch.Pending() && ch.item != nil {
			byStage[ch.item.stage] = append(byStage[ch.item.stage], ch)
		}
	}
	return byStage
}

// begin adds the namespace and the lock.
func (b *builder) begin(n *clusterSteps, namespace []Change) {
	if !n.c.Pending() {
		return
	}
	n.prepare = b.add(&step{cluster: n.c.Name, name: "namespace", total: len(namespace), run: func(ctx context.Context, r *reporter) error {
		return b.x.prepare(ctx, n.c, namespace, r)
	}})
}

// join adds the steps of a primary up to its gateways.
func (b *builder) join(n *clusterSteps) {
	c, at, todo := n.c, n.byStage, n.c.wanted()
	b.begin(n, todo[stageNamespace])
	at[stageTrust] = b.change(c, "certificate", todo[stageTrust], n.prepare)
	at[stageCRDs] = b.change(c, "CRDs", todo[stageCRDs], n.prepare)
	at[stageConfig] = b.change(c, "configuration", todo[stageConfig], n.prepare)
	b.share(n, todo)
	at[stageControl] = b.change(c, "control plane", todo[stageControl], n.prepare, at[stageTrust], at[stageConfig])
	if len(todo[stageControl])+len(todo[stageGateways])+len(todo[stageMesh])+len(todo[stageCRDs]) > 0 {
		n.istiod = b.add(&step{cluster: c.Name, name: "istiod", run: func(ctx context.Context, r *reporter) error {
			return waitIstiod(ctx, c, r)
		}}, n.prepare, at[stageTrust], at[stageCRDs], at[stageControl])
	}
	at[stageGateways] = b.change(c, "gateways", todo[stageGateways], n.prepare, at[stageConfig], n.istiod)
	at[stageMesh] = b.change(c, "mesh configuration", todo[stageMesh], n.prepare, at[stageCRDs], n.istiod)
	b.gateway(n, len(todo[stageGateways]) > 0)
}

// gateway adds the wait for the east-west gateway, where there is one that
// changes or has no address yet.
func (b *builder) gateway(n *clusterSteps, changes bool) {
	if !n.c.Desired.Gateway || n.c.Gateway != "" && !changes && !n.c.movesGateway() {
		return
	}
	n.gateway = b.add(&step{cluster: n.c.Name, name: "gateway", run: func(ctx context.Context, r *reporter) error {
		return waitGateway(ctx, n.c, r)
	}}, n.prepare, n.byStage[stageConfig], n.byStage[stageGateways])
}

// joinRemote adds the steps of a remote cluster up to its webhooks, which call
// the addresses of its primaries' gateways.
func (b *builder) joinRemote(n *clusterSteps) {
	c, at, todo := n.c, n.byStage, n.c.wanted()
	b.begin(n, todo[stageNamespace])
	at[stageConfig] = b.change(c, "configuration", todo[stageConfig], n.prepare)
	b.share(n, todo)
	for _, ch := range todo[stageEndpoints] {
		after := []*step{n.prepare, at[stageConfig]}
		if primary := b.nodes[ch.item.Late.Needs()]; primary != nil {
			after = append(after, primary.gateway)
		}
		n.endpoints = append(n.endpoints, b.change(c, "address of "+ch.item.Late.Needs(), []Change{ch}, after...))
	}
	at[stageControl] = b.change(c, "webhooks", todo[stageControl], append([]*step{n.prepare, at[stageConfig]}, n.endpoints...)...)
}

// connect adds what crosses clusters: a remote secret waits for trust in its
// own cluster and for trust, account and grant in its source.
func (b *builder) connect(n *clusterSteps) {
	for _, ch := range n.c.wanted()[stageRemote] {
		from := ch.item.Late.Needs()
		after := []*step{n.prepare, n.byStage[stageTrust]}
		if source := b.nodes[from]; source != nil {
			after = append(after, source.prepare, source.byStage[stageTrust], source.byStage[stageConfig])
		}
		n.secrets[from] = b.change(n.c, "remote access to "+from, []Change{ch}, after...)
	}
}

// serve adds the proof that the primaries of a remote cluster serve it, and its
// gateways, which they inject.
func (b *builder) serve(n *clusterSteps) {
	c := n.c
	if c.orphaned() {
		return
	}
	after := append([]*step{n.prepare, n.byStage[stageConfig], n.byStage[stageControl]}, n.endpoints...)
	for _, name := range c.Primaries {
		if p := b.nodes[name]; p != nil {
			after = append(after, p.istiod, p.gateway, p.byStage[stageMesh], p.secrets[c.Name])
		}
	}
	n.served = b.add(&step{cluster: c.Name, name: "injection", run: func(ctx context.Context, r *reporter) error {
		return waitServed(ctx, c, r)
	}}, after...)
	b.served = append(b.served, n.served)
	gateways := c.wanted()[stageGateways]
	n.byStage[stageGateways] = b.change(c, "gateways", gateways, n.served)
	b.gateway(n, len(gateways) > 0)
}

// settle adds the end of a cluster's apply: what it holds no longer goes, the
// mesh is seen to be one, and the record says so. What remote clusters may still
// use stays until others serve them.
func (b *builder) settle(n *clusterSteps) {
	var forget, unread, rest []Change
	for _, ch := range n.c.Changes {
		switch {
		case !ch.Pending() || ch.item != nil:
		case ch.Component == order.RemoteAccess && b.leaves(ch):
			forget = append(forget, ch)
		case ch.Component == order.RemoteAccess:
			unread = append(unread, ch)
		case ch.Action == Delete || ch.letGo:
			rest = append(rest, ch)
		}
	}
	forgotten := b.change(n.c, "remote access", forget, n.prepare)
	if forgotten != nil {
		b.forget = append(b.forget, forgotten)
	}
	ended := b.change(n.c, "unused remote access", unread, append([]*step{n.prepare}, b.served...)...)
	after := []*step{n.prepare, n.istiod, forgotten, ended}
	for _, s := range n.secrets {
		after = append(after, s)
	}
	b.discover(n, len(forget)+len(unread) > 0, after...)
	all := append(n.all(), forgotten, ended)
	all = append(all, b.leftovers(n.c, rest, append(all, b.served...))...)
	if n.c.Pending() {
		b.finish(n.c, all)
	}
}

// leftovers adds the end of what a cluster that stays holds no longer, in the
// order in which a cluster is left.
func (b *builder) leftovers(c *ClusterPlan, changes []Change, after []*step) []*step {
	var out []*step
	byStage := leaveStages(changes)
	for s := leaveWebhooks; s <= leaveNamespace; s++ {
		if gone := byStage[s]; len(gone) > 0 {
			last := b.add(&step{cluster: c.Name, name: "old " + leaveNames[s], total: len(gone), run: func(ctx context.Context, r *reporter) error {
				return b.x.remove(ctx, c, gone, r)
			}}, after...)
			after, out = []*step{last}, append(out, last)
		}
	}
	return out
}

// leaves says whether the end of remote access is one to or for a cluster that
// leaves.
func (b *builder) leaves(ch Change) bool {
	return slices.ContainsFunc(b.x.plan.Clusters, func(c *ClusterPlan) bool {
		return c.Leaving && (ch.Object.Name == object.RemoteSecretPrefix+c.Name || ch.Object.Name == object.GrantPrefix+c.Name)
	})
}

// discover adds the proof that the mesh is one: istiod reads exactly the
// clusters that it should. Those that are not reached now are no part of it.
func (b *builder) discover(n *clusterSteps, ended bool, after ...*step) {
	var reads []string
	for _, ch := range n.c.Changes {
		if ch.item == nil || ch.item.stage != stageRemote {
			continue
		}
		if source := ch.item.Late.Needs(); ch.Blocked == "" && b.x.plan.cluster(source).Unreached == "" {
			reads = append(reads, source)
		}
	}
	if n.c.Remote() || len(reads) == 0 && !ended {
		return
	}
	n.discover = b.add(&step{cluster: n.c.Name, name: "discovery", run: func(ctx context.Context, r *reporter) error {
		return waitDiscovery(ctx, b.x.plan.world, n.c, reads, r)
	}}, after...)
}

// finish adds the last step of a cluster, which runs whatever happened.
func (b *builder) finish(c *ClusterPlan, after []*step) {
	b.add(&step{cluster: c.Name, name: "record", final: true, run: func(ctx context.Context, _ *reporter) error {
		return b.x.finish(ctx, c)
	}}, after...)
}
