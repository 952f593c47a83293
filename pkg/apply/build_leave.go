package apply

import (
	"context"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// leaveStages sorts pending changes by when they have their turn.
func leaveStages(changes []Change) map[stage][]Change {
	byStage := map[stage][]Change{}
	for _, ch := range changes {
		if ch.Pending() {
			byStage[leaveStageOf(ch)] = append(byStage[leaveStageOf(ch)], ch)
		}
	}
	return byStage
}

// leaveNames are what the steps of leaving are called.
var leaveNames = map[stage]string{
	leaveWebhooks: "webhooks", leaveMesh: "mesh configuration", leaveWorkloads: "control plane and gateways",
	leaveConfig: "configuration", leaveByProducts: "by-products of istiod", leaveShared: "shared namespaces", leaveCRDs: "CRDs", leaveNamespace: "namespace",
}

// leave adds the steps of a cluster that is left, one stage after the other,
// and all of them after its peers have forgotten it.
func (b *builder) leave(n *clusterSteps) {
	c, byStage := n.c, leaveStages(n.c.Changes)
	n.prepare = b.add(&step{cluster: c.Name, name: "lock", run: func(ctx context.Context, _ *reporter) error {
		if c.Live.object(object.NamespaceRef(c.Namespace)) == nil {
			return nil // only CRDs are left, and nowhere to put a lock
		}
		return b.x.lock(ctx, c)
	}}, b.forget...)
	n.leave = map[stage]*step{}
	last, all := n.prepare, []*step{n.prepare}
	for s := leaveWebhooks; s <= leaveNamespace; s++ {
		changes := byStage[s]
		if len(changes) == 0 {
			continue
		}
		last = b.add(&step{cluster: c.Name, name: leaveNames[s], total: len(changes), run: func(ctx context.Context, r *reporter) error {
			return b.x.remove(ctx, c, changes, r)
		}}, last)
		n.leave[s] = last
		all = append(all, last)
	}
	b.finish(c, all)
}

// orderLeaving orders the ends of primaries and of the remote clusters that they
// serve: no webhook is left that calls a control plane that is gone, and no
// control plane that writes into a cluster that was cleaned.
func (b *builder) orderLeaving(leaving []*clusterSteps) {
	for _, n := range leaving {
		if !n.c.Remote() {
			n.firstLeave(leaveWebhooks).wait(b.served...) // by others now
			continue
		}
		for _, name := range n.c.Primaries {
			p := b.nodes[name]
			switch {
			case p == nil:
			case p.leave == nil:
				n.firstLeave(leaveConfig).wait(p.discover)
			default:
				p.firstLeave(leaveWebhooks).wait(n.lastLeave(leaveWorkloads))
				n.firstLeave(leaveConfig).wait(p.lastLeave(leaveWorkloads))
			}
		}
	}
}

// firstLeave is the first step of leaving from stage s on; one that nothing
// waits for if there is none.
func (n *clusterSteps) firstLeave(s stage) *step {
	for ; s <= leaveNamespace; s++ {
		if n.leave[s] != nil {
			return n.leave[s]
		}
	}
	return &step{}
}

// lastLeave is the last step of leaving up to stage s.
func (n *clusterSteps) lastLeave(s stage) *step {
	for ; s >= leaveWebhooks; s-- {
		if n.leave[s] != nil {
			return n.leave[s]
		}
	}
	return n.prepare
}

// remove carries out the changes of a stage and waits until what was deleted
// is gone.
func (x *execution) remove(ctx context.Context, c *ClusterPlan, changes []Change, r *reporter) error {
	if c.Leaving && leaveStageOf(changes[0]) == leaveNamespace {
		// The lock goes with the namespace.
		if err := x.unlock(ctx, c); err != nil {
			return err
		}
	}
	if err := x.changes(ctx, c, changes, r); err != nil {
		return err
	}
	for _, ch := range changes {
		if ch.Action != Delete || !workloads[ch.Object.Kind] && !object.IsCRD(ch.Object) && ch.Object.Kind != "Namespace" {
			continue
		}
		if err := waitAbsent(ctx, c.Live, ch.Object, r); err != nil {
			return err
		}
	}
	return nil
}
