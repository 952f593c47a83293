package apply

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// join plans a cluster of the topology.
func (pl *planner) join(c *ClusterPlan) {
	d := c.Desired
	c.Reads, c.ReadBy = d.Reads, d.ReadBy
	c.New = c.Live.Record == nil || c.Live.Record.Manifest == nil
	c.Profile, _ = d.Manifest.Spec["profile"].(string)
	if !c.New {
		c.Manifest = ManifestFields(c.Live.Record.Manifest, d.Manifest)
		pl.changedMember(c)
	}
	c.foreign = map[string][]object.Ref{}
	shared := pl.shared.items[c.Name]
	for _, it := range slices.Concat(d.Items, shared) {
		ch, managers := pl.decide(c, it)
		if len(managers) > 0 {
			by := strings.Join(managers, ", ")
			c.foreign[by] = append(c.foreign[by], it.Ref)
		}
		c.Changes = append(c.Changes, ch)
	}
	pl.conflicts(c)
	pl.prune(c, shared)
	pl.certificate(c)
	if d.Gateway {
		port := object.DiscoveryPort // what remote clusters use of it
		if d.Exposed {
			port = object.GatewayPort
		}
		c.Gateway = c.Live.Reach.at(port)
		if err := c.Live.Reach.Err; err != nil && len(d.Remotes) > 0 {
			pl.warn(c.Name, object.HintOf(err), "%v: remote clusters keep the addresses they have", err)
		} else if err != nil {
			pl.warn(c.Name, object.HintOf(err), "%v", err)
		}
	}
	slices.SortStableFunc(c.Changes, func(a, b Change) int {
		return slices.Index(order.Components(), a.Component) - slices.Index(order.Components(), b.Component)
	})
}

// changedMember notes what the cluster was in the mesh, where it is something else
// now. It warns that pods are told their network when they are injected.
// https://istio.io/latest/docs/reference/config/labels/#TopologyNetwork
func (pl *planner) changedMember(c *ClusterPlan) {
	for _, m := range c.Live.Record.Members {
		if m.UID != c.UID {
			continue
		}
		if m.Role != c.Role || m.Network != c.Network || !slices.Equal(m.Primaries, c.Primaries) {
			c.Was = &m
		}
		if m.Network != c.Network {
			pl.warn(c.Name, "restart the workloads of the cluster after the apply: kubectl rollout restart",
				"running pods stay on network %s until they are injected anew", m.Network)
		}
	}
}

// manifestFields lists how the spec of an IstioControlPlane differs from the one
// last applied, and where each new value was written.
func ManifestFields(applied map[string]any, m *manifest.Manifest) []compare.Field {
	var out []compare.Field
	compare.DiffValue(&out, "spec", compare.PlainJSON(applied), compare.PlainJSON(m.Spec))
	compare.SortFields(out)
	for i, f := range out {
		if at := m.At(f.Path); f.New != nil && !at.IsZero() {
			out[i].Source = at.String()
		}
	}
	return out
}

// decide compares one wanted object with the live one. It returns the managers
// of an object that is not ours and may not be adopted.
func (pl *planner) decide(c *ClusterPlan, it *Item) (Change, []string) {
	seen := c.Live.Objects[it.Ref]
	ch := Change{Subject: it.Subject, Object: it.Ref, Wanted: it.Hash, Action: Keep, From: it.Object.GetAnnotations()[object.AnnotationSharedFrom], item: it}

	if seen.Err != nil {
		ch.Action, ch.Blocked, ch.Hint = Unknown, seen.Err.Error(), object.HintOf(seen.Err)
		return ch, nil
	}
	if seen.Object == nil {
		ch.Action, ch.Mint = Create, it.Late != nil
		return ch, nil
	}
	ch.UID = string(seen.Object.GetUID())
	if !object.Ours(seen.Object) && it.Ref.Kind != "Namespace" {
		others := object.Managers(seen.Object)
		if len(others) == 0 {
			others = []string{"somebody unknown"} // an object of a name alone has no fields to manage
		}
		if !pl.options.Adopt {
			return ch, others
		}
		ch.Action, ch.Reason = Update, "adopted from "+strings.Join(others, ", ")
		ch.Mint = it.Late != nil && it.Late.Judge(pl.plan.world, seen.Object) != ""
		return ch, nil
	}
	pl.update(c, &ch, it, seen)
	return ch, nil
}

// update plans an object that is there and ours.
func (pl *planner) update(c *ClusterPlan, ch *Change, it *Item, seen Observed) {
	if it.Late != nil {
		ch.Reason = it.Late.Judge(pl.plan.world, seen.Object)
		ch.Mint = ch.Reason != ""
	}
	again := madeAnew(it, seen.Object)
	if seen.DryErr != nil && (again == "" || !object.Immutable(seen.DryErr)) {
		hint := object.HintOf(seen.DryErr)
		if object.Immutable(seen.DryErr) {
			hint = fmt.Sprintf("the field is set for good when the object is made: delete %s, and apply makes it anew", it.Ref)
		}
		pl.refuse(c.Name, hint, "%v", seen.DryErr)
		if object.ClassOf(seen.DryErr) == object.Forbidden {
			c.deny(it.Ref, pl.plan.Refusals[len(pl.plan.Refusals)-1])
		}
		return
	}
	if seen.Dry != nil {
		ch.Fields = compare.Fields(seen.Object, seen.Dry)
		maskSecret(it.Ref, ch.Fields)
	}
	if again != "" {
		ch.Replace, ch.Reason = true, "recreated: "+again
	}
	if ch.Reason == "" && len(ch.Fields) == 0 {
		return
	}
	ch.Action = Update
	if len(ch.Fields) > 0 && c.Live.Record.Hash(it.Ref) == it.Hash {
		ch.Managers = ChangedBy(seen.Object, ch.Fields)
	}
}

// madeAnew is why an object has to be deleted and created, "" for one that can be
// changed.
func madeAnew(it *Item, live *unstructured.Unstructured) string {
	if it.Component == order.SharedServices && turnsHeadless(it, live) {
		return "clusterIP is immutable"
	}
	return ""
}

// maskSecret hides values that a plan must not show.
func maskSecret(ref object.Ref, fields []compare.Field) {
	if ref.Kind != "Secret" {
		return
	}
	for i, f := range fields {
		if strings.HasPrefix(f.Path, "data") || strings.HasPrefix(f.Path, "stringData") || strings.Contains(f.Path, "last-applied") {
			fields[i].Old, fields[i].New = masked(f.Old), masked(f.New)
		}
	}
}

func masked(v any) any {
	if v == nil {
		return nil
	}
	return "(secret)"
}

// conflicts refuses what belongs to others, one refusal for each owner.
func (pl *planner) conflicts(c *ClusterPlan) {
	for _, by := range sortedKeys(c.foreign) {
		pl.plan.Refusals = append(pl.plan.Refusals, conflict(c, by))
	}
}

// conflict refuses the objects of c that by manages.
func conflict(c *ClusterPlan, by string) Finding {
	return Finding{
		Cluster: c.Name,
		Message: fmt.Sprintf("%s: managed by %s, not by setup-mesh", andMore(c.foreign[by]), by),
		Hint:    "see what installed it; apply --adopt takes it over",
	}
}

// andMore names the first of refs and counts the others.
func andMore(refs []object.Ref) string {
	if len(refs) == 1 {
		return refs[0].String()
	}
	return fmt.Sprintf("%s and %d more objects", refs[0], len(refs)-1)
}

// certificate states what the plan says of the cluster's intermediate, and
// refuses to change the root of a live cluster.
func (pl *planner) certificate(c *ClusterPlan) {
	root := pl.plan.desired.Root
	ref := object.SecretRef(c.Namespace, object.Cacerts)
	i := slices.IndexFunc(c.Changes, func(ch Change) bool { return ch.Object == ref })
	if root == nil || i < 0 {
		return
	}
	c.RootFingerprint = root.Short()
	live := c.Live.object(ref)
	if live != nil {
		if b, err := certs.ParseBundle(secretData(live)); err == nil {
			c.NotAfter = b.NotAfter()
			if b.RootFingerprint() != root.Fingerprint() {
				pl.refuse(c.Name, "restore certs/root-cert.pem of this mesh; a running istiod ignores another root",
					"the cluster trusts root %s, and the work directory holds root %s", certs.Short(b.RootFingerprint()), root.Short())
				return
			}
		}
	}
	ch := c.Changes[i]
	if !ch.Pending() || !ch.Mint {
		return
	}
	c.NotAfter = pl.plan.world.Now.Add(certs.IntermediateLifetime)
	if end := root.Cert().NotAfter; c.NotAfter.After(end) {
		c.NotAfter = end
	}
	if !root.CanSign() {
		pl.refuse(c.Name, "put certs/root-key.pem back for this apply", "a new intermediate is needed, and the root key is not there to sign it")
	}
}
