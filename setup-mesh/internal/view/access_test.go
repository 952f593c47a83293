package view

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// accessPlan is one about tokens of three clusters, of which all read each other.
func accessPlan(a plan.Access, clusters ...*plan.Cluster) *plan.Plan {
	names := []string{"east-1", "east-2", "west-1"}
	for _, c := range clusters {
		c.Reads = nil
		for _, name := range names {
			if name != c.Name && c.Role != "remote" {
				c.Reads = append(c.Reads, name)
			}
		}
	}
	p := meshPlan(clusters...)
	p.Options.Access = &a
	return p
}

func TestAccess(t *testing.T) {
	end := plan.Access{Change: plan.EndTokens, Consumer: "west-1"}
	remote := clusterPlan("east-2", "network-east", grant(plan.Delete, "west-1"))
	remote.Role, remote.Primaries = "remote", []string{"west-1"}
	tests := map[string]struct {
		plan *plan.Plan
		want string
	}{
		"tokens of a lost cluster end, as far as the others are reached": {
			plan: accessPlan(end,
				clusterPlan("east-1", "network-east", grant(plan.Delete, "west-1")),
				asUnreached(clusterPlan("east-2", "network-east"), timeout, ""),
				asUnreached(clusterPlan("west-1", "network-west"), timeout, "")),
			want: `mesh mymeshname: tokens that end
  west-1   for east-1
  west-1   for east-2: left as it is, east-2 is not reached
End the access of west-1 to east-1? Only "yes" is accepted: west-1 is not reached, so its tokens could not be tried: an API server may accept one for 10 s after its grant is gone.
What west-1 watches already, it may watch until that ends: istiod's own watches do within 10 minutes.
The next setup-mesh apply gives it new tokens. To keep it out, take it out of topology.yaml, or set contexts.context-west-1.disableRegistryJoin: true, before that.
`,
		},
		"one has ended before, and one is of a cluster that is served": {
			plan: accessPlan(end, clusterPlan("east-1", "network-east"), remote, clusterPlan("west-1", "network-west")),
			want: `mesh mymeshname: tokens that end
  west-1   for east-1: has ended already, there is no grant
  west-1   for east-2
! west-1 serves east-2: without a token for it, it turns away proxies of east-2 that connect again or renew their certificates
End the access of west-1 to east-2? Only "yes" is accepted: What west-1 watches already, it may watch until that ends: istiod's own watches do within 10 minutes.
The next setup-mesh apply gives it new tokens. To keep it out, take it out of topology.yaml, or set contexts.context-west-1.disableRegistryJoin: true, before that.
`,
		},
		"of a cluster that topology.yaml does not name": {
			plan: accessPlan(end, clusterPlan("east-1", "network-east", grant(plan.Delete, "west-1"))),
			want: `mesh mymeshname: tokens that end
  west-1   for east-1
End the access of west-1 to east-1? Only "yes" is accepted: west-1 is not reached, so its tokens could not be tried: an API server may accept one for 10 s after its grant is gone.
What west-1 watches already, it may watch until that ends: istiod's own watches do within 10 minutes.
It is not in topology.yaml: no apply gives it new tokens.
`,
		},
		"tokens are renewed": {
			plan: accessPlan(plan.Access{Change: plan.RenewTokens, Consumer: "east-1"},
				clusterPlan("east-1", "network-east", credential(plan.Update, "east-2")),
				clusterPlan("east-2", "network-east", grant(plan.Create, "east-1"), grant(plan.Delete, "east-1")),
				asUnreached(clusterPlan("west-1", "network-west"), timeout, "")),
			want: `mesh mymeshname: tokens that are renewed
  east-1   for east-2
  east-1   for west-1: left as it is, west-1 is not reached
Renew the tokens for east-2? Only "yes" is accepted: `,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			Access(&b, tt.plan, false)
			AccessQuestion(&b, tt.plan)
			AccessAfter(&b, tt.plan)
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAccessCommand(t *testing.T) {
	tests := map[string]plan.Access{
		"certs revoke-access west":             {Change: plan.EndTokens, Consumer: "west"},
		"certs revoke-access --from east west": {Change: plan.EndTokens, Consumer: "west", Source: "east"},
		"certs rotate-access":                  {Change: plan.RenewTokens},
		"certs rotate-access --of west":        {Change: plan.RenewTokens, Consumer: "west"},
	}
	for want, a := range tests {
		if got := accessCommand(accessPlan(a)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A grant that a renewal has left does not make a plan say that its cluster is read no longer.
func TestOldGrantGoes(t *testing.T) {
	c := clusterPlan("east-1", "network-east", grant(plan.Delete, "west-1"), grant(plan.Delete, "gone"))
	c.ReadBy = []string{"west-1"}
	var got []string
	for _, l := range readBy(c, c.Changes) {
		got = append(got, l.text)
	}
	want := []string{
		componentLine("-", order.RemoteAccess, "no longer read by gone").text,
		componentLine("-", order.RemoteAccess, "an old token ends, of west-1").text,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
