package view

import (
	"strings"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// A plan says who signs, and until when as far as that is known.
func TestPlanCertificate(t *testing.T) {
	tests := map[string]struct {
		edit func(*plan.Cluster)
		want string
	}{
		"the root":      {func(*plan.Cluster) {}, "intermediate CA, until 2027-11-21, root 5F:3A:9C"},
		"a CA below it": {func(c *plan.Cluster) { c.Issuer = "CN=ours" }, "intermediate CA, until 2027-11-21, root 5F:3A:9C, signed by CN=ours"},
		"a program":     {func(c *plan.Cluster) { c.Outside, c.NotAfter = true, time.Time{} }, "intermediate CA, root 5F:3A:9C, signed by the sign command"},
		"somebody did":  {func(c *plan.Cluster) { c.Imported = true }, "intermediate CA, until 2027-11-21, root 5F:3A:9C, imported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := clusterPlan("east-1", "n")
			tt.edit(c)
			lines := certificateLines(c, "+", plan.Change{Subject: order.Subject{Component: order.Certificate}, Action: plan.Create, Mint: true})
			if len(lines) != 1 || !strings.HasSuffix(lines[0].text, tt.want) {
				t.Errorf("%+v, want %q", lines, tt.want)
			}
		})
	}
}
