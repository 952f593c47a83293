package view

import (
	"io"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// ApplyQuestion asks whether to carry out p. The answer follows on the same line.
func ApplyQuestion(w io.Writer, p *plan.Plan) {
	question(w, "Apply these changes to "+clusterCount(len(pendingClusters(p))))
}

// TeardownQuestion asks whether Istio is to leave the clusters of p, by their
// names; topology.yaml does not name the last ones, which a record does.
func TeardownQuestion(w io.Writer, p *plan.Plan, unnamed []*plan.Cluster) {
	s := "Take Istio out of " + every(pendingClusters(p))
	if len(unnamed) > 0 {
		var names []string
		for _, c := range unnamed {
			names = append(names, c.Name)
		}
		s += " (not in topology.yaml: " + every(names) + ")"
	}
	question(w, s)
}

func question(w io.Writer, what string) {
	io.WriteString(w, safe(what)+"? Only \"yes\" is accepted: ")
}

// SavedPlan says what a file is for that a plan was saved to.
func SavedPlan(w io.Writer, file string) {
	say(w, "saved to %s: setup-mesh apply --plan %s runs exactly this", file, file)
}

// Drawn says where a drawing is.
func Drawn(w io.Writer, file string) { say(w, "drawn in %s", file) }

// Rendered names the files of one cluster.
func Rendered(w io.Writer, manifest, objects string, n int) {
	say(w, "%s\n%s   %s", manifest, objects, count(n, "object"))
}
