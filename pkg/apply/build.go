package apply

import (
	"context"
)

// build turns the plan into the graph of steps that carries it out.
func (x *execution) build() []*step {
	b := &builder{x: x, nodes: map[string]*clusterSteps{}}
	for _, c := range x.plan.Clusters {
		if c.Unreached == "" && c.Pending() {
			b.nodes[c.Name] = &clusterSteps{byStage: map[stage]*step{}}
		}
	}
	for _, c := range x.plan.Clusters {
		if n := b.nodes[c.Name]; n != nil && !c.Leaving {
			b.join(c, n)
		}
	}
	for _, c := range x.plan.Clusters {
		switch n := b.nodes[c.Name]; {
		case c.Leaving || c.Unreached != "":
		case n != nil:
			b.connect(c, n)
		default:
			b.prove(c)
		}
	}
	for _, c := range x.plan.Clusters {
		if n := b.nodes[c.Name]; n != nil && c.Leaving {
			b.leave(c, n)
		}
	}
	return b.steps
}

type builder struct {
	x     *execution
	steps []*step
	nodes map[string]*clusterSteps // of the clusters with something to do
	prune []*step                  // of remote access, in all members
}

// clusterSteps are the steps of one cluster that others wait for.
type clusterSteps struct {
	prepare *step
	byStage map[stage]*step
	istiod  *step // istiod answers
	remotes []*step
}

// add appends a step; those of after that are nil do not count.
func (b *builder) add(s *step, after ...*step) *step {
	for _, a := range after {
		if a != nil {
			s.after = append(s.after, a)
		}
	}
	b.steps = append(b.steps, s)
	return s
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

// join adds the steps of a cluster up to its gateways.
func (b *builder) join(c *ClusterPlan, n *clusterSteps) {
	byStage := map[stage][]Change{}
	for _, ch := range c.Changes {
		if ch.Pending() && ch.item != nil {
			byStage[ch.item.stage] = append(byStage[ch.item.stage], ch)
		}
	}
	namespace := byStage[stageNamespace]
	n.prepare = b.add(&step{cluster: c.Name, name: "namespace", total: len(namespace), run: func(ctx context.Context, r *reporter) error {
		return b.x.prepare(ctx, c, namespace, r)
	}})
	at := n.byStage
	at[stageTrust] = b.change(c, "certificate", byStage[stageTrust], n.prepare)
	at[stageCRDs] = b.change(c, "CRDs", byStage[stageCRDs], n.prepare)
	at[stageConfig] = b.change(c, "configuration", byStage[stageConfig], n.prepare)
	at[stageControl] = b.change(c, "control plane", byStage[stageControl], n.prepare, at[stageTrust], at[stageConfig])
	if len(byStage[stageControl])+len(byStage[stageGateways])+len(byStage[stageMesh])+len(byStage[stageCRDs]) > 0 {
		n.istiod = b.add(&step{cluster: c.Name, name: "istiod", run: func(ctx context.Context, r *reporter) error {
			return waitIstiod(ctx, c, r)
		}}, n.prepare, at[stageTrust], at[stageCRDs], at[stageControl])
	}
	at[stageGateways] = b.change(c, "gateways", byStage[stageGateways], n.prepare, at[stageConfig], n.istiod)
	at[stageMesh] = b.change(c, "mesh configuration", byStage[stageMesh], n.prepare, at[stageCRDs], n.istiod)
	if c.Gateway == "" || len(byStage[stageGateways]) > 0 {
		b.gateway(c, n.prepare, at[stageConfig], at[stageGateways])
	}
}

// gateway adds the wait for the east-west gateway, where there is one.
func (b *builder) gateway(c *ClusterPlan, after ...*step) {
	if c.desired.Gateway {
		b.add(&step{cluster: c.Name, name: "gateway", run: func(ctx context.Context, r *reporter) error {
			return waitGateway(ctx, c.live, r)
		}}, after...)
	}
}

// prove adds the waits of a cluster in which nothing changes: an apply before
// this one may have ended while it waited.
func (b *builder) prove(c *ClusterPlan) {
	if c.Gateway == "" {
		b.gateway(c)
	}
	b.discover(c)
}

// connect adds what crosses clusters: a remote secret waits for trust in its
// own cluster and for trust, account and grant in its source.
func (b *builder) connect(c *ClusterPlan, n *clusterSteps) {
	var pruned, rest []Change
	for _, ch := range c.Changes {
		switch {
		case !ch.Pending():
		case ch.item == nil && ch.Component == RemoteAccess:
			pruned = append(pruned, ch)
		case ch.item == nil && ch.Action == Delete:
			rest = append(rest, ch)
		case ch.item != nil && ch.item.stage == stageRemote:
			after := []*step{n.prepare, n.byStage[stageTrust]}
			if source := b.nodes[ch.item.Late.Needs()]; source != nil {
				after = append(after, source.prepare, source.byStage[stageTrust], source.byStage[stageConfig])
			}
			n.remotes = append(n.remotes, b.change(c, "remote access to "+ch.item.Late.Needs(), []Change{ch}, after...))
		}
	}
	b.discover(c, append([]*step{n.prepare, n.istiod}, n.remotes...)...)
	all := []*step{n.prepare}
	if s := b.change(c, "remote access", pruned, n.prepare); s != nil {
		b.prune = append(b.prune, s)
		all = append(all, s)
	}
	for _, s := range n.byStage {
		all = append(all, s)
	}
	all = append(append(all, n.istiod), n.remotes...)
	all = append(all, b.change(c, "leftovers", rest, all...))
	b.finish(c, all)
}

// discover adds the proof that the mesh is one: istiod reads exactly the
// clusters that it should. Those that are not reached now are no part of it.
func (b *builder) discover(c *ClusterPlan, after ...*step) {
	var reads []string
	for _, ch := range c.Changes {
		if ch.item == nil || ch.item.stage != stageRemote {
			continue
		}
		if source := ch.item.Late.Needs(); ch.Blocked == "" && b.x.plan.cluster(source).Unreached == "" {
			reads = append(reads, source)
		}
	}
	if len(reads) == 0 {
		return
	}
	b.add(&step{cluster: c.Name, name: "discovery", run: func(ctx context.Context, r *reporter) error {
		return waitDiscovery(ctx, c, reads, r)
	}}, after...)
}

// finish adds the last step of a cluster, which runs whatever happened.
func (b *builder) finish(c *ClusterPlan, after []*step) {
	b.add(&step{cluster: c.Name, name: "record", final: true, run: func(ctx context.Context, _ *reporter) error {
		return b.x.finish(ctx, c)
	}}, after...)
}

// leaveNames are what the steps of leaving are called.
var leaveNames = map[stage]string{
	leaveWebhooks: "webhooks", leaveMesh: "mesh configuration", leaveWorkloads: "control plane and gateways",
	leaveConfig: "configuration", leaveByProducts: "what istiod wrote", leaveCRDs: "CRDs", leaveNamespace: "namespace",
}

// leave adds the steps of a cluster that is left, one stage after the other,
// and all of them after its peers have forgotten it.
func (b *builder) leave(c *ClusterPlan, n *clusterSteps) {
	byStage := map[stage][]Change{}
	for _, ch := range c.Changes {
		if ch.Pending() {
			byStage[leaveStageOf(ch)] = append(byStage[leaveStageOf(ch)], ch)
		}
	}
	n.prepare = b.add(&step{cluster: c.Name, name: "lock", run: func(ctx context.Context, _ *reporter) error {
		if c.live.object(namespaceRef(c.Namespace)) == nil {
			return nil // only CRDs are left, and nowhere to put a lock
		}
		return b.x.lock(ctx, c)
	}}, b.prune...)
	last, all := n.prepare, []*step{n.prepare}
	for s := leaveWebhooks; s <= leaveNamespace; s++ {
		changes := byStage[s]
		if len(changes) == 0 {
			continue
		}
		last = b.add(&step{cluster: c.Name, name: leaveNames[s], total: len(changes), run: func(ctx context.Context, r *reporter) error {
			return b.x.remove(ctx, c, changes, r)
		}}, last)
		all = append(all, last)
	}
	b.finish(c, all)
}

// remove carries out the changes of a stage and waits until what was deleted
// is gone.
func (x *execution) remove(ctx context.Context, c *ClusterPlan, changes []Change, r *reporter) error {
	if leaveStageOf(changes[0]) == leaveNamespace {
		// The lock goes with the namespace.
		if err := x.unlock(ctx, c); err != nil {
			return err
		}
	}
	if err := x.changes(ctx, c, changes, r); err != nil {
		return err
	}
	for _, ch := range changes {
		if ch.Action != Delete || !workloads[ch.Object.Kind] && !isCRD(ch.Object) && ch.Object.Kind != "Namespace" {
			continue
		}
		if err := waitAbsent(ctx, c.live, ch.Object, r); err != nil {
			return err
		}
	}
	return nil
}
