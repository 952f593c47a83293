package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

// viewPlan prints a plan, for people or for programs.
func viewPlan(env environment, c *cli.Context, p *apply.Plan) error {
	viewWarnings(env.stderr, p.Overridden())
	if c.String("output") == outputJSON {
		if c.Command.Name != "plan" {
			return nil // the answer of apply is its report
		}
		return viewJSON(env.stdout, p)
	}
	v := planView{w: env.stdout, plan: p, colour: palette(env.colour), objects: c.String("show") == showObjects}
	v.print()
	return nil
}

// A planView words a plan.
type planView struct {
	w       io.Writer
	plan    *apply.Plan
	colour  palette
	objects bool
}

func (v *planView) print() {
	fmt.Fprintf(v.w, "mesh %s: %s\n", v.plan.Mesh, v.headline())
	if v.plan.Pending() || v.plan.Incomplete() || v.objects {
		v.clusters()
	}
	v.drift()
	viewFindings(v.w, "!", v.plan.Warnings)
	if !v.plan.Pending() {
		if !v.plan.Incomplete() && len(v.plan.Refusals) == 0 {
			fmt.Fprintln(v.w, "Nothing to change.")
		}
		return
	}
	fmt.Fprintf(v.w, "Plan: %d to create, %d to update, %d to delete in %s.\n",
		v.plan.Count(apply.Create), v.plan.Count(apply.Update), v.plan.Count(apply.Delete), clusterCount(pendingClusters(v.plan)))
}

func (v *planView) headline() string {
	networks := map[string]bool{}
	for _, c := range v.plan.Clusters {
		networks[c.Network] = true
	}
	s := clusterCount(len(v.plan.Clusters)) + ", " + count(len(networks), "network")
	if v.plan.Istio != "" && !v.plan.Teardown {
		s += ", Istio " + v.plan.Istio
	}
	return s
}

// clusters prints every cluster; one that looks like another before it says so.
func (v *planView) clusters() {
	width := 0
	for _, c := range v.plan.Clusters {
		width = max(width, len(c.Name))
	}
	fmt.Fprintln(v.w)
	first := map[string]string{} // body to the first cluster that has it
	for _, c := range v.plan.Clusters {
		body := v.body(c)
		title := fmt.Sprintf("%-*s   %s", width, c.Name, where(c))
		key := strings.Join(alike(body, c), "\n")
		if same, ok := first[key]; ok && len(body) > 1 && !v.objects {
			fmt.Fprintf(v.w, "%s, as %s\n", title, same)
			continue
		}
		first[key] = c.Name
		fmt.Fprintln(v.w, title)
		for _, line := range body {
			fmt.Fprintln(v.w, "  "+line)
		}
	}
	fmt.Fprintln(v.w)
}

// alike is a body without the names in which clusters that are treated alike
// differ: those of the others.
func alike(body []string, c *apply.ClusterPlan) []string {
	out := slices.Clone(body)
	for i, line := range out {
		if _, list, ok := strings.Cut(line, " reads "); ok {
			out[i] = fmt.Sprintf("reads %d of %d", strings.Count(list, ",")+1, len(c.Reads))
		}
	}
	return out
}

func where(c *apply.ClusterPlan) string {
	s := c.Context + ", " + c.Network
	if c.Kubernetes != "" {
		s += ", Kubernetes " + strings.TrimPrefix(c.Kubernetes, "v")
	}
	if c.Leaving {
		s += ", leaves"
	}
	return s
}

// body is what happens in one cluster, a line for each of its components.
func (v *planView) body(c *apply.ClusterPlan) []string {
	if c.Unreached != "" {
		lines := []string{v.colour.mark("x") + " not reached: " + c.Unreached}
		if c.Hint != "" {
			lines = append(lines, "    remedy: "+c.Hint)
		}
		return lines
	}
	var lines []string
	for _, comp := range apply.Components() {
		changes := slices.DeleteFunc(slices.Clone(c.Changes), func(ch apply.Change) bool {
			return ch.Component != comp || ch.Action == apply.Keep
		})
		if len(changes) == 0 {
			continue
		}
		if comp != apply.Bookkeeping || !othersPending(c) {
			lines = append(lines, v.component(c, comp, changes)...)
		}
		if v.objects {
			lines = append(lines, v.objectLines(changes)...)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, "nothing to change")
	}
	return lines
}

// othersPending says whether more than the record changes; the record of that
// is no news.
func othersPending(c *apply.ClusterPlan) bool {
	return slices.ContainsFunc(c.Changes, func(ch apply.Change) bool { return ch.Component != apply.Bookkeeping && ch.Pending() })
}

func (v *planView) line(symbol string, comp apply.Component, format string, args ...any) string {
	return fmt.Sprintf("%s %-17s  %s", v.colour.mark(symbol), comp, fmt.Sprintf(format, args...))
}

// component words the changes of one component.
func (v *planView) component(c *apply.ClusterPlan, comp apply.Component, changes []apply.Change) []string {
	n, symbol := len(changes), symbolOf(changes)
	if c.Leaving {
		return []string{v.line(symbol, comp, "%s", count(n, "object"))}
	}
	switch comp {
	case apply.Certificate:
		return []string{v.line(symbol, comp, "%s", certificateWords(c, changes[0]))}
	case apply.ControlPlane:
		return v.controlPlane(c, symbol, changes)
	case apply.Gateway:
		if symbol == "+" {
			address := "address known after apply"
			if c.Gateway != "" {
				address = "address " + c.Gateway
			}
			return []string{v.line(symbol, comp, "%s:15443, %s", apply.EastWestGateway, address)}
		}
	case apply.RemoteAccess:
		return v.remoteAccess(c, changes)
	case apply.Bookkeeping:
		return []string{v.line(symbol, comp, "%s", firstReason(changes, "members and objects of the mesh"))}
	}
	return []string{v.line(symbol, comp, "%s", count(n, "object"))}
}

func certificateWords(c *apply.ClusterPlan, ch apply.Change) string {
	facts := fmt.Sprintf("intermediate CA, until %s, root %s", c.NotAfter.Format(time.DateOnly), c.RootFingerprint)
	switch {
	case ch.Blocked != "":
		return ch.Blocked
	case ch.Reason != "":
		return ch.Reason + "; new " + facts
	case ch.Action == apply.Update:
		return count(len(ch.Fields), "field")
	}
	return facts
}

// controlPlane words the differences of the IstioControlPlane; where there is
// none, how many of the objects behind it change.
func (v *planView) controlPlane(c *apply.ClusterPlan, symbol string, changes []apply.Change) []string {
	if c.New {
		return []string{v.line(symbol, apply.ControlPlane, "profile %s, %s", c.Profile, count(len(changes), "object"))}
	}
	var lines []string
	for _, f := range c.Manifest {
		at := ""
		if f.Source != "" {
			at = "   " + f.Source
		}
		lines = append(lines, v.line("~", apply.ControlPlane, "%s%s", fieldWords(f), at))
	}
	behind := count(len(changes), "object") + " behind it"
	if len(lines) == 0 {
		if reason := firstReason(changes, ""); reason != "" {
			behind += ": " + reason
		}
	}
	return append(lines, v.line(symbol, apply.ControlPlane, "%s", behind))
}

// remoteAccess words whom istiod reads: the grants behind it go without saying.
func (v *planView) remoteAccess(c *apply.ClusterPlan, changes []apply.Change) []string {
	var created, lines []string
	for _, ch := range changes {
		source, isSecret := strings.CutPrefix(ch.Object.Name, "istio-remote-secret-")
		switch {
		case ch.Blocked != "":
			lines = append(lines, v.line("x", apply.RemoteAccess, "%s", source+": "+ch.Blocked))
		case !isSecret:
		case ch.Action == apply.Create:
			created = append(created, source)
		case ch.Action == apply.Delete:
			lines = append(lines, v.line("-", apply.RemoteAccess, "%s   not wanted any more", source))
		default:
			lines = append(lines, v.line("~", apply.RemoteAccess, "%s   %s", source, firstReason([]apply.Change{ch}, "changed outside")))
		}
	}
	if len(created) > 0 {
		lines = append([]string{v.line("+", apply.RemoteAccess, "reads %s", strings.Join(created, ", "))}, lines...)
	}
	if len(lines) == 0 {
		lines = append(lines, v.line(symbolOf(changes), apply.RemoteAccess, "grants for %s", count(len(changes), "other cluster")))
	}
	return lines
}

// objectLines lists the objects behind a component, field by field.
func (v *planView) objectLines(changes []apply.Change) []string {
	var lines []string
	for _, ch := range changes {
		line := fmt.Sprintf("    %s %s", v.colour.mark(symbolOf([]apply.Change{ch})), ch.Object)
		if ch.Reason != "" {
			line += "   " + ch.Reason
		}
		lines = append(lines, line)
		for _, f := range ch.Fields {
			lines = append(lines, "        "+fieldWords(f))
		}
	}
	return lines
}

// drift lists what somebody else changed since the last apply.
func (v *planView) drift() {
	for _, c := range v.plan.Clusters {
		for _, ch := range c.Changes {
			for _, f := range ch.Fields {
				if len(ch.Managers) > 0 {
					fmt.Fprintf(v.w, "changed outside of setup-mesh: %s %s %s (%s): apply sets it back\n", c.Name, ch.Object, f.Path, strings.Join(ch.Managers, ", "))
				}
			}
		}
	}
}

// symbolOf is the symbol of changes taken together.
func symbolOf(changes []apply.Change) string {
	symbols := map[apply.Action]string{apply.Create: "+", apply.Update: "~", apply.Delete: "-", apply.Unknown: "x", apply.Keep: " "}
	symbol := symbols[changes[0].Action]
	for _, ch := range changes {
		if ch.Blocked != "" {
			return "x"
		}
		if symbols[ch.Action] != symbol {
			symbol = "~"
		}
	}
	return symbol
}

func firstReason(changes []apply.Change, otherwise string) string {
	for _, ch := range changes {
		switch {
		case ch.Blocked != "":
			return ch.Blocked
		case ch.Reason != "":
			return ch.Reason
		}
	}
	return otherwise
}

// fieldWords words a difference: values where they are short, and what became
// of the field where they are not.
func fieldWords(f apply.Field) string {
	old, fitsOld := value(f.Old)
	now, fitsNow := value(f.New)
	switch {
	case fitsOld && fitsNow:
		return fmt.Sprintf("%s: %s -> %s", f.Path, old, now)
	case f.Old == nil:
		return f.Path + ": added"
	case f.New == nil:
		return f.Path + ": removed"
	}
	return f.Path + ": changed"
}

// value is a field's value in one line, and whether that is all of it.
func value(v any) (string, bool) {
	const most = 60
	switch v := v.(type) {
	case nil:
		return "(none)", true
	case map[string]any, []any:
		return "", false
	default:
		s := fmt.Sprint(v)
		return strconv.QuoteToGraphic(s)[1 : len(strconv.QuoteToGraphic(s))-1], len(s) <= most && !strings.Contains(s, "\n")
	}
}
