package plan

import (
	"encoding/json"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// records plans the record of every member that stays, last, because it is
// about all the others.
func (pl *planner) records() {
	members := pl.plan.Members((*Cluster).WillGo)
	for _, c := range pl.plan.Clusters {
		if c.Unreached != "" || c.Leaving || c.Desired == nil {
			continue
		}
		if pl.plan.Barred(c) {
			continue // refused, and not ours to write
		}
		want := c.RecordAfter(pl.plan.Mesh, members, func(Change) bool { return true })
		have := c.Live.Record
		ch := Change{Subject: bookkeeping, Object: record.Ref(c.Namespace), Action: Keep}
		switch {
		case pl.plan.Options.Access != nil && !c.Pending():
		case have == nil, c.Live.Lost:
			ch.Action = Create
		case !sameJSON(have, want):
			ch.Action, ch.Reason = Update, "members or objects changed"
		}
		c.Changes = append(c.Changes, ch)
	}
}

// Members are the clusters that every record names: those of the topology, and
// those that leave until gone holds for them.
func (p *Plan) Members(gone func(*Cluster) bool) []record.Member {
	out := []record.Member{}
	for _, c := range p.Clusters {
		m := c.Member
		switch {
		case c.Leaving && c.Unreached == "" && gone(c):
			continue
		case c.departed(): // as the records call it
			m = p.recordedMember(m)
		case c.Unreached != "" && m.UID == "":
			m.UID = p.recordedUID(m)
		}
		out = append(out, m)
	}
	return append(out, p.unaccounted()...)
}

// unaccounted are recorded members that no cluster of the plan is known to be: while
// a cluster of their name is not reached, nobody can tell, and they stay on record.
func (p *Plan) unaccounted() []record.Member {
	known := map[string]bool{}
	for _, c := range slices.Concat(p.Clusters, p.Forgotten) {
		known["uid "+c.UID], known["context "+c.Context] = true, true
	}
	var out []record.Member
	for _, l := range p.World.Clusters {
		if l.Record == nil || l.Record.Mesh != p.Mesh {
			continue
		}
		for _, m := range l.Record.Members {
			if m.UID != "" && !known["uid "+m.UID] && !known["context "+m.Context] {
				known["uid "+m.UID] = true
				out = append(out, m)
			}
		}
	}
	return out
}

// WillGo says whether an apply takes all of ours out of a cluster that leaves.
func (c *Cluster) WillGo() bool {
	return !slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Blocked != "" })
}

// recordedMember is m as some record has it.
func (p *Plan) recordedMember(m record.Member) record.Member {
	for _, l := range p.World.Clusters {
		if l.Record == nil || l.Record.Mesh != p.Mesh {
			continue
		}
		for _, r := range l.Record.Members {
			if r.UID == m.UID && r.Context == m.Context {
				return r
			}
		}
	}
	return m
}

// recordedUID is what the records know of a member that cannot be asked.
func (p *Plan) recordedUID(m record.Member) string {
	for _, l := range p.World.Clusters {
		if l.Record == nil {
			continue
		}
		for _, r := range l.Record.Members {
			if r.UID != "" && r.Context == m.Context {
				return r.UID
			}
		}
	}
	return ""
}

// RecordAfter is the record of c once the changes for which done holds are
// made. What was not done keeps what the last record said of it.
func (c *Cluster) RecordAfter(mesh string, members []record.Member, done func(Change) bool) *record.Record {
	r := &record.Record{Format: record.RecordFormat, Mesh: mesh, Cluster: c.Name, Members: members, Objects: []record.Recorded{}}
	applied := true // all that the IstioControlPlane stands for
	for _, ch := range c.Changes {
		if ch.Component == order.Bookkeeping || ch.Part == order.ByProducts || ch.Theirs != "" {
			continue
		}
		finished := ch.Action == Keep || ch.Pending() && done(ch)
		if slices.Contains(order.Rendered(), ch.Component) {
			applied = applied && finished
		}
		switch {
		case ch.Removes() && finished, ch.Action == Create && (ch.Blocked != "" || ch.Aside):
			continue
		case finished:
			r.Objects = append(r.Objects, record.Recorded{Ref: ch.Object, Subject: ch.Subject, Hash: ch.Wanted, SetBack: c.setBack(ch)})
		case ch.Pending(): // it may be made or not: no hash stands for it
			r.Objects = append(r.Objects, record.Recorded{Ref: ch.Object, Subject: ch.Subject, SetBack: c.Live.Record.Of(ch.Object).SetBack})
		default:
			before := c.Live.Record.Of(ch.Object)
			r.Objects = append(r.Objects, record.Recorded{Ref: ch.Object, Subject: ch.Subject, Hash: before.Hash, SetBack: before.SetBack})
		}
	}
	r.Sort()
	switch {
	case applied:
		r.Manifest = c.Desired.Manifest.Spec
	case c.Live.Record != nil:
		r.Manifest = c.Live.Record.Manifest
	}
	return r
}

// setBack are the managers whose changes to an object applies have undone since
// it was last wanted otherwise.
func (c *Cluster) setBack(ch Change) []string {
	before := c.Live.Record.Of(ch.Object)
	if before.Hash != ch.Wanted {
		return nil
	}
	all := slices.Concat(before.SetBack, ch.Managers)
	slices.Sort(all)
	return slices.Compact(all)
}

func sameJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// ChangedBy names the managers that own one of the fields now: who changed
// them since our last apply.
func ChangedBy(live *unstructured.Unstructured, changed []compare.Field) []string {
	var names []string
	for _, m := range live.GetManagedFields() {
		if m.Manager == object.FieldManager || m.Subresource == "status" {
			continue
		}
		if slices.ContainsFunc(changed, func(f compare.Field) bool { return object.Owns(m, object.Segments(f.Path)...) }) && !slices.Contains(names, m.Manager) {
			names = append(names, m.Manager)
		}
	}
	return names
}
