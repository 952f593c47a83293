package view

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// TestQuestions: a teardown names every cluster, however many there are.
func TestQuestions(t *testing.T) {
	var many []*plan.Cluster
	for i := range 8 {
		many = append(many, asLeaving(clusterPlan(fmt.Sprintf("c%d", i), "n", everything(plan.Delete)...)))
	}
	many = append(many, asLeaving(clusterPlan("idle", "n")))
	var b bytes.Buffer
	ApplyQuestion(&b, firstInstall())
	b.WriteString("\n")
	ApplyQuestion(&b, meshPlan(clusterPlan("east-1", "n", everything(plan.Create)...), clusterPlan("idle", "n")))
	b.WriteString("\n")
	TeardownQuestion(&b, meshPlan(many...), nil)
	b.WriteString("\n")
	TeardownQuestion(&b, meshPlan(many[:2]...), many[1:2])
	b.WriteString("\n")
	golden(t, "questions", b.String())
}
