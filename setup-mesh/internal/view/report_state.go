package view

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// states are the states that clusters are left in where not all was done: what
// runs there now decides whether anybody has to be woken. Clusters in the same
// state are named together.
func (v *reportView) states() []string {
	var states []string
	in := map[string][]string{}
	for i, cr := range v.report.Clusters {
		s := v.state(v.plan.Clusters[i], cr)
		if s == "" {
			continue
		}
		if in[s] == nil {
			states = append(states, s)
		}
		in[s] = append(in[s], cr.Cluster)
	}
	for i, s := range states {
		states[i] = few(in[s]) + ": " + s
	}
	return states
}

// state is what one cluster is left in, "" where all was done but for what is
// about clusters that were not reached.
func (v *reportView) state(c *plan.Cluster, cr *execute.ClusterReport) string {
	if cr.Unreached != "" {
		return "left as it was"
	}
	reason := halted(c)
	if done(c, cr) && reason == "" {
		return ""
	}
	var words []string
	if !c.New || touched(cr) {
		words = v.serving(c)
	}
	if len(words) == 0 {
		words = append(words, extent(c, cr))
	}
	if reason != "" {
		words = append(words, reason)
	}
	return strings.Join(words, "; ")
}

// halted is why something that pods depend on was not put or removed, "" where
// nothing of that kind was blocked.
func halted(c *plan.Cluster) string {
	i := slices.IndexFunc(c.Changes, func(ch plan.Change) bool { return postponed(ch) && (vital(ch) || leavesPrimary(ch)) })
	if i < 0 {
		return ""
	}
	return c.Changes[i].Blocked
}

// touched says whether anything was done in a cluster.
func touched(cr *execute.ClusterReport) bool { return cr.Created+cr.Updated+cr.Deleted > 0 }

// extent says how much was done in a cluster of which nothing else is known.
func extent(c *plan.Cluster, cr *execute.ClusterReport) string {
	switch {
	case touched(cr) && cr.Missing > 0:
		return "changed in part"
	case cr.Missing == 0:
		return "all objects are there, not all is proven"
	case c.New:
		return "nothing is installed yet"
	}
	return "left as it was"
}

// serving says what serves pods in c, as far as that is not what was planned.
// A part that was put or removed halfway is not spoken of: what it does now is
// not known.
func (v *reportView) serving(c *plan.Cluster) []string {
	if former := v.formerPrimaries(c); len(former) > 0 {
		return []string{"still served by " + both(former)}
	}
	fresh := c.New || changesRole(c)
	switch {
	case c.Leaving || c.Role == record.RoleRemote && changesRole(c):
		return v.wordsFor(c, stateWords{part(plan.Remove, order.Control), execute.Skipped, "old istiod still serves"})
	case c.Role == record.RoleRemote:
		return v.wordsFor(c, stateWords{part(plan.Put, order.Injector), execute.Skipped, "pods are injected as before"}.orIf(fresh, "new pods are not injected yet"),
			stateWords{claim(order.Injected), execute.Failed, "new pods are not injected"},
			stateWords{claim(order.Injected), execute.Skipped, "injection is not proven"})
	}
	return v.wordsFor(c, stateWords{part(plan.Put, order.Control), execute.Skipped, "old istiod still serves"}.orIf(fresh, "its istiod is not installed yet"),
		stateWords{claim(order.Answers), execute.Failed, "its istiod does not answer"},
		stateWords{claim(order.Discovers), execute.Failed, "does not discover all others"},
		stateWords{claim(order.Injected), execute.Failed, "new pods are not injected"})
}

// stateWords are what a step that ended so says of its cluster.
type stateWords struct {
	step    plan.About
	outcome execute.EventKind
	words   string
}

func (w stateWords) orIf(when bool, words string) stateWords {
	if when {
		w.words = words
	}
	return w
}

func part(kind plan.StepKind, p order.Part) plan.About { return plan.About{Kind: kind, Part: p} }

func claim(c order.Claim) plan.About { return plan.About{Kind: plan.Prove, Claim: c} }

// wordsFor are the first that a step of c gives reason for.
func (v *reportView) wordsFor(c *plan.Cluster, all ...stateWords) []string {
	for _, w := range all {
		if slices.ContainsFunc(v.report.Steps, func(s execute.StepReport) bool {
			return s.Cluster == c.Name && s.About == w.step && s.Outcome == w.outcome
		}) {
			return []string{w.words}
		}
	}
	return nil
}

// formerPrimaries are those that serve c until others do: the step that would
// end that did not start.
func (v *reportView) formerPrimaries(c *plan.Cluster) []string {
	var names []string
	for _, s := range v.report.Steps {
		if s.Cluster == c.Name && s.Kind == plan.Remove && s.Part == order.Endpoints && s.Outcome == execute.Skipped {
			names = append(names, s.Peer)
		}
	}
	return names
}
