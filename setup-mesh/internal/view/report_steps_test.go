package view

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// partOf is the part that an object is of, as plans have it.
func partOf(comp order.Component, kind string) order.Part {
	switch comp {
	case order.Certificate:
		return order.Trust
	case order.Primaries:
		return order.Service
	case order.RemoteAccess:
		return order.Account
	case order.Bookkeeping:
		return order.Record
	case order.SharedServices:
		return order.Copies
	}
	switch {
	case kind == "MutatingWebhookConfiguration":
		return order.Injector
	case kind == "ValidatingWebhookConfiguration":
		return order.Webhooks
	case kind == "CustomResourceDefinition":
		return order.CRDs
	case kind == "Deployment" && comp == order.Gateway:
		return order.Gateways
	case kind == "Deployment":
		return order.Control
	case kind == "Gateway", kind == "VirtualService", kind == "PeerAuthentication":
		return order.Mesh
	case comp == order.Gateway:
		return order.Front
	}
	return order.Config
}

// stepsOf are the steps of a plan, as they end where all is done that is not blocked.
func stepsOf(p *plan.Plan) []execute.StepReport {
	r := &execute.Report{}
	for _, c := range p.Clusters {
		if c.Unreached != "" {
			continue
		}
		pending := slices.ContainsFunc(c.Changes, plan.Change.Pending)
		if pending {
			ended(r, c.Name, plan.About{Kind: plan.Begin}, execute.Done)
		}
		for _, ch := range c.Changes {
			putStep(r, c, ch)
		}
		proveSteps(r, p, c)
		if pending {
			ended(r, c.Name, plan.About{Kind: plan.Finish}, execute.Done)
		}
	}
	return r.Steps
}

// putStep is the step of one change: the first of its part, or that one. The
// namespace and the record come with the begin and the end of a cluster that stays.
func putStep(r *execute.Report, c *plan.Cluster, ch plan.Change) {
	step := plan.About{Kind: plan.Put, Part: ch.Part, Peer: ch.Peer}
	switch {
	case ch.Action == plan.Keep, !c.Leaving && (ch.Part == order.Namespace || ch.Part == order.Record):
		return
	case ch.Action == plan.Delete, ch.LetGo:
		step.Kind = plan.Remove
	}
	how := execute.Done
	if ch.Blocked != "" || hasEnded(r, c.Name, step, execute.Skipped) {
		how = execute.Skipped
	}
	ended(r, c.Name, step, how)
}

// proveSteps are what a cluster that stays proves.
func proveSteps(r *execute.Report, p *plan.Plan, c *plan.Cluster) {
	prove := func(cl order.Claim, can bool) {
		how := execute.Done
		if !can {
			how = execute.Skipped
		}
		ended(r, c.Name, claim(cl), how)
	}
	if c.Leaving {
		return
	}
	if c.Role == record.RoleRemote {
		prove(order.Injected, slices.ContainsFunc(p.Clusters, func(by *plan.Cluster) bool {
			return by.Unreached == "" && slices.Contains(c.Primaries, by.Name)
		}))
	} else if hasEnded(r, c.Name, part(plan.Put, order.Control), execute.Done) {
		prove(order.Answers, true)
	}
	if hasEnded(r, c.Name, part(plan.Put, order.Front), execute.Done) {
		prove(order.Addressed, true)
	}
	if len(c.Reads) > 0 {
		prove(order.Discovers, !hasEnded(r, c.Name, part(plan.Put, order.Control), execute.Skipped))
	}
}

func hasEnded(r *execute.Report, cluster string, step plan.About, how execute.EventKind) bool {
	return slices.ContainsFunc(r.Steps, func(s execute.StepReport) bool {
		return s.Cluster == cluster && s.About == step && s.Outcome == how
	})
}

// ended says how a step of a cluster ended.
func ended(r *execute.Report, cluster string, step plan.About, how execute.EventKind) {
	i := slices.IndexFunc(r.Steps, func(s execute.StepReport) bool { return s.Cluster == cluster && s.About == step })
	if i < 0 {
		i, r.Steps = len(r.Steps), append(r.Steps, execute.StepReport{Cluster: cluster, About: step})
	}
	r.Steps[i].Outcome = how
}

// cutOff has the steps not begin for which is holds.
func cutOff(r *execute.Report, is func(s execute.StepReport) bool) {
	for i, s := range r.Steps {
		if is(s) {
			r.Steps[i].Outcome = execute.Skipped
		}
	}
}

// proves are the proofs that clusters find each other and are served.
func proves(s execute.StepReport) bool {
	return s.Claim == order.Discovers || s.Claim == order.Injected
}
