package status

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// A route is how the pods of one cluster learn of those of another.
type route struct {
	e                *check.Evidence
	found            []plan.Finding // by a status
	from, reader, to *plan.Cluster
}

// A rule is how a step is judged: by what checks have found and, where they have found
// nothing, by what says that it is so.
type rule struct {
	id StepID
	// pair are checks of what the reader has to do with To, back of what To has to do
	// with the reader; the others are about one cluster.
	pair, back, ofFrom, ofReader, ofTo []string
	// counts leaves out findings that are about another step, nil for none.
	counts func(plan.Finding) bool
	// needless says why the step does not matter, "" where it does; nil for always.
	needless func(r *route) string
	// seen says in words that the step is ok, or else what is to be said of it.
	seen func(r *route) Step
}

func (r *route) steps() []Step {
	wanted := r.reader.Desired // that of a plan is empty for a cluster that is not reached
	if r.reader != r.to && (wanted == nil || !slices.Contains(wanted.Reads, r.to.Name)) {
		return []Step{r.judge(rule{id: StepApart, pair: []string{component.IDSynced}, seen: seenApart})}
	}
	var out []Step
	for _, rule := range rules() {
		if (rule.id != StepServed || r.from.Remote()) && (rule.id != StepNodes || r.ambient(r.from) || r.ambient(r.to)) {
			out = append(out, r.judge(rule))
		}
	}
	return out
}

// judge is a step: what is known to be wrong with it counts more than what is unknown.
func (r *route) judge(of rule) Step {
	out := Step{ID: of.id}
	if of.needless != nil && of.needless(r) != "" {
		out.State, out.Message = Right, "not needed: "+of.needless(r)
		return out
	}
	for _, f := range r.found {
		if r.concerns(of, f) && (of.counts == nil || of.counts(f)) {
			out.Findings = append(out.Findings, f)
		}
	}
	switch {
	case len(out.Findings) == 0:
		out = of.seen(r)
		out.ID = of.id
	case slices.ContainsFunc(out.Findings, func(f plan.Finding) bool { return !f.Unknown }):
		out.State = Wrong
	default:
		out.State = Uncertain
	}
	return out
}

// concerns says whether a finding is one of the checks of a rule, about the clusters
// that the rule is about.
func (r *route) concerns(of rule, f plan.Finding) bool {
	about := func(c *plan.Cluster, ids []string) bool { return f.Cluster == c.Name && slices.Contains(ids, f.ID) }
	return about(r.from, of.ofFrom) || about(r.reader, of.ofReader) || about(r.to, of.ofTo) ||
		about(r.reader, of.pair) && f.Peer == r.to.Name || about(r.to, of.back) && f.Peer == r.reader.Name
}

func (r *route) ambient(c *plan.Cluster) bool { return c.Desired != nil && c.Desired.Ambient }

// tunnelled is the cluster with the gateway that leads to ambient pods of the network of
// To, nil for none.
func (r *route) tunnelled() *plan.Cluster {
	for _, c := range r.e.Plan.Clusters {
		if check.Stays(r.e, c) && c.Desired.HBONE && c.Network == r.to.Network {
			return c
		}
	}
	return nil
}

// near says why pods of the two clusters need no gateway, "" where they do.
func (r *route) near() string {
	if r.from.Network == r.to.Network {
		return "both are on network " + r.to.Network
	}
	return ""
}

// own says why the control plane needs no credential for To, "" where it does.
func (r *route) own() string {
	if r.reader == r.to {
		return "it is in " + r.to.Name + " itself"
	}
	return ""
}

// unseen says why nothing can be said of a cluster, "" where something can.
func (r *route) unseen(clusters ...*plan.Cluster) string {
	for _, c := range clusters {
		switch {
		case c.Unreached != "":
			return c.Name + " is not reached"
		case !check.Joined(r.e, c):
			return c.Name + " is not a member yet"
		}
	}
	return ""
}
