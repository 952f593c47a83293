package simulate

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// ambient writes what topology.yaml says of ambient mode. Clusters may share networks.
func (m mesh) ambient(b *strings.Builder) {
	if m.Mode == "" {
		return
	}
	experimental := "shared-networks"
	if m.Mode == "mixed" {
		experimental += ", sidecars"
	}
	b.WriteString("ambient: {experimental: [" + experimental + "], namespaces: [" + strings.Join(m.Enrolled, ", ") + "]}\n")
}

func (m mesh) profile() string {
	if m.Mode == "" {
		return "default"
	}
	return "ambient"
}

// hasTunnel says whether a cluster has the ambient gateway of its network.
func (m mesh) hasTunnel(cluster string) bool {
	c := m.member(cluster)
	if m.Mode == "" || c == nil || !m.multiNetwork() {
		return false
	}
	return m.Members[slices.IndexFunc(m.Members, func(o member) bool { return o.Network == c.Network })].Cluster == cluster
}

// enrollable are the namespaces that may be enrolled.
var enrollable = []string{"mesh-1", "mesh-2"}

// enrolledWorkloads has users make a pod in each namespace that is enrolled.
func (s *sim) enrolledWorkloads(c *applytest.Cluster) {
	for _, name := range enrollable {
		ref := object.Ref{Kind: podKind.Kind, Namespace: name, Name: "client"}
		if space := c.Get(object.NamespaceRef(name)); space == nil || space.GetLabels()[object.LabelDataplane] == "" || c.Get(ref) != nil {
			continue
		}
		_, err := c.As("kubectl-create").Create(object.New("v1", "Pod", name, ref.Name, nil,
			map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "app", "image": "example.com/app"}}}}))
		s.must(err)
	}
}

// ambient has some histories be about ambient meshes, beside all else that they do.
func (h *history) ambient() {
	r := rand.New(rand.NewPCG(h.Seed, 4))
	if r.IntN(6) > 0 || h.rotates() {
		return // no root is rotated under node proxies
	}
	m := &h.Start[0]
	if m.Enrolled = []string{"mesh-1"}; r.IntN(2) == 0 {
		m.Mode = "ambient"
	}
	for i := range h.Rounds {
		if one := &h.Rounds[i]; i > 0 && r.IntN(3) == 0 {
			one.Edits = append(one.Edits, edit{Kind: []string{"mode", "mode", "enroll"}[r.IntN(3)], A: r.IntN(1 << 16), B: r.IntN(1 << 16)})
		}
	}
	m.mend()
}

// reachedAt says whether an ambient gateway is reached where it says, as anybody would see
// it: in its current generation it is programmed, and all of its addresses are those of its
// load balancer.
func reachedAt(w applytest.World, cluster, namespace string) bool {
	g := w.Get(cluster, object.AmbientGatewayRef(namespace))
	service := w.Get(cluster, object.AmbientGatewayServiceRef(namespace))
	if g == nil || service == nil {
		return false
	}
	programmed := false
	conditions, _, _ := unstructured.NestedSlice(g.Object, "status", "conditions")
	for _, c := range conditions {
		m := c.(map[string]any)
		programmed = programmed || m["type"] == "Programmed" && m["status"] == "True" && m["observedGeneration"] == g.GetGeneration()
	}
	var balanced []any
	ingress, _, _ := unstructured.NestedSlice(service.Object, "status", "loadBalancer", "ingress")
	for _, in := range ingress {
		balanced = append(balanced, in.(map[string]any)["ip"])
	}
	says, _, _ := unstructured.NestedSlice(g.Object, "status", "addresses")
	return programmed && len(says) > 0 && !slices.ContainsFunc(says, func(a any) bool { return !slices.Contains(balanced, a.(map[string]any)["value"]) })
}

// checkTunnels is about what an apply of an ambient mesh, or to one, must not do too soon.
func (s *sim) checkTunnels(w applytest.Write, p *process) {
	m, ns := p.mesh, p.mesh.Namespace
	if s.watch.dirty[w.Cluster] || m.member(w.Cluster) == nil {
		return
	}
	if p.ends {
		m = mesh{} // nobody waits for what replaces it
	}
	gone := w.After == nil || w.After.GetDeletionTimestamp() != nil
	switch {
	case w.Ref == object.AmbientGatewayRef(ns) && !gone && networkOf(w.Before) == "" && networkOf(w.After) != "" && !reachedAt(w.World, w.Cluster, ns):
		s.fail("tunnels", "istiods of other clusters find the ambient gateway of %s, and it is not reached", w.Cluster)
	case w.Ref.Kind == "Secret" && w.Before == nil && !gone:
		s.checkTold(w, m)
	case gone && w.Ref == object.GatewayServiceRef(ns) && m.hasTunnel(w.Cluster) && m.member(w.Cluster).Address == "" && !reachedAt(w.World, w.Cluster, ns):
		s.fail("tunnels", "the gateway of sidecars of %s goes, and the ambient one is not reached", w.Cluster)
	case gone && w.Ref == object.AmbientGatewayRef(ns) && m.Mode == "" && m.multiNetwork() && m.member(w.Cluster).Address == "" && !balanced(w.World, w.Cluster, ns):
		s.fail("tunnels", "the ambient gateway of %s goes, and that of sidecars has no address", w.Cluster)
	case gone && w.Ref.Kind == "DaemonSet":
		for _, name := range enrollable {
			space := w.World.Get(w.Cluster, object.NamespaceRef(name))
			if space != nil && space.GetLabels()[object.LabelDataplane] != "" && len(w.World.List(w.Cluster, podKind, name)) > 0 {
				s.fail("tunnels", "%s of %s goes while pods of %s are enrolled", w.Ref, w.Cluster, name)
			}
		}
	case w.Ref.Kind == "Namespace" && !gone && w.After.GetLabels()[object.LabelDataplane] != "" && (w.Before == nil || w.Before.GetLabels()[object.LabelDataplane] == ""):
		for _, name := range []string{"istio-cni-node", "ztunnel"} {
			d := w.World.Get(w.Cluster, object.Ref{Group: "apps", Kind: "DaemonSet", Namespace: ns, Name: name})
			if ready, _, _ := unstructured.NestedInt64(object0(d), "status", "numberReady"); ready == 0 {
				s.fail("tunnels", "pods of %s in %s are enrolled, and %s does not run", w.Ref, w.Cluster, name)
			}
		}
		for _, source := range m.Members {
			told := w.World.Get(w.Cluster, object.SecretRef(ns, object.RemoteSecretPrefix+source.Name))
			if told != nil && m.hasTunnel(source.Cluster) && source.Address == "" && !s.unseen(source) && !reachedAt(w.World, source.Cluster, ns) {
				s.fail("tunnels", "pods of %s in %s are enrolled, and the gateway of %s is not reached", w.Ref, w.Cluster, source.Name)
			}
		}
	}
}

// unseen says whether an apply may not know how a cluster is.
func (s *sim) unseen(c member) bool {
	return s.watch.dirty[c.Cluster] || s.expired[c.Context] > 0 || len(s.faults) > 0
}

// networkOf is the network that an object is labelled with.
func networkOf(o applytest.Object) string {
	if o == nil {
		return ""
	}
	return o.GetLabels()[object.LabelNetwork]
}

func object0(o applytest.Object) map[string]any {
	if o == nil {
		return nil
	}
	return o.Object
}

// checkTold is that istiods are told of no cluster whose ambient gateway is not reached
// where they will be told that it is.
func (s *sim) checkTold(w applytest.Write, m mesh) {
	name, ok := strings.CutPrefix(w.Ref.Name, object.RemoteSecretPrefix)
	i := slices.IndexFunc(m.Members, func(c member) bool { return c.Name == name })
	if !ok || i < 0 || !m.hasTunnel(m.Members[i].Cluster) || s.watch.dirty[m.Members[i].Cluster] {
		return
	}
	source := m.Members[i]
	peer := object.AmbientGatewayRef(m.Namespace)
	peer.Name = object.PeerGatewayPrefix + name
	switch given := source.Address != "" && m.Mode == "ambient"; {
	case given && source.Network != m.member(w.Cluster).Network && w.World.Get(w.Cluster, peer) == nil:
		s.fail("tunnels", "%s is told of %s, and not where its gateway is", w.Cluster, name)
	case !given && !reachedAt(w.World, source.Cluster, m.Namespace):
		s.fail("tunnels", "%s is told of %s, whose gateway is not reached", w.Cluster, name)
	}
}

// balanced says whether the gateway of sidecars has an address.
func balanced(w applytest.World, cluster, namespace string) bool {
	service := w.Get(cluster, object.GatewayServiceRef(namespace))
	if service == nil {
		return false
	}
	ingress, _, _ := unstructured.NestedSlice(service.Object, "status", "loadBalancer", "ingress")
	return len(ingress) > 0
}

// TestAmbient are histories of two clusters on two networks without a fault.
func TestAmbient(t *testing.T) {
	mode := func(n int) edit { return edit{Kind: "mode", B: n} }
	tests := map[string]struct {
		mode  string
		edits [][]edit
	}{
		"from nothing":                            {"ambient", nil},
		"from nothing, with sidecars":             {"mixed", nil},
		"from sidecars and back":                  {"", [][]edit{{mode(1)}, {mode(0)}}},
		"from sidecars and back, with both":       {"", [][]edit{{mode(2)}, {mode(1)}, {mode(2)}, {mode(0)}}},
		"namespaces come and go":                  {"ambient", [][]edit{{{Kind: "enroll", B: 1}}, {{Kind: "enroll", B: 0}}}},
		"a cluster comes and goes":                {"ambient", [][]edit{{{Kind: "add", B: 2, C: 9}}, {{Kind: "remove", A: 2}}}},
		"an address is given and taken back":      {"ambient", [][]edit{{{Kind: "address", A: 1}}, {{Kind: "address", A: 1}}}},
		"a cluster moves to the other's network":  {"ambient", [][]edit{{{Kind: "network", A: 1, B: 0}}, {{Kind: "network", A: 1, B: 1}}}},
		"an ambient mesh is torn down with users": {"ambient", [][]edit{nil}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calm := round{Timeout: 5 * time.Minute, Pause: time.Minute}
			h := history{Seed: 1, Size: 3, Slow: make([]time.Duration, most), Rounds: []round{calm}}
			for _, edits := range tt.edits {
				one := calm
				one.Edits = edits
				h.Rounds = append(h.Rounds, one)
			}
			m := mesh{ID: meshIDs[0], Namespace: "istio-system", Trace: 1, Mode: tt.mode, Enrolled: []string{"mesh-1"}, Members: []member{
				{Cluster: "a", Context: "a", Name: "a", Network: "net-1"}, {Cluster: "b", Context: "b", Name: "b", Network: "net-2"},
			}}
			h.Start = []mesh{m, {ID: meshIDs[1], Namespace: "istio-system", Trace: 1}}
			if f := play(t, h, t.Output()); f != nil {
				t.Errorf("round %d: %s", f.round, f)
			}
		})
	}
}
