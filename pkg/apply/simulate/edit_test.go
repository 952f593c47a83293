package simulate

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// do makes an edit to mesh m. What does not fit is left out.
func (s *sim) do(e edit, at int) {
	m := &s.meshes[at]
	if len(m.Members) == 0 && e.Kind != "add" && e.Kind != "move" {
		return
	}
	if f, ok := map[string]func(*mesh, edit){
		"add": s.add, "remove": s.leave, "context": s.rename, "role": s.role, "address": s.address, "server": s.server, "rotate": s.rotate,
	}[e.Kind]; ok {
		f(m, e)
	} else if e.Kind == "move" {
		s.move(at, e)
	} else if e.Kind != "namespace" || s.smooth && len(s.expired) == 0 && s.holds(m.Members[0].Cluster, m.ID) { // else it would be the right one for good
		set(m, e)
	}
	m.mend()
}

// set changes a value.
func set(m *mesh, e edit) {
	c := &m.Members[e.A%len(m.Members)]
	switch e.Kind {
	case "name":
		c.Name = fmt.Sprintf("%s-%d", c.Cluster, e.B%9)
	case "network":
		c.Network = networkName(e.B % 3)
	case "primaries":
		primaries(m, c, e)
	case "namespace":
		m.Namespace = []string{"istio-system", "istio-two"}[e.B%2]
	case "account":
		c.Account = []string{"", "reader-x", "reader-y"}[e.B%3]
	case "shared":
		toggle(&m.Shared, []string{"shop", "pay"}[e.B%2])
	case "inject":
		toggle(&m.Injected, []string{"shop", "pay", "web"}[e.B%3])
	case "note":
		c.Note = e.B % 3
	case "apart":
		c.Apart = !c.Apart
	case "trace":
		m.Trace = 1 + e.B%50
	case "env":
		m.Env = e.B % 5
	case "mode":
		m.Mode = []string{"", "ambient", "mixed"}[e.B%3]
	case "enroll":
		toggle(&m.Enrolled, enrollable[e.B%2])
	case "strict":
		m.Strict = !m.Strict
	case "overlay":
		c.Env = e.B % 5
	case "order":
		i, j := e.A%len(m.Members), e.B%len(m.Members)
		m.Members[i], m.Members[j] = m.Members[j], m.Members[i]
	default:
		panic("no such edit: " + e.Kind)
	}
}

func toggle(list *[]string, value string) {
	if i := slices.Index(*list, value); i >= 0 {
		*list = slices.Delete(*list, i, i+1)
		return
	}
	*list = append(*list, value)
}

// primaries adds a primary to a remote cluster, takes one from it, or exchanges
// them all for one.
func primaries(m *mesh, c *member, e edit) {
	other := m.Members[e.B%len(m.Members)].Cluster
	switch {
	case len(c.Primaries) == 0 || other == c.Cluster:
	case e.C%2 == 0:
		c.Primaries = []string{other}
	case len(c.Primaries) > 1 || !slices.Contains(c.Primaries, other):
		toggle(&c.Primaries, other)
	}
}

// role makes a primary a remote cluster, or the other way round.
func (s *sim) role(m *mesh, e edit) {
	c := &m.Members[e.A%len(m.Members)]
	if len(c.Primaries) > 0 {
		c.Primaries = nil
		return
	}
	other := m.Members[e.B%len(m.Members)]
	if other.Cluster == c.Cluster || len(other.Primaries) > 0 {
		return
	}
	c.Primaries = []string{other.Cluster}
	succeed(m, c.Cluster, other.Cluster, e.C)
}

// succeed gives the remote clusters of one that is a primary no more another one,
// or leaves those that have no other to themselves.
func succeed(m *mesh, gone, heir string, choice int) {
	for i := range m.Members {
		r := &m.Members[i]
		if slices.Contains(r.Primaries, gone) && r.Cluster != heir && choice%3 > 0 {
			r.Primaries = append(slices.DeleteFunc(r.Primaries, func(p string) bool { return p == gone }), heir)
		}
	}
}

// add takes a cluster into the mesh that is in none.
func (s *sim) add(m *mesh, e edit) {
	cluster := s.free(e.A)
	if cluster == "" {
		return
	}
	c := member{Cluster: cluster, Context: s.contextOf(cluster), Name: cluster, Network: networkName(e.B % 3)}
	if e.C%3 > 0 && len(m.Members) > 0 {
		c.Network = m.Members[e.B%len(m.Members)].Network
	}
	if p := e.C % 7; p < len(m.Members) && e.B%2 == 0 {
		c.Primaries = []string{m.Members[p].Cluster}
	}
	m.Members = append(m.Members, c)
}

// free is a cluster that is in no topology.yaml, a new one where there is none.
func (s *sim) free(choice int) string {
	var out []string
	for _, name := range s.names {
		if !slices.ContainsFunc(s.meshes, func(m mesh) bool { return m.member(name) != nil }) {
			out = append(out, name)
		}
	}
	if len(out) > 0 {
		return out[choice%len(out)]
	}
	if len(s.names) < most {
		return s.newCluster()
	}
	return ""
}

// contextOf is a context that leads to a cluster; there is always one.
func (s *sim) contextOf(cluster string) string {
	for _, name := range s.contextNames() {
		if s.contexts[name] == cluster && s.expired[name] == 0 {
			return name
		}
	}
	s.context(cluster, cluster)
	return cluster
}

func (s *sim) leave(m *mesh, e edit) {
	if len(m.Members) < 2 {
		return
	}
	i := e.A % len(m.Members)
	gone := m.Members[i].Cluster
	if !slices.ContainsFunc(m.Members, func(c member) bool { return c.Cluster != gone && s.remembers(c.Cluster, m.ID) }) {
		return // nobody would know of it any more
	}
	heir := ""
	for _, c := range m.Members {
		if c.Cluster != gone && len(c.Primaries) == 0 {
			heir = c.Cluster
		}
	}
	m.Members = slices.Delete(m.Members, i, i+1)
	if heir != "" {
		succeed(m, gone, heir, e.C)
	}
}

// holds says whether a cluster is of a mesh, with a record or without.
func (s *sim) holds(cluster, mesh string) bool {
	o := s.fleet.Cluster(cluster).Get(object.NamespaceRef("istio-system"))
	return o != nil && o.GetLabels()[object.LabelMesh] == mesh || s.remembers(cluster, mesh)
}

// remembers says whether a cluster has a record of a mesh.
func (s *sim) remembers(cluster, mesh string) bool {
	for _, ns := range namespaces {
		if o := s.fleet.Cluster(cluster).Get(record.Ref(ns)); o != nil && o.GetLabels()[object.LabelMesh] == mesh {
			return true
		}
	}
	return false
}

// rename has another context lead to a cluster. Its login may not work for some
// rounds, and the old one may be gone.
func (s *sim) rename(m *mesh, e edit) {
	c := &m.Members[e.A%len(m.Members)]
	s.renames++
	name := fmt.Sprintf("ctx-%s-%d", c.Cluster, s.renames)
	s.context(name, c.Cluster)
	if e.B%2 == 0 {
		s.context(c.Context, "")
	}
	if e.C%3 == 0 {
		s.expired[name] = 1 + e.C%2
	}
	c.Context = name
	if e.C>>4%2 == 0 { // where topology.yaml gives none, the name is that of the context
		c.Name = name
	}
}

// address writes down where the gateway of a cluster is reached now, or takes
// that out.
func (s *sim) address(m *mesh, e edit) {
	c := &m.Members[e.A%len(m.Members)]
	if c.Address != "" {
		c.Address, c.Port = "", 0
		return
	}
	c.Address = s.balancer(c.Cluster, m.Namespace)
	if c.Address != "" && e.B%2 == 0 {
		c.Port = 15400 + e.B%50
	}
}

// balancer is the address of a cluster's gateway, "" while it has none.
func (s *sim) balancer(cluster, namespace string) string {
	o := s.fleet.Cluster(cluster).Get(object.GatewayServiceRef(namespace))
	if o == nil {
		return ""
	}
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "loadBalancer", "ingress")
	if len(list) == 0 {
		return ""
	}
	return list[0].(map[string]any)["ip"].(string)
}

func (s *sim) server(m *mesh, e edit) {
	c := &m.Members[e.A%len(m.Members)]
	if c.Server != "" {
		c.Server = ""
		return
	}
	c.Server = s.fleet.Cluster(c.Cluster).Alias()
}

// move takes a cluster out of one mesh into the other.
func (s *sim) move(at int, e edit) {
	from, to := &s.meshes[at], &s.meshes[1-at]
	if len(from.Members) < 2 {
		from, to = to, from
	}
	if len(from.Members) < 2 {
		return
	}
	c := from.Members[e.A%len(from.Members)]
	if s.leave(from, edit{A: e.A, C: e.C}); from.member(c.Cluster) != nil {
		return
	}
	c.Primaries = nil
	to.Members = append(to.Members, c)
	from.mend()
	to.mend()
}
