package view

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// meshOf is a healthy mesh of n primaries that discover each other.
func meshOf(n int) *status.Status {
	s := &status.Status{Format: status.Format, Mesh: "mymeshname"}
	for i := range n {
		c := clusterStatus(fmt.Sprintf("cluster-%02d", i), fmt.Sprintf("n%d", i%3))
		c.Kubernetes, c.Trust.RootDays, c.TokenHours, c.Tokens = "v1.36.4", 3650, 24*365, until
		c.TokenOf = map[string]status.Token{}
		for j := range n {
			if j != i {
				other := fmt.Sprintf("cluster-%02d", j)
				c.Discovers[other], c.TokenOf[other] = "ok", status.Token{NotAfter: until, Hours: 24 * 365}
			}
		}
		s.Clusters = append(s.Clusters, c)
	}
	return s
}

// sickMeshOf has a cluster that is not reached, one whose gateway has no address, one
// that refuses everybody, and a pair that is broken.
func sickMeshOf(n int) *status.Status {
	s := meshOf(n)
	down, pending, refuses := &s.Clusters[1], &s.Clusters[2], s.Clusters[n-1].Name
	*down = status.Cluster{Member: down.Member, Unreached: "i/o timeout"}
	pending.Gateway, pending.Drift, s.Clusters[0].Drift = "pending", true, true
	s.Findings = []plan.Finding{
		{ID: "cluster/reached", Cluster: down.Name, State: "not reached", Unknown: true, Message: "not reached: i/o timeout", Hint: "setup-mesh status, once it answers"},
		{ID: "gateway/address", Cluster: pending.Name, State: "pending", Message: "Service istio-system/istio-eastwestgateway has no address", Hint: "kubectl -n istio-system describe service istio-eastwestgateway"},
	}
	for i := range s.Clusters {
		c := &s.Clusters[i]
		if _, reads := c.Discovers[refuses]; reads {
			c.Discovers[refuses] = "unauthorized"
			s.Findings = append(s.Findings, plan.Finding{ID: "discovery/credential-valid", Cluster: c.Name, Peer: refuses, State: "unauthorized",
				Message: "cannot read " + refuses + ": its token was refused (401)", Hint: "setup-mesh apply"})
		}
	}
	s.Clusters[0].Discovers["cluster-02"] = "timeout in istiod-1"
	s.Findings = append(s.Findings, plan.Finding{ID: "discovery/synced", Cluster: "cluster-00", Peer: "cluster-02", State: "timeout in istiod-1",
		Message: "does not discover cluster-02: timeout in istiod-1", Hint: "do pods of cluster-00 reach https://10.0.0.2:6443?"})
	s.Notes = []plan.Finding{}
	for _, c := range s.Clusters {
		s.Notes = append(s.Notes, plan.Finding{ID: "discovery/credential-lifetime", Cluster: c.Name, Message: "its API server grants tokens for 24 h", Hint: "run setup-mesh apply on a timer"})
	}
	return s
}

// TestStatusOfMany: however many clusters there are, what is wrong is what is shown.
func TestStatusOfMany(t *testing.T) {
	for _, n := range []int{3, 12, 50} {
		for name, s := range map[string]*status.Status{"healthy": meshOf(n), "sick": sickMeshOf(n)} {
			var b bytes.Buffer
			Status(&b, s, StatusStyle{})
			golden(t, fmt.Sprintf("status/%d-%s", n, name), b.String())
			lines := strings.Split(b.String(), "\n")
			if len(lines) > 45 {
				t.Errorf("%d clusters, %s: %d lines", n, name, len(lines))
			}
			for _, line := range lines {
				if utf8.RuneCountInString(line) > textWidth && !strings.Contains(line, "/") { // findings are as long as they are
					t.Errorf("%d clusters, %s: longer than %d columns: %s", n, name, textWidth, line)
				}
			}
		}
	}
	var b bytes.Buffer
	Status(&b, sickMeshOf(50), StatusStyle{Wide: true})
	for i := range 50 {
		if want := fmt.Sprintf("\ncluster-%02d  ", i); strings.Count(b.String(), want) < 2 {
			t.Errorf("a wide status does not have lines of its own for%s", want)
		}
	}
}

func TestStatusWide(t *testing.T) {
	s := sickMeshOf(3)
	s.Clusters[0].TokenOf["cluster-02"] = status.Token{NotAfter: until, Hours: 23}
	remote := clusterStatus("remote", "n0")
	remote.Role, remote.Primaries, remote.Served, remote.Trust = record.RoleRemote, []string{"cluster-00"}, "ok", status.Trust{Root: "5F:3A:9C", State: "ok"}
	s.Clusters = append(s.Clusters, remote)
	var b bytes.Buffer
	Status(&b, s, StatusStyle{Wide: true})
	golden(t, "status/wide", b.String())
}

// TestYAML: it is the document that JSON is.
func TestYAML(t *testing.T) {
	var b bytes.Buffer
	if err := YAML(&b, sickMeshOf(3)); err != nil {
		t.Fatal(err)
	}
	golden(t, "status/yaml", b.String())
}

// TestFaults: findings are alike although each names its cluster, and not if they are
// about different peers.
func TestFaults(t *testing.T) {
	of := func(cluster, peer string) plan.Finding {
		return plan.Finding{ID: "a/b", Cluster: cluster, Peer: peer, Message: "no Secret of " + cluster, Hint: "look at " + cluster}
	}
	all := []plan.Finding{of("east", "x"), of("west", "x"), of("north", "y")}
	if diff := cmp.Diff([]fault{{all[0], all[1]}, {all[2]}}, faults(all)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
