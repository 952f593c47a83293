package apply

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
)

// identities refuses what would join the wrong clusters, or in a way in which
// they cannot reach each other.
func (pl *planner) identities() {
	w := pl.plan.world
	byUID := map[string]*Live{}
	for i, l := range w.Clusters {
		if l.Unreached != nil {
			continue
		}
		if first := byUID[l.UID]; first != nil {
			pl.refuse(l.Name, "remove one of the two from topology.yaml",
				"contexts %s and %s lead to the same cluster (kube-system UID %s)", first.Context, l.Context, l.UID)
		}
		byUID[l.UID] = l
		if !l.Leaving && i < len(pl.plan.desired.Clusters) && len(pl.plan.desired.Clusters[i].ReadBy) > 0 {
			pl.endpoint(l)
		}
	}
	if !pl.options.AcceptNew {
		pl.movedContexts()
	}
}

// endpoint refuses an API server address that is no use to another cluster.
func (pl *planner) endpoint(l *Live) {
	switch {
	case l.Endpoint.Loopback() && !pl.options.AllowLoopback:
		pl.plan.Refusals = append(pl.plan.Refusals, loopback(l))
	case l.Endpoint.Insecure:
		pl.refuse(l.Name, "put the CA of the API server into the kubeconfig",
			"context %s skips TLS verification: there is no CA to hand to the other clusters", l.Context)
	}
}

// loopback refuses an address that means something only on this machine.
func loopback(l *Live) Finding {
	return Finding{
		Cluster: l.Name,
		Message: fmt.Sprintf("the API server address of context %s is %s: no other cluster can reach it", l.Context, l.Endpoint.Server),
		Hint:    "give the context an address that the other clusters reach (kind: kind get kubeconfig --internal); " + allowLoopback,
	}
}

const allowLoopback = "or say that this one works for them with --allow-loopback"

// movedContexts refuses a context that leads to another cluster than when the
// mesh was last applied, to another member too: names of clusters come from
// contexts, and a member that changes its name is another one to all istiods.
// A member that was never reached has no UID yet.
func (pl *planner) movedContexts() {
	told := map[string]bool{}
	for _, l := range pl.plan.world.Clusters {
		if l.Record == nil || l.Record.Mesh != pl.plan.Mesh {
			continue
		}
		for _, m := range l.Record.Members {
			now := pl.byContext(m.Context)
			if now == nil || now.Unreached != nil || m.UID == "" || now.UID == m.UID || told[m.Context] {
				continue
			}
			told[m.Context] = true
			pl.refuse(now.Name, "check the kubeconfig; --accept-new-cluster says that the old one is gone",
				"context %s leads to another cluster than at the last apply (kube-system UID %s, was %s)", m.Context, now.UID, m.UID)
		}
	}
}

func (pl *planner) byContext(context string) *Live {
	for _, l := range pl.plan.world.Clusters {
		if l.Context == context {
			return l
		}
	}
	return nil
}

// records plans the record of every member that stays, last, because it is
// about all the others.
func (pl *planner) records() {
	members := pl.plan.members(pl.options.Forget)
	for _, c := range pl.plan.Clusters {
		if c.Unreached != "" || c.Leaving || c.desired == nil {
			continue
		}
		if c.live.Record != nil && c.live.Record.Mesh != pl.plan.Mesh {
			continue // refused, and not ours to write
		}
		want := c.recordAfter(pl.plan.Mesh, members, func(Change) bool { return true })
		have := c.live.Record
		ch := Change{Component: Bookkeeping, Object: recordRef(c.Namespace), Action: Keep}
		switch {
		case have == nil:
			ch.Action = Create
		case !sameJSON(have, want):
			ch.Action, ch.Reason = Update, "members or objects changed"
		}
		c.Changes = append(c.Changes, ch)
	}
}

// members are the clusters that every record names after an apply: those of
// the topology, and those that left without being reached.
func (p *Plan) members(forget []string) []Member {
	out := []Member{}
	for _, c := range p.Clusters {
		m := c.Member
		switch {
		case c.Leaving && (c.Unreached == "" || slices.Contains(forget, c.Name)):
			continue
		case !c.Leaving && c.Unreached != "":
			m.UID = p.recordedUID(m)
		}
		out = append(out, m)
	}
	return out
}

// recordedUID is what the records know of a member that cannot be asked.
func (p *Plan) recordedUID(m Member) string {
	for _, l := range p.world.Clusters {
		if l.Record == nil {
			continue
		}
		for _, r := range l.Record.Members {
			if r.Context == m.Context {
				return r.UID
			}
		}
	}
	return ""
}

// recordAfter is the record of c once the changes for which done holds are
// made. What was not done keeps what the last record said of it.
func (c *ClusterPlan) recordAfter(mesh string, members []Member, done func(Change) bool) *Record {
	r := &Record{Format: recordFormat, Mesh: mesh, Cluster: c.Name, Members: members, Objects: []Recorded{}}
	applied := true // all that the IstioControlPlane stands for
	for _, ch := range c.Changes {
		if ch.Component == Bookkeeping || ch.Reason == byIstiod {
			continue
		}
		finished := ch.Action == Keep || ch.Pending() && done(ch)
		if ch.Component == ControlPlane || ch.Component == Gateway {
			applied = applied && finished
		}
		switch {
		case (ch.Action == Delete || ch.letGo) && finished, ch.Action == Create && ch.Blocked != "":
			continue
		case finished:
			r.Objects = append(r.Objects, Recorded{Ref: ch.Object, Component: ch.Component, Hash: ch.Wanted})
		default:
			r.Objects = append(r.Objects, Recorded{Ref: ch.Object, Component: ch.Component, Hash: c.live.Record.hash(ch.Object)})
		}
	}
	slices.SortFunc(r.Objects, func(a, b Recorded) int { return compareRefs(a.Ref, b.Ref) })
	switch {
	case applied:
		r.Manifest = c.desired.Manifest.Spec
	case c.live.Record != nil:
		r.Manifest = c.live.Record.Manifest
	}
	return r
}

func sameJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}

// changedBy names the managers that own one of the fields now: who changed
// them since our last apply.
func changedBy(live *unstructured.Unstructured, changed []Field) []string {
	var names []string
	for _, m := range live.GetManagedFields() {
		if m.Manager == kube.FieldManager || m.Subresource == "status" {
			continue
		}
		if slices.ContainsFunc(changed, func(f Field) bool { return owns(m, segments(f.Path)...) }) && !slices.Contains(names, m.Manager) {
			names = append(names, m.Manager)
		}
	}
	return names
}

// owns says whether m is the owner of a field, or of one below it.
func owns(m metav1.ManagedFieldsEntry, path ...string) bool {
	var owned map[string]any
	return m.FieldsV1 != nil && json.Unmarshal(m.FieldsV1.GetRawBytes(), &owned) == nil && ownsPath(owned, path)
}

// segments splits a [Field]'s path into field names; "*" is any list element.
func segments(path string) []string {
	var out []string
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case path[0] == '[':
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return out
			}
			if strings.Contains(path[:end], "=") {
				out = append(out, "*")
			} else {
				out = append(out, path[1:end])
			}
			path = path[end+1:]
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out = append(out, path[:end])
			path = path[end:]
		}
	}
	return out
}

// ownsPath follows a path through a fieldsV1 tree:
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
func ownsPath(owned map[string]any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	for key, v := range owned {
		matches := key == "f:"+path[0] || path[0] == "*" && (strings.HasPrefix(key, "k:") || strings.HasPrefix(key, "v:"))
		if below, ok := v.(map[string]any); matches && ok && (len(below) == 0 || ownsPath(below, path[1:])) {
			return true
		}
	}
	return false
}

// String is how a plan names the cluster: with the context beside it once.
func (m Member) String() string { return fmt.Sprintf("%s (context %s)", m.Name, m.Context) }
