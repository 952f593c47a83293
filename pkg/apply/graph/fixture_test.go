package graph

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

var until = time.Date(2027, 11, 21, 0, 0, 0, 0, time.UTC)

func mesh(t testing.TB, contexts string) *topology.Mesh {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: mymeshname\ncontexts:\n"+contexts), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// healthy is a status of m in which nothing is wrong.
func healthy(m *topology.Mesh) *status.Status {
	s := &status.Status{Format: status.Format, Mesh: m.ID}
	for i, c := range m.Clusters {
		out := status.Cluster{
			Member: record.MemberOf(c), Istio: "1.31.0", Discovers: map[string]string{},
			Trust: status.Trust{Root: "5F:3A:9C", NotAfter: until, Days: 365, State: "ok"},
		}
		if m.HasGateway(c) {
			out.Gateway = fmt.Sprintf("203.0.113.%d:15443", i+1)
		}
		if c.Remote() {
			out.Served, out.Trust = "ok", status.Trust{Root: "5F:3A:9C", State: "ok"}
		}
		for _, source := range m.Clusters {
			if m.Reads(c, source) {
				out.Discovers[source.Name] = "ok"
			}
		}
		s.Clusters = append(s.Clusters, out)
	}
	return s
}

const three = `  context-east-1: {network: network-east}
  context-east-2: {network: network-east}
  context-west-1: {network: network-west}
`

const mixed = `  context-east-1: {network: network-east}
  context-east-2: {network: network-east}
  context-north-1: {network: network-north, primaries: [context-east-1, context-east-2]}
  context-west-1: {network: network-west, gateway: {addresses: [192.0.2.4]}}
  context-west-2: {network: network-west, primaries: [context-west-1]}
`

// broken is the mesh of mixed, with much that is wrong.
func broken(m *topology.Mesh) *status.Status {
	s := healthy(m)
	east2, north, west1, west2 := &s.Clusters[1], &s.Clusters[2], &s.Clusters[3], &s.Clusters[4]
	east2.Discovers["west-1"], north.Served = "unauthorized", "webhook"
	west1.Gateway, west1.Drift, west1.Trust = "pending", true, status.Trust{State: "missing"}
	*west2 = status.Cluster{Member: west2.Member, Unreached: "i/o timeout"}
	east2.Discovers["old-1"] = "still known to istiod-1"
	west1.Discovers["west-2"] = "timeout in istiod-1"
	s.Clusters = append(s.Clusters, status.Cluster{Member: record.Member{Name: "old-1", Context: "context-old-1", Network: "network-east", Role: record.RolePrimary}})
	s.Findings = []plan.Finding{
		{ID: "discovery/credential-valid", Cluster: "east-2", Peer: "west-1", State: "unauthorized", Message: "cannot read west-1: its token was refused (401)", Hint: "setup-mesh apply"},
		{ID: "discovery/synced", Cluster: "east-2", Peer: "old-1", State: "still known to istiod-1", Message: "does not discover old-1: still known to istiod-1", Hint: "setup-mesh apply"},
		{ID: "control-plane/injection", Cluster: "north-1", State: "webhook", Message: "new pods are not injected: failed calling webhook: connection refused", Hint: "setup-mesh apply"},
		{ID: "gateway/address", Cluster: "west-1", State: "pending", Message: "Service istio-system/istio-eastwestgateway has no address", Hint: "kubectl -n istio-system describe service istio-eastwestgateway"},
		{ID: "trust/certificate", Cluster: "west-1", State: "missing", Message: "there is no Secret istio-system/cacerts", Hint: "setup-mesh apply"},
		{ID: "cluster/reached", Cluster: "west-2", State: "not reached", Unknown: true, Message: "not reached: i/o timeout", Hint: "that user needs get and list on all that is to be read", Detail: "kind: ClusterRole\nrules:\n  - verbs: [get]\n"},
		{ID: "discovery/synced", Cluster: "west-1", Peer: "west-2", State: "timeout in istiod-1", Unknown: true, Message: "does not discover west-2: timeout in istiod-1"},
		{ID: "cluster/wanted", Cluster: "old-1", Message: "no longer in topology.yaml, but still a member", Hint: "setup-mesh apply removes it from the mesh"},
	}
	return s
}

// base is a base.yaml in ambient mode.
func base(t testing.TB) *manifest.Base {
	t.Helper()
	b, err := manifest.ParseBase("base.yaml", []byte("apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec: {profile: ambient}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const ambient = `  context-east-1: {network: network-east}
  context-north-1: {network: network-north}
  context-west-1: {network: network-west, gateway: {addresses: [198.51.100.7], port: 31008}}
`

// pending is the ambient mesh, or one with sidecars as well, one gateway of which has no address.
func pending(m *topology.Mesh) *status.Status {
	s := healthy(m)
	for i := range s.Clusters {
		at := &s.Clusters[i].Gateway
		if m.Ambient.Sidecars {
			at = &s.Clusters[i].AmbientGateway
		}
		*at = fmt.Sprintf("203.0.113.%d:15008", i+1)
		if i == 1 {
			*at = "pending"
		}
	}
	s.Findings = []plan.Finding{
		{ID: "ambient-gateway/programmed", Cluster: "north-1", State: "pending", Message: "ambient gateway: it has no address yet", Hint: "kubectl describe gateway"},
		{ID: "cni/running", Cluster: "north-1", State: "not running", Message: "cni is ready on 1 of 2 nodes"},
	}
	return s
}

// sixty are the contexts of sixty clusters in six networks, every tenth of them remote.
func sixty() string {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "  cluster-%02d: {network: network-%d", i, i%6)
		if i%10 == 9 {
			fmt.Fprintf(&b, ", primaries: [cluster-%02d]", i-9)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// sixtyBroken has a cluster that is not reached, one that refuses everybody, and a pair
// that is broken.
func sixtyBroken(m *topology.Mesh) *status.Status {
	s := healthy(m)
	down := &s.Clusters[7]
	*down = status.Cluster{Member: down.Member, Unreached: "i/o timeout"}
	s.Findings = append(s.Findings, plan.Finding{ID: "cluster/reached", Cluster: down.Name, State: "not reached", Unknown: true, Message: "not reached: i/o timeout", Hint: "setup-mesh status, once it answers"})
	for i := range s.Clusters {
		if _, reads := s.Clusters[i].Discovers["cluster-12"]; reads {
			s.Clusters[i].Discovers["cluster-12"] = "unauthorized"
			s.Findings = append(s.Findings, plan.Finding{ID: "discovery/credential-valid", Cluster: s.Clusters[i].Name, Peer: "cluster-12", State: "unauthorized", Message: "cannot read cluster-12: its token was refused (401)", Hint: "setup-mesh apply"})
		}
	}
	s.Clusters[3].Discovers["cluster-40"] = "timeout in istiod-1"
	s.Findings = append(s.Findings, plan.Finding{ID: "discovery/synced", Cluster: "cluster-03", Peer: "cluster-40", State: "timeout in istiod-1", Message: "does not discover cluster-40: timeout in istiod-1"})
	return s
}

// examples are the meshes that every format draws.
func examples(t testing.TB) map[string]*Graph {
	t.Helper()
	m, mix, many := mesh(t, three), mesh(t, mixed), mesh(t, sixty())
	amb, both := mesh(t, ambient), mesh(t, ambient+"ambient: {experimental: [sidecars]}\n")
	return map[string]*Graph{
		"ambient-offline": New(amb, base(t), nil),
		"ambient-pending": New(amb, base(t), pending(amb)),
		"both-offline":    New(both, base(t), nil),
		"both-pending":    New(both, base(t), pending(both)),
		"three-offline":   New(m, nil, nil),
		"three-healthy":   New(m, nil, healthy(m)),
		"mixed-offline":   New(mix, nil, nil),
		"mixed-broken":    New(mix, nil, broken(mix)),
		"sixty-broken":    New(many, nil, sixtyBroken(many)),
		"one":             New(mesh(t, "  alone: {network: n}\n"), nil, nil),
	}
}
