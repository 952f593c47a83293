package plan

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// A StepKind is what a step does.
type StepKind string

// The kinds of steps.
const (
	Begin  StepKind = "begin"  // namespace, lock, and a record of what is coming
	Put    StepKind = "put"    // creates and updates
	Remove StepKind = "remove" // deletions, and what is let go
	Prove  StepKind = "prove"  // waits until a claim is seen to be true
	Finish StepKind = "finish" // writes the record of what is there, and unlocks
)

// A Step is one node of the graph that an apply is. It starts once all steps
// before it have ended well; one that finishes starts when they have ended.
type Step struct {
	Cluster string      `json:"cluster"`
	Kind    StepKind    `json:"kind"`
	Part    order.Part  `json:"part,omitempty"`  // of Put and Remove
	Peer    string      `json:"peer,omitempty"`  // of a part or a claim that is about two clusters
	Claim   order.Claim `json:"claim,omitempty"` // of Prove
	// Check is the ID of the check by which a status judges what is proved, Tries
	// the primaries that are tried one by one.
	Check string   `json:"check,omitempty"`
	Tries []string `json:"tries,omitempty"`
	// Changes are indices of the cluster's changes, After of the plan's steps.
	Changes []int `json:"changes,omitempty"`
	After   []int `json:"after,omitempty"`
	// Blocked is why the step is not taken now.
	Blocked string `json:"blocked,omitempty"`
}

// A draft is a step whose place in the order is not known yet.
type draft struct {
	Step
	order.Node
}

// order makes the graph: what needs what follows from the rules, and so does
// what is blocked.
func (pl *planner) order() {
	pl.sends()
	s := newScene(pl.plan, pl.rules)
	var drafts []*draft
	for _, c := range pl.plan.Clusters {
		if c.Unreached == "" {
			drafts = append(drafts, s.drafts(c)...)
		}
	}
	nodes := make([]order.Node, len(drafts))
	for i, d := range drafts {
		nodes[i] = d.Node
	}
	order.Resolve(nodes, s.holds)
	for i, d := range drafts {
		d.Node = nodes[i]
		d.Step.Blocked = nodes[i].Blocked
		for _, at := range d.Changes {
			if ch := &s.Clusters[d.Cluster].Changes[at]; ch.Blocked == "" {
				ch.Blocked = nodes[i].Blocked
			}
		}
	}
	for _, d := range drafts {
		if c := s.Clusters[d.Cluster]; d.Claim == order.Serves && d.Step.Blocked == "" && !c.Pending() {
			d.Step.Blocked = "nothing changes in " + c.Name // and what the proof puts there needs a lock
		}
	}
	pl.records()
	pl.steps(drafts)
}

// sends notes what minted content will say of other clusters. The address of a
// gateway that is to have another Service is known only after that.
func (pl *planner) sends() {
	for _, c := range pl.plan.Clusters {
		for i, ch := range c.Changes {
			if !ch.Mint {
				continue
			}
			from := pl.plan.Cluster(ch.Item.Late.Source())
			if ch.Part != order.Endpoints || from == nil || !from.MovesGateway() {
				c.Changes[i].Sends = ch.Item.Late.Sends(pl.plan.World)
			}
		}
	}
}

// Minted are the pending changes with content that comes out of another cluster, by
// the name of that.
func (p *Plan) Minted() map[string][]Change {
	out := map[string][]Change{}
	for _, c := range p.Clusters {
		for _, ch := range c.Changes {
			if !ch.Pending() || !ch.Mint {
				continue
			}
			if from := ch.Item.Late.Source(); from != "" {
				out[from] = append(out[from], ch)
			}
		}
	}
	return out
}

// drafts are the steps of one cluster, but those that begin and end it.
func (s *Scene) drafts(c *Cluster) []*draft {
	type key struct {
		kind StepKind
		part order.Part
		peer string
	}
	var out []*draft
	byKey := map[key]*draft{}
	for i, ch := range c.Changes {
		if ch.Action == Keep || ch.Aside {
			continue
		}
		k := key{Put, ch.Part, ch.Peer}
		if ch.Removes() {
			k.kind = Remove
		}
		d := byKey[k]
		if d == nil {
			d = &draft{Step: Step{Cluster: c.Name, Kind: k.kind, Part: k.part, Peer: k.peer}}
			d.Makes = makes(c, k.kind, k.part, k.peer)
			byKey[k] = d
			out = append(out, d)
		}
		d.Changes = append(d.Changes, i)
		switch {
		case ch.Blocked != "": // unknown
			d.Node.Blocked = ch.Blocked
		case k.kind == Remove:
			d.Needs = append(d.Needs, s.ends(c, ch)...)
		default:
			d.Needs = append(d.Needs, s.rules.Needs(s, c, ch)...)
		}
	}
	if c.Leaving || c.Desired == nil {
		return out // what it needed is gone when it is
	}
	for _, p := range s.rules.Proofs(s, c) {
		d := &draft{Step: Step{Cluster: c.Name, Kind: Prove, Peer: p.Peer, Claim: p.Claim, Check: p.Check, Tries: p.Tries}}
		d.Makes, d.Needs = []order.Fact{{Cluster: c.Name, Claim: p.Claim, Peer: p.Peer}}, p.Needs
		out = append(out, d)
	}
	return out
}

// makes are the facts that are true once all of a part is put or removed.
func makes(c *Cluster, kind StepKind, part order.Part, peer string) []order.Fact {
	fact := order.Applied
	if kind == Remove {
		fact = order.Gone
	}
	out := []order.Fact{fact(c.Name, part, "")}
	if peer != "" {
		out = append(out, fact(c.Name, part, peer))
	}
	return out
}

// steps puts the begin and the end of each cluster around its drafts.
func (pl *planner) steps(drafts []*draft) {
	p := pl.plan
	p.Steps = []Step{}
	begins := map[string]int{}
	for _, c := range p.Clusters {
		if c.Unreached == "" && c.Pending() {
			begins[c.Name] = len(p.Steps)
			p.Steps = append(p.Steps, Step{Cluster: c.Name, Kind: Begin, Changes: c.namespaces()})
		}
	}
	at := make([]int, len(drafts))
	for i, d := range drafts {
		if d.Kind == Put && d.Part == order.Namespace && d.Step.Blocked == "" {
			at[i] = begins[d.Cluster]
			continue
		}
		at[i] = len(p.Steps)
		p.Steps = append(p.Steps, d.Step)
	}
	for i, d := range drafts {
		step := &p.Steps[at[i]]
		if step.Kind == Begin {
			continue
		}
		if b, ok := begins[d.Cluster]; ok {
			step.After = append(step.After, b)
		}
		for _, n := range d.Needs {
			if b, ok := begins[n.Cluster]; ok && n.Claim == order.Begun {
				step.After = append(step.After, b)
			}
		}
		for _, before := range d.Node.After {
			if p.Steps[at[before]].Blocked == "" {
				step.After = append(step.After, at[before])
			}
		}
		slices.Sort(step.After)
		step.After = slices.Compact(step.After)
	}
	pl.finish(begins)
}

// finish ends every cluster that an apply begins with. Those that stay go on
// naming the ones that leave until these are gone.
func (pl *planner) finish(begins map[string]int) {
	p := pl.plan
	steps := map[string][]int{} // by cluster
	for i, s := range p.Steps {
		if s.Blocked == "" {
			steps[s.Cluster] = append(steps[s.Cluster], i)
		}
	}
	var leaving []int
	for _, c := range p.Clusters {
		if c.Leaving {
			leaving = append(leaving, steps[c.Name]...)
		}
	}
	slices.Sort(leaving)
	for _, c := range p.Clusters {
		if _, ok := begins[c.Name]; !ok {
			continue
		}
		last := Step{Cluster: c.Name, Kind: Finish, After: steps[c.Name]}
		if !c.Leaving {
			last.After = slices.Concat(last.After, leaving)
		}
		p.Steps = append(p.Steps, last)
	}
}

// namespaces are the changes that make Istio's namespace.
func (c *Cluster) namespaces() []int {
	var out []int
	for i, ch := range c.Changes {
		if ch.Part == order.Namespace && !ch.Removes() && ch.Pending() {
			out = append(out, i)
		}
	}
	return out
}

// Pick are changes by their indices.
func (c *Cluster) Pick(indices []int) []Change {
	out := make([]Change, len(indices))
	for i, at := range indices {
		out[i] = c.Changes[at]
	}
	return out
}

// An About says what a step was: what [Step] says of it, or the object that was
// not touched.
type About struct {
	Kind   StepKind    `json:"kind,omitempty"`
	Part   order.Part  `json:"part,omitempty"`
	Peer   string      `json:"peer,omitempty"`
	Claim  order.Claim `json:"claim,omitempty"`
	Object object.Ref  `json:"object,omitzero"`
}

// About is what the step is, without its place in the plan.
func (s Step) About() About { return About{Kind: s.Kind, Part: s.Part, Peer: s.Peer, Claim: s.Claim} }

// Proofs are the claims about clusters of which an apply looks whether they are true.
func (p *Plan) Proofs() map[order.Fact]bool {
	out := map[order.Fact]bool{}
	for _, s := range p.Steps {
		if s.Kind == Prove && s.Blocked == "" {
			out[order.Fact{Cluster: s.Cluster, Claim: s.Claim, Peer: s.Peer}] = true
		}
	}
	return out
}
