package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

// viewReport says what an apply did, and what it did not.
func viewReport(env environment, c *cli.Context, p *apply.Plan, r *apply.Report) error {
	v := reportView{out: env.stdout, msg: env.stderr, verb: c.Command.Name, plan: p, report: r}
	if c.String("output") == outputJSON {
		if err := viewJSON(env.stdout, r); err != nil {
			return err
		}
		v.out = env.stderr
	}
	v.print()
	return nil
}

// A reportView words a report: what went wrong and where, the sum of what was
// done, and what is left to do.
type reportView struct {
	out, msg io.Writer
	verb     string // of the command, to be run again
	plan     *apply.Plan
	report   *apply.Report
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
	if v.report.Complete() {
		return
	}
	if undone = append(undone, v.blocked()...); len(undone) > 0 {
		say(v.msg, "Not done: %s.", strings.Join(undone, ", "))
	}
	say(v.msg, "    remedy: setup-mesh %s%s. Nothing has to be undone.", v.verb, v.when())
}

// cluster prints what went wrong in one cluster, and returns what is not done
// there, "" for nothing.
func (v *reportView) cluster(c *apply.ClusterPlan, cr *apply.ClusterReport) string {
	if cr.Unreached != "" {
		say(v.msg, "%s   not reached: %s", cr.Cluster, cr.Unreached)
		for _, hint := range unreachedHints(c) {
			viewRemedy(v.msg, hint)
		}
		viewDetail(v.msg, c.Detail)
		return cr.Cluster
	}
	missing, failures := left(c, cr)
	for _, f := range failures {
		say(v.msg, "%s   %s failed: %s", cr.Cluster, f.Step, f.Message)
		viewRemedy(v.msg, f.Hint)
	}
	switch {
	case missing > 0:
		return fmt.Sprintf("%s (%s)", cr.Cluster, count(missing, "change"))
	case len(failures) > 0:
		return cr.Cluster + " (" + failures[0].Step + ")"
	}
	return ""
}

// left is what is not done in a reached cluster, and why, beside what has to
// wait for others.
func left(c *apply.ClusterPlan, cr *apply.ClusterReport) (missing int, failures []apply.Failure) {
	missing, failures = cr.Missing, slices.Clone(cr.Failures)
	for _, ch := range c.Changes {
		if _, ok := blockedSource(ch); ok {
			missing--
			failures = slices.DeleteFunc(failures, func(f apply.Failure) bool {
				return strings.HasPrefix(f.Message, ch.Object.String()+": ")
			})
		}
	}
	return missing, failures
}

// done says whether all is done in a cluster that can be done now.
func done(c *apply.ClusterPlan, cr *apply.ClusterReport) bool {
	missing, failures := left(c, cr)
	return cr.Unreached == "" && missing == 0 && len(failures) == 0
}

// blockedSource is the cluster whose absence keeps a remote secret from being
// made.
func blockedSource(ch apply.Change) (string, bool) {
	source, ok := strings.CutPrefix(ch.Object.Name, "istio-remote-secret-")
	return source, ok && ch.Blocked != "" && ch.Component == apply.RemoteAccess && ch.Action != apply.Unknown
}

// blocked is the remote access that waits for a cluster, by that cluster.
func (v *reportView) blocked() []string {
	var sources []string
	in := map[string][]string{}
	for _, c := range v.plan.Clusters {
		for _, ch := range c.Changes {
			if source, ok := blockedSource(ch); ok {
				if in[source] == nil {
					sources = append(sources, source)
				}
				in[source] = append(in[source], c.Name)
			}
		}
	}
	for i, source := range sources {
		sources[i] = fmt.Sprintf("remote access to %s in %s", source, few(in[source]))
	}
	return sources
}

// sum is what was done, in numbers.
func (v *reportView) sum() string {
	created, updated, deleted := v.report.Changed()
	if v.report.Complete() {
		return fmt.Sprintf("Applied: %d created, %d updated, %d deleted in %s.", created, updated, deleted, seconds(v.report.Duration))
	}
	whole := 0
	for i, cr := range v.report.Clusters {
		if done(v.plan.Clusters[i], cr) {
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

// oneMesh is the sentence that the user came for, as far as it was seen to be
// true: a cluster has proved that it discovers the others in its last step.
func (v *reportView) oneMesh() string {
	if v.plan.Teardown {
		if v.report.Complete() && v.plan.Pending() {
			return fmt.Sprintf("Istio has left %s.", clusterCount(len(v.plan.Clusters)))
		}
		return ""
	}
	proved := map[string]bool{}
	for _, s := range v.report.Steps {
		if s.Step == "discovery" && s.Outcome == apply.Done {
			proved[s.Cluster] = true
		}
	}
	var joined, names []string
	for _, c := range v.plan.Clusters {
		if len(c.Reads) > 0 {
			joined = append(joined, c.Name)
			if proved[c.Name] {
				names = append(names, c.Name)
			}
		}
	}
	switch {
	case len(names) == 0:
		return ""
	case v.report.Complete() && len(names) == len(joined):
		return fmt.Sprintf("The mesh is one: %d of %d clusters discover each other.", len(names), len(joined))
	case v.report.Complete() && len(names) == 1:
		return names[0] + " discovers the others."
	case v.report.Complete():
		return both(names) + " discover the others."
	case len(names) > 1:
		return both(names) + " discover each other."
	}
	return ""
}

// when is what has to come before the command is run again.
func (v *reportView) when() string {
	var down []string
	for i, cr := range v.report.Clusters {
		switch {
		case cr.Unreached != "":
			down = append(down, cr.Cluster)
		case !done(v.plan.Clusters[i], cr) && v.report.Interrupted == nil:
			return ", once the above is settled"
		}
	}
	switch len(down) {
	case 0:
		return " goes on where this ended"
	case 1:
		return ", once " + down[0] + " answers"
	}
	return ", once " + both(down) + " answer"
}
