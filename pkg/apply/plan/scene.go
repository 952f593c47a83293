package plan

import (
	"cmp"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// A Scene is what the rules of components look at: who is who, and who was.
type Scene struct {
	Plan     *Plan
	rules    Rules
	Clusters map[string]*Cluster
	// handsOver are the clusters that a cluster served as a primary, as the
	// records say, and that it is not to serve after the apply.
	handsOver map[string][]string
	servedBy  map[*Cluster][]string // see [Scene.primariesBefore]
	// doubt is the cluster of the topology that is not reached and that no
	// record names: any departed member may be it. "" for none.
	doubt string
	// What the records say: the clusters as members, by the names that they had,
	// and the contexts that led to some.
	members  map[*Cluster]*record.Member
	names    map[string]*Cluster
	contexts map[string]bool
}

func newScene(p *Plan, rules Rules) *Scene {
	s := &Scene{
		Plan: p, rules: rules, Clusters: map[string]*Cluster{}, handsOver: map[string][]string{},
		servedBy: map[*Cluster][]string{}, members: map[*Cluster]*record.Member{}, names: map[string]*Cluster{}, contexts: map[string]bool{},
	}
	for _, c := range p.Clusters {
		s.Clusters[c.Name] = c
	}
	s.remember()
	for _, c := range p.Clusters {
		s.servedBy[c] = s.primariesBefore(c)
		for _, name := range s.servedBy[c] {
			s.hand(s.Peer(name), c)
		}
		for _, name := range c.serving() {
			s.hand(c, s.Peer(name))
		}
	}
	s.doubt = s.unidentified()
	return s
}

// hand notes that p has served c, unless it goes on doing so.
func (s *Scene) hand(p, c *Cluster) {
	if p == nil || c == nil || !c.Leaving && !p.Leaving && slices.Contains(c.Primaries, p.Name) || slices.Contains(s.handsOver[p.Name], c.Name) {
		return
	}
	s.handsOver[p.Name] = append(s.handsOver[p.Name], c.Name)
}

// primariesBefore are the primaries of c until now, by their names then: as the records
// say, and as its addresses do, since an apply that was cut off has written the one
// and not the other.
func (s *Scene) primariesBefore(c *Cluster) []string {
	var out []string
	if before := s.recorded(c); before != nil {
		out = slices.Clone(before.Primaries)
	}
	for _, ch := range c.Changes {
		if ch.Part == order.Endpoints && ch.Removes() && !slices.Contains(out, ch.Peer) {
			out = append(out, ch.Peer)
		}
	}
	return out
}

// serving are the clusters that the credentials in c say it serves, by the names
// that they had.
func (c *Cluster) serving() []string {
	var out []string
	for _, ch := range c.Changes {
		if ch.Part == order.Credential && desired.Serves(c.Live.Object(ch.Object)) {
			out = append(out, ch.Peer)
		}
	}
	slices.Sort(out)
	return out
}

// recorded is c as the records know it, nil if none does.
func (s *Scene) recorded(c *Cluster) *record.Member { return s.members[c] }

// remember looks up all clusters in the records: by their UID or, where a cluster
// is not reached, by what it is called.
func (s *Scene) remember() {
	byUID, byContext, byName := map[string]*record.Member{}, map[string]*record.Member{}, map[string]*record.Member{}
	first := func(in map[string]*record.Member, key string, m *record.Member) {
		if key != "" && in[key] == nil {
			in[key] = m
		}
	}
	for _, l := range s.Plan.World.Clusters {
		if l.Record == nil || l.Record.Mesh != s.Plan.Mesh {
			continue
		}
		for i := range l.Record.Members {
			m := &l.Record.Members[i]
			first(byUID, m.UID, m)
			first(byContext, m.Context, m)
			s.contexts[m.Context] = s.contexts[m.Context] || m.UID != ""
			first(byName, m.Name, m)
		}
	}
	for _, c := range s.Plan.Clusters {
		m := byUID[c.UID]
		if c.UID == "" {
			m = cmp.Or(byContext[c.Context], byName[c.Name])
		}
		if m == nil {
			continue
		}
		s.members[c] = m
		if s.names[m.Name] == nil {
			s.names[m.Name] = c
		}
	}
}

// Peer is the other cluster that an object is about: names are those of the last
// apply, and it may have another one now. It is nil where nobody knows that name.
func (s *Scene) Peer(name string) *Cluster {
	if c := s.names[name]; c != nil {
		return c
	}
	return s.Clusters[name]
}

// unidentified names a cluster of the topology of which nothing is known: it is
// not reached, and no record tells which cluster its context led to.
func (s *Scene) unidentified() string {
	for _, c := range s.Plan.Clusters {
		if c.Unreached != "" && !c.Leaving && !s.remembered(c.Context) {
			return c.Name
		}
	}
	return ""
}

// remembered says whether some record tells which cluster a context led to. An
// apply that did not reach it has recorded its name, and no more.
func (s *Scene) remembered(context string) bool { return s.contexts[context] }

// holds says why a fact that no step makes cannot be relied on, "" if it can.
func (s *Scene) holds(f order.Fact) string {
	c := s.Clusters[f.Cluster]
	switch {
	case c == nil:
		return ""
	case f.Claim == order.Departed && s.doubt != "" && c.departed() && !slices.Contains(s.Plan.Options.Leaving, c.Name):
		return s.doubt + " is not reached, and may be the same cluster as " + c.Name + ": if it is not, pass --leaving " + c.Name
	case f.Claim == order.Departed:
		return ""
	case c.Unreached != "":
		return c.Name + " is not reached"
	}
	return ""
}

// Handed are the facts that let c stop serving those that it hands over.
func (s *Scene) Handed(c *Cluster) []order.Fact {
	var out []order.Fact
	for _, name := range s.handsOver[c.Name] {
		out = append(out, s.ServedOtherwise(s.Clusters[name])...)
	}
	return out
}

// ServedOtherwise are the facts that say that c does not need a primary that it
// had: others serve it, and nobody there calls a former one, by whatever name; or
// nobody has to.
func (s *Scene) ServedOtherwise(c *Cluster) []order.Fact {
	if c.Leaving {
		return []order.Fact{order.Gone(c.Name, order.Injector, ""), order.Gone(c.Name, order.Webhooks, "")}
	}
	return []order.Fact{{Cluster: c.Name, Claim: c.Control()}, order.Gone(c.Name, order.Endpoints, "")}
}

// ChangesHands says whether some cluster served c, and is not to do so after the
// apply.
func (s *Scene) ChangesHands(c *Cluster) bool {
	return slices.ContainsFunc(s.Plan.Clusters, func(p *Cluster) bool { return slices.Contains(s.handsOver[p.Name], c.Name) })
}

// Served says whether primary served remote, and is not to do so after an apply.
func (s *Scene) Served(primary, remote string) bool {
	return slices.Contains(s.handsOver[primary], remote)
}
