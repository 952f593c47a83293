package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// Pair words what is between two clusters, step by step.
func Pair(w io.Writer, p *status.Pair, colour bool) {
	v := pairView{w: w, colour: palette(colour)}
	for i, path := range p.Paths {
		if i > 0 {
			io.WriteString(w, "\n")
		}
		say(w, "%s to %s, by the istiods of %s", p.From, p.To, path.Reader)
		v.steps(path.Steps)
	}
	io.WriteString(w, "\n")
	say(w, "%s", pairSum(p))
}

type pairView struct {
	w      io.Writer
	colour palette
}

// titles are what the steps are called.
func titles() map[status.StepID]string {
	return map[status.StepID]string{
		status.StepMembers: "members of the mesh", status.StepServed: "pods are injected", status.StepSecret: "credential", status.StepName: "cluster name",
		status.StepServer: "API server", status.StepToken: "token", status.StepSynced: "synced", status.StepNetwork: "network", status.StepNodes: "node proxies",
		status.StepGateway: "gateway address", status.StepListener: "gateway answers", status.StepTrust: "trust", status.StepApart: "apart",
	}
}

// steps prints a line for each step, and below it what else there is to say.
func (v pairView) steps(steps []status.Step) {
	names := titles()
	for i, s := range steps {
		said := s.Message
		if len(s.Findings) > 0 {
			said = pairFinding(s.Findings[0])
		}
		say(v.w, "%s  %s  %s  %s", painted(fmt.Sprintf("%2d", i+1)), painted(fmt.Sprintf("%-19s", names[s.ID])), v.mark(s.State), said)
		for j, f := range s.Findings {
			if j > 0 {
				say(v.w, "%s%s", painted(strings.Repeat(" ", 29)), pairFinding(f))
			}
			fix(v.w, painted(strings.Repeat(" ", 29)), f.Hint)
			detail(v.w, f.Detail)
		}
	}
}

func pairFinding(f plan.Finding) string { return f.ID + "  " + f.Cluster + ": " + f.Message }

// mark is what a step is, as in the matrix of a status.
func (v pairView) mark(state status.StepState) painted {
	switch state {
	case status.Right:
		return "ok"
	case status.Wrong:
		return v.colour.paint("31", "NO")
	}
	return v.colour.paint("33", "? ")
}

// pairSum is what it comes to.
func pairSum(p *status.Pair) string {
	wrong, unknown := "", ""
	n := 0
	for _, path := range p.Paths {
		for _, s := range path.Steps {
			n++
			switch {
			case s.State == status.Wrong && wrong == "":
				wrong = titles()[s.ID]
			case s.State == status.Uncertain && !s.Untried && unknown == "":
				unknown = titles()[s.ID]
			}
		}
	}
	switch {
	case wrong != "":
		return fmt.Sprintf("Not healthy: begin with %q.", wrong)
	case unknown != "":
		return fmt.Sprintf("Not known to be healthy: begin with %q.", unknown)
	case n == len(p.Paths): // a step each, which says that they are apart
		return "Nothing is wrong between the two."
	}
	return fmt.Sprintf("%s finds %s.", p.From, p.To)
}
