package plan

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// An AccessChange is what becomes of tokens.
type AccessChange string

// The changes. A token that is ended is made again by the next whole apply.
const (
	RenewTokens AccessChange = "renew" // the old one ends once the new one is in use
	EndTokens   AccessChange = "end"   // at once, whoever uses it
)

// Access narrows a plan to the tokens with which istiods read other clusters: all else
// stays as it is, whatever is wanted.
type Access struct {
	Change           AccessChange
	Consumer, Source string // whose tokens, and for which cluster; "" for all
	AllowGaps        bool   // renew although istiods may lose endpoints meanwhile
}

// concerns says whether the token of a pair is one of those.
func (a *Access) concerns(p desired.Pair) bool {
	return a != nil && (a.Consumer == "" || a.Consumer == p.Consumer) && (a.Source == "" || a.Source == p.Source)
}

// Renews says whether p is about tokens that are to be replaced.
func (p *Plan) Renews() bool {
	return p.Options.Access != nil && p.Options.Access.Change == RenewTokens
}

// Ends says whether p is about tokens that are to end.
func (p *Plan) Ends() bool { return p.Options.Access != nil && p.Options.Access.Change == EndTokens }

// Pairs are those whose tokens p is about, as far as topology.yaml and the grants that
// were read tell, in the order of the clusters. A whole plan is about none.
func (p *Plan) Pairs() []desired.Pair {
	var out []desired.Pair
	add := func(pair desired.Pair) {
		if p.Options.Access.concerns(pair) && !slices.Contains(out, pair) {
			out = append(out, pair)
		}
	}
	for _, c := range p.Clusters {
		for _, source := range c.Reads {
			add(desired.Pair{Consumer: c.Name, Source: source})
		}
		if c.Desired != nil { // also where it is not reached, and nothing is planned
			for _, source := range c.Desired.Reads {
				add(desired.Pair{Consumer: c.Name, Source: source})
			}
		}
	}
	for _, c := range p.Clusters {
		for _, ch := range c.Changes {
			if ch.Part == order.Grant {
				add(desired.Pair{Consumer: ch.Peer, Source: c.Name})
			}
		}
	}
	return out
}

// Concerns says whether p is about c: to end tokens, only the clusters that are read
// have to be reached.
func (p *Plan) Concerns(c *Cluster) bool {
	return p.Options.Access == nil || slices.ContainsFunc(p.Pairs(), func(pair desired.Pair) bool {
		return pair.Source == c.Name || pair.Consumer == c.Name && p.Renews()
	})
}

// narrow sets aside what a plan about tokens is not for.
func (pl *planner) narrow() {
	if pl.plan.Options.Access == nil {
		return
	}
	for _, c := range pl.plan.Clusters {
		for i := range c.Changes {
			ch := &c.Changes[i]
			if pl.plan.Ends() {
				pl.end(c, ch)
			} else {
				ch.Aside = !pl.renewed(c, *ch)
			}
			if ch.Aside {
				ch.Blocked, ch.Hint = "", ""
			}
		}
	}
}

// renewed says whether a change is part of the renewal of a token.
func (pl *planner) renewed(c *Cluster, ch Change) bool {
	switch ch.Part {
	case order.Credential:
		return ch.Mint && ch.Action == Update && pl.grants.Renews(desired.Pair{Consumer: c.Name, Source: ch.Peer})
	case order.Grant:
		return pl.stayPair(ch.Peer, c) && pl.grants.Renews(desired.Pair{Consumer: ch.Peer, Source: c.Name})
	}
	return false
}

// stayPair says whether a cluster goes on reading source: what is between clusters of
// which one leaves, or is not to be read, is for a whole apply, which knows who needs it
// until then.
func (pl *planner) stayPair(consumer string, source *Cluster) bool {
	c := pl.plan.Cluster(consumer)
	return c != nil && !c.Leaving && !source.Leaving && slices.Contains(c.Reads, source.Name)
}

// end has a grant go that a token to be ended may be bound to, whoever wants it.
func (pl *planner) end(c *Cluster, ch *Change) {
	if ch.Part != order.Grant || !pl.plan.Options.Access.concerns(desired.Pair{Consumer: ch.Peer, Source: c.Name}) {
		ch.Aside = true
		return
	}
	live := c.Live.Object(ch.Object)
	switch {
	case ch.Action == Unknown:
	case !object.Ours(live):
		ch.Aside = true
	default:
		*ch = Change{Subject: ch.Subject, Object: ch.Object, Action: Delete, UID: string(live.GetUID()), Reason: "its token ends"}
	}
}
