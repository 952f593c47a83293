// Package plan compares what is wanted with what was read. A [Plan] is data: the
// changes of each cluster, and the graph of steps in which they are made. It asks
// nobody, and knows no component: those hand in their [Rules].
package plan

import (
	"slices"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// Format is the version of a [Plan]'s JSON.
const Format = "setup-mesh.io/plan/v2"

// An Action is what an apply does with an object.
type Action string

// The actions. Unknown is an object that could not be read: nothing is done
// with it.
const (
	Create  Action = "create"
	Update  Action = "update"
	Delete  Action = "delete"
	Keep    Action = "keep"
	Unknown Action = "unknown"
)

// A Plan is what an apply would do, and why. It holds no secret, and acts on
// nothing by itself.
type Plan struct {
	Format   string     `json:"format"`
	Mesh     string     `json:"mesh"`
	Istio    string     `json:"istio"`
	Teardown bool       `json:"teardown,omitempty"`
	Inputs   string     `json:"inputs,omitempty"` // digest of the files it was made from
	Clusters []*Cluster `json:"clusters"`
	// Steps are the graph of the apply: each comes after the steps that it names.
	Steps []Step `json:"steps"`
	// Refusals are why nothing is done at all; the rest of the plan is whole.
	Refusals []Finding `json:"refusals,omitempty"`
	// Warnings are worth reading and stop nothing.
	Warnings []Finding `json:"warnings,omitempty"`

	World     *world.World     `json:"-"`
	Wanted    *desired.Desired `json:"-"`
	Options   Options          `json:"-"`
	Shared    desired.Sharing  `json:"-"` // copies of Services that are wanted
	Unshared  error            `json:"-"` // why there are none
	Forgotten []*Cluster       `json:"-"` // dropped from the records, and so from Clusters
}

// A Cluster is one cluster's share of a [Plan].
type Cluster struct {
	record.Member
	Kubernetes string `json:"kubernetes,omitempty"`
	// Was is the member as the last apply recorded it, where it had another
	// role, other primaries or another network.
	Was *record.Member `json:"was,omitempty"`
	// Leaving says that the cluster is no longer in the topology, or that
	// the mesh is torn down.
	Leaving bool `json:"leaving,omitempty"`
	// Unreached is why nothing is known of the cluster, and so nothing planned.
	Unreached string `json:"unreached,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Detail    string `json:"detail,omitempty"` // as in [Finding]
	// Manifest lists the differences of the IstioControlPlane's spec to the
	// one last applied.
	Manifest []compare.Field      `json:"manifest,omitempty"`
	New      bool                 `json:"new,omitempty"` // no IstioControlPlane was applied so far
	Profile  string               `json:"profile,omitempty"`
	Reads    []string             `json:"reads,omitempty"`  // whose API servers its istiod reads
	ReadBy   []string             `json:"readBy,omitempty"` // whose istiods read its API server
	Gateway  world.GatewayAddress `json:"gateway,omitzero"`
	// Addresses are those that topology.yaml says the gateway is reached at.
	Addresses []string `json:"addresses,omitempty"`
	// RootFingerprint and NotAfter describe the intermediate that will be
	// there after an apply. NotAfter is zero where somebody else is to sign it.
	RootFingerprint string    `json:"root,omitempty"`
	NotAfter        time.Time `json:"notAfter,omitzero"`
	// Issuer is the subject of the CA that signs in place of the root, "" where the
	// root itself does, or where a signer outside of this process decides.
	Issuer string `json:"issuer,omitempty"`
	// Outside says that the intermediate is to be signed outside of this process.
	Outside bool `json:"signedOutside,omitempty"`
	// Imported says that it was signed elsewhere already.
	Imported bool `json:"imported,omitempty"`
	// SameCA says that Secret cacerts is written with the CA that is in it: just what is
	// trusted or revoked changes.
	SameCA  bool     `json:"-"`
	Changes []Change `json:"changes"`

	Live      *world.Live      `json:"-"` // as it was read
	Desired   *desired.Cluster `json:"-"` // nil for one that topology.yaml does not name
	Forgotten bool             `json:"-"` // see [Options].Forget
	// Yielded are recorded objects that others manage now: they are kept.
	Yielded []object.Ref `json:"-"`
}

// A Change is what happens to one object.
type Change struct {
	order.Subject
	Object object.Ref      `json:"object"`
	Action Action          `json:"action"`
	Reason string          `json:"reason,omitempty"` // for people
	Fields []compare.Field `json:"fields,omitempty"`
	// Managers changed the object since we applied it; the update sets it back.
	Managers []string `json:"managers,omitempty"`
	// Theirs says who manages an object that is not ours, and is kept because it does
	// what ours would.
	Theirs string `json:"theirs,omitempty"`
	// Blocked is why the change cannot be made now.
	Blocked string `json:"blocked,omitempty"`
	Hint    string `json:"hint,omitempty"` // what to do about that
	// Wanted is the digest of what will be applied, UID is of what is there.
	Wanted string `json:"wanted,omitempty"`
	UID    string `json:"uid,omitempty"`
	// From names the cluster that has the original of a shared Service.
	From string `json:"from,omitempty"`
	// Mint says that late content is made again, and Sends what it will say of
	// another cluster then: addresses and CAs, never a secret.
	Mint  bool   `json:"mint,omitempty"`
	Sends string `json:"sends,omitempty"`
	// Replace deletes the object and makes a new one; LetGo leaves it, and
	// gives up our fields.
	Replace bool `json:"replace,omitempty"`
	LetGo   bool `json:"letGo,omitempty"`

	// Aside says that the plan is about something else: the object is left as it is.
	Aside bool `json:"aside,omitempty"`

	Item *desired.Item `json:"-"`
}

// Removes says whether the change takes away what we put there, or would if it
// were known to be there.
func (c Change) Removes() bool {
	return c.Action == Delete || c.LetGo || c.Action == Unknown && c.Wanted == ""
}

// Options are what the user allows that is refused otherwise.
type Options struct {
	Adopt         bool     // take over objects that other tools manage
	AllowLoopback bool     // a loopback API server can be reached by the others
	AllowOverlap  bool     // the nodes' pod ranges are not those of the pods
	AcceptNew     bool     // a context may point to another cluster than before
	CRDs          bool     // delete CRDs although custom resources exist
	Forget        []string // names of clusters that are gone for good
	Leaving       []string // names of departed members that are certainly no cluster of the topology
	Access        *Access  // makes it a plan about tokens alone; nil for a whole one
}

// Pending says whether an apply would change anything.
func (p *Plan) Pending() bool {
	return slices.ContainsFunc(p.Clusters, func(c *Cluster) bool { return c.Pending() })
}

// Pending says whether an apply would change anything in c.
func (c *Cluster) Pending() bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Pending() })
}

// Pending says whether an apply would make this change.
func (c Change) Pending() bool {
	return c.Blocked == "" && !c.Aside && (c.Action == Create || c.Action == Update || c.Action == Delete)
}

// Incomplete lists the clusters that the plan could not look at, and the
// changes it cannot make.
func (p *Plan) Incomplete() bool {
	return slices.ContainsFunc(p.Clusters, func(c *Cluster) bool {
		return c.Unreached != "" || slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Blocked != "" })
	})
}

// Count is how many objects the plan would treat so.
func (p *Plan) Count(a Action) int {
	n := 0
	for _, c := range p.Clusters {
		n += c.Count(a)
	}
	return n
}

// Count is how many objects of c the plan would treat so. The record, which is
// about the objects, does not count.
func (c *Cluster) Count(a Action) int {
	n := 0
	for _, ch := range c.Changes {
		if ch.Action == a && ch.Blocked == "" && !ch.Aside && ch.Component != order.Bookkeeping {
			n++
		}
	}
	return n
}

// Cluster finds a cluster of the plan by name, nil if there is none.
func (p *Plan) Cluster(name string) *Cluster {
	for _, c := range p.Clusters {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// New compares what is wanted with what was read, and puts what is to be done in
// the order of rules. It asks nobody.
func New(d *desired.Desired, w *world.World, rules Rules, o Options) *Plan {
	p := &Plan{Format: Format, Mesh: d.MeshID, World: w, Wanted: d, Options: o}
	p.Shared, p.Unshared = desired.NewSharing(d, w)
	pl := &planner{plan: p, rules: rules, grants: desired.NewGrants(w, func(pair desired.Pair) bool { return p.Renews() && o.Access.concerns(pair) })}
	for i, l := range w.Clusters {
		c := &Cluster{Member: l.Member, Kubernetes: l.Kubernetes, Leaving: l.Leaving, Live: l, Changes: []Change{}}
		if l.Leaving && l.Unreached != nil && slices.Contains(o.Forget, l.Name) {
			c.Forgotten = true
			p.Forgotten = append(p.Forgotten, c)
			continue
		}
		if i < len(d.Clusters) {
			c.Desired = d.Clusters[i]
		} else if l.Record != nil && l.Record.Mesh != d.MeshID {
			continue // it has left, and joined another mesh since
		}
		p.Clusters = append(p.Clusters, c)
		pl.cluster(c)
	}
	pl.rewire()
	pl.narrow()
	pl.order()
	return p
}

// A planner makes a plan. What speaks against it is the business of checks.
type planner struct {
	plan   *Plan
	rules  Rules
	grants desired.Grants
}

func (pl *planner) cluster(c *Cluster) {
	l := c.Live
	switch {
	case l.Unreached != nil:
		c.Unreached, c.Hint, c.Detail = l.Unreached.Error(), object.HintOf(l.Unreached), object.DetailOf(l.Unreached)
	case pl.plan.Barred(c):
	case c.Leaving:
		pl.leave(c)
	default:
		pl.join(c)
	}
}

// Barred says whether c is a member already, of another mesh or in another
// namespace: two control planes would both write what is not in a namespace.
func (p *Plan) Barred(c *Cluster) bool {
	return c.Live.Record != nil && c.Live.Record.Mesh != p.Mesh || !c.Leaving && len(c.Live.Elsewhere) > 0
}

// Overridden lists the values of the user that the topology sets otherwise.
func (p *Plan) Overridden() topology.Problems { return p.Wanted.Warnings }
