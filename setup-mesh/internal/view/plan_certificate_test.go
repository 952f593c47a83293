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

// A plan says in words that a CA of somebody else is kept, and when one is just taken over.
func TestPlanCertificateKept(t *testing.T) {
	tests := map[string]struct {
		change plan.Change
		want   []string
	}{
		"theirs":     {plan.Change{Action: plan.Keep, Theirs: "kubectl"}, []string{"certificate        kept: intermediate CA, until 2027-11-21, root 5F:3A:9C, made by kubectl"}},
		"taken over": {plan.Change{Action: plan.Update, Reason: "adopted from kubectl"}, []string{"certificate        kept: intermediate CA, until 2027-11-21, root 5F:3A:9C", "adopted from kubectl"}},
		"made again": {plan.Change{Action: plan.Update, Reason: "it is due", Mint: true}, []string{"certificate        new intermediate CA, until 2027-11-21, root 5F:3A:9C", "it is due"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.change.Subject = order.Subject{Component: order.Certificate, Part: order.Trust}
			tt.change.Object.Kind = "Secret"
			c := clusterPlan("east-1", "n", tt.change, plan.Change{Action: plan.Create, Subject: order.Subject{Component: order.Bookkeeping}})
			var got []string
			for _, line := range (&planView{}).body(c) {
				got = append(got, line.text)
			}
			if len(got) < len(tt.want) || strings.Join(got[:len(tt.want)], "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%q, want %q first", got, tt.want)
			}
		})
	}
}
