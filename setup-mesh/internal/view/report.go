package view

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// Report says what an apply of p did, and what it did not: the answer goes to
// out, and what went wrong to msg.
func Report(out, msg io.Writer, p *plan.Plan, r *execute.Report) {
	v := reportView{out: out, msg: msg, plan: p, report: r}
	v.print()
}

// A reportView words a report: what went wrong and where, the sum of what was
// done, and what is left to do.
type reportView struct {
	out, msg io.Writer
	plan     *plan.Plan
	report   *execute.Report
}

func (v *reportView) print() {
	if v.report.Interrupted != nil {
		say(v.msg, "setup-mesh: ended early: %s", v.report.Interrupted)
	}
	var undone []string
	for i, cr := range v.report.Clusters {
		if what := v.cluster(v.plan.Clusters[i], cr); what != "" {
			undone = append(undone, what)
		}
	}
	if v.plan.Pending() {
		say(v.out, "%s", v.sum())
	}
	if mesh := v.oneMesh(); mesh != "" {
		say(v.out, "%s", mesh)
	}
	findings(v.out, "!", v.report.Notes)
	if v.report.Complete() {
		return
	}
	if undone = append(undone, v.blocked()...); len(undone) > 0 {
		say(v.msg, "Not done: %s.", strings.Join(undone, ", "))
	}
	for _, state := range v.states() {
		say(v.msg, "    %s", state)
	}
	again := "apply"
	switch {
	case v.plan.Teardown:
		again = "teardown"
	case v.plan.Options.Access != nil:
		again = accessCommand(v.plan)
	}
	say(v.msg, "    "+fixLabel+"setup-mesh %s%s. Nothing has to be undone.", again, v.when())
}

// cluster prints what went wrong in one cluster, and returns what is not done
// there, "" for nothing.
func (v *reportView) cluster(c *plan.Cluster, cr *execute.ClusterReport) string {
	if cr.Unreached != "" {
		say(v.msg, "%s   not reached: %s", cr.Cluster, cr.Unreached)
		for _, hint := range c.Remedies() {
			fix(v.msg, "    ", hint)
		}
		detail(v.msg, c.Detail)
		return cr.Cluster
	}
	missing, failures := left(c, cr)
	for _, f := range failures {
		say(v.msg, "%s   %s failed: %s", cr.Cluster, failedStep(f), f.Message)
		fix(v.msg, "    ", f.Hint)
	}
	switch {
	case missing > 0:
		return fmt.Sprintf("%s (%s)", cr.Cluster, count(missing, "change"))
	case len(failures) > 0:
		return cr.Cluster + " (" + failedStep(failures[0]) + ")"
	}
	return ""
}

// left is what is not done in a reached cluster, and why, apart from what has to
// wait for others.
func left(c *plan.Cluster, cr *execute.ClusterReport) (missing int, failures []execute.Failure) {
	missing, failures = cr.Missing, slices.Clone(cr.Failures)
	for _, ch := range c.Changes {
		if postponed(ch) {
			missing--
			failures = slices.DeleteFunc(failures, func(f execute.Failure) bool {
				return f.Blocked && f.Step.Object == ch.Object
			})
		}
	}
	return missing, failures
}

// done says whether all is done in a cluster that can be done now.
func done(c *plan.Cluster, cr *execute.ClusterReport) bool {
	missing, failures := left(c, cr)
	return cr.Unreached == "" && missing == 0 && len(failures) == 0
}

// postponed says whether a change waits for another cluster to be reached.
func postponed(ch plan.Change) bool { return ch.Blocked != "" && ch.Action != plan.Unknown }

// vital says whether a change is of what pods of its cluster depend on.
func vital(ch plan.Change) bool {
	return slices.Contains(order.Rendered(), ch.Component)
}

// leavesPrimary says whether a change ends that a primary serves a cluster.
func leavesPrimary(ch plan.Change) bool {
	return ch.Part == order.Endpoints && ch.Action == plan.Delete
}

// orphaned says whether a cluster does not become what it should be until
// another one is reached.
func orphaned(c *plan.Cluster) bool {
	return slices.ContainsFunc(c.Changes, func(ch plan.Change) bool { return postponed(ch) && vital(ch) })
}

// missingLinks are what a cluster does not get, or does not lose, because another
// is not reached.
func missingLinks(c *plan.Cluster) []string {
	switch {
	case c.Leaving && slices.ContainsFunc(c.Changes, postponed):
		return []string{"removal of Istio"}
	case c.Leaving:
		return nil
	case orphaned(c) && changesRole(c):
		return []string{"the change to " + roleOf(c.Member)}
	case orphaned(c) && len(c.Primaries) > 0:
		return []string{"injection by " + few(c.Primaries)}
	case orphaned(c):
		return []string{"changes of the control plane"}
	}
	var links []string
	for _, ch := range c.Changes {
		if !postponed(ch) || ch.Part != order.Credential && ch.Part != order.Endpoints {
			continue
		}
		step := plan.About{Kind: plan.Put, Part: ch.Part, Peer: ch.Peer}
		if ch.Action == plan.Delete {
			step.Kind = plan.Remove
		}
		links = append(links, stepName(step))
	}
	return links
}

// blocked is what waits for a cluster in others, by that cluster.
func (v *reportView) blocked() []string {
	var links []string
	in := map[string][]string{}
	for _, c := range v.plan.Clusters {
		for _, link := range missingLinks(c) {
			if in[link] == nil {
				links = append(links, link)
			}
			in[link] = append(in[link], c.Name)
		}
	}
	for i, link := range links {
		links[i] = fmt.Sprintf("%s in %s", link, few(in[link]))
	}
	return links
}

// sum is what was done, in numbers.
func (v *reportView) sum() string {
	created, updated, deleted := v.report.Changed()
	if v.report.Complete() {
		return fmt.Sprintf("Applied: %d created, %d updated, %d deleted in %s.", created, updated, deleted, seconds(v.report.Duration))
	}
	whole := 0
	for i, cr := range v.report.Clusters {
		if c := v.plan.Clusters[i]; done(c, cr) && !orphaned(c) {
			whole++
		}
	}
	var parts []string
	for _, n := range []struct {
		n    int
		what string
	}{{created, "created"}, {updated, "updated"}, {deleted, "deleted"}} {
		if n.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.n, n.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing changed"}
	}
	return fmt.Sprintf("Applied to %d of %s in %s: %s.", whole, clusterCount(len(v.report.Clusters)), seconds(v.report.Duration), strings.Join(parts, ", "))
}

// when is what has to come before the command is run again.
func (v *reportView) when() string {
	var down []string
	for i, cr := range v.report.Clusters {
		switch {
		case cr.Unreached != "":
			down = append(down, cr.Cluster)
		case !done(v.plan.Clusters[i], cr) && v.report.Interrupted == nil:
			return ", once the above is fixed"
		}
	}
	switch len(down) {
	case 0:
		return " continues where this one ended"
	case 1:
		return ", once " + down[0] + " answers"
	}
	return ", once " + both(down) + " answer"
}

// failedStep is what did not go well.
func failedStep(f execute.Failure) string {
	if f.Step.Kind == "" {
		return partName(f.Step)
	}
	return stepName(f.Step)
}
