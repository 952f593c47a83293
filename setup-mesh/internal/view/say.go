package view

import (
	"io"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

// Question asks whether to carry out p. The answer follows on the same line.
func Question(w io.Writer, p *apply.Plan) {
	verb := "Apply these changes to"
	if p.Teardown {
		verb = "Take Istio out of"
	}
	io.WriteString(w, verb+" "+clusterCount(len(pendingClusters(p)))+"? Only \"yes\" is accepted: ")
}

// SavedPlan says what a file is for that a plan was saved to.
func SavedPlan(w io.Writer, file string) {
	say(w, "saved to %s: setup-mesh apply --plan %s runs exactly this", file, file)
}

// Rendered names the files of one cluster.
func Rendered(w io.Writer, manifest, objects string, n int) {
	say(w, "%s\n%s   %s", manifest, objects, count(n, "object"))
}
