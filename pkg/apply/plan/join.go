package plan

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// join plans a cluster of the topology.
func (pl *planner) join(c *Cluster) {
	d := c.Desired
	c.Reads, c.ReadBy, c.Addresses = d.Reads, d.ReadBy, hostPorts(d)
	c.New = c.Live.Record == nil || c.Live.Record.Manifest == nil
	c.Profile, _ = d.Manifest.Spec["profile"].(string)
	if !c.New {
		c.Manifest = ManifestFields(c.Live.Record.Manifest, d.Manifest)
		pl.changedMember(c)
	}
	var wanted []*desired.Item
	for _, it := range slices.Concat(d.Items, pl.plan.Shared.Items[c.Name]) {
		it = pl.grants.Item(it, c.Name)
		wanted = append(wanted, it)
		c.Changes = append(c.Changes, pl.decide(c, it))
	}
	pl.prune(c, wanted)
	pl.certificate(c)
	if d.Gateway {
		port := object.DiscoveryPort // what remote clusters use of it
		if d.Exposed {
			port = object.GatewayPort
		}
		c.Gateway = c.Live.Reach.At(port)
	} else if d.HBONE {
		c.Gateway = c.Live.TunnelAddress()
	}
	slices.SortStableFunc(c.Changes, func(a, b Change) int {
		return slices.Index(order.Components(), a.Component) - slices.Index(order.Components(), b.Component)
	})
}

// hostPorts are the addresses of a gateway that the topology names: "192.0.2.1:15443".
func hostPorts(d *desired.Cluster) []string {
	port := d.Address.Port
	if d.HBONE {
		port = d.Address.HBONEPort()
	}
	var out []string
	for _, host := range d.Address.Addresses {
		out = append(out, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	return out
}

// changedMember notes what the cluster was in the mesh, where it is something else
// now.
func (pl *planner) changedMember(c *Cluster) {
	m := c.Before()
	if m != nil && (m.Role != c.Role || m.Network != c.Network || !slices.Equal(m.Primaries, c.Primaries)) {
		c.Was = m
	}
}

// Before is the member as the record of c has it, nil if it does not.
func (c *Cluster) Before() *record.Member {
	if c.Live.Record == nil {
		return nil
	}
	for _, m := range c.Live.Record.Members {
		if m.UID == c.UID {
			return &m
		}
	}
	return nil
}

// ManifestFields lists how the spec of an IstioControlPlane differs from the one
// last applied, and where each new value comes from.
func ManifestFields(applied map[string]any, m *manifest.Manifest) []compare.Field {
	var out []compare.Field
	compare.DiffValue(&out, "spec", compare.PlainJSON(applied), compare.PlainJSON(m.Spec))
	compare.SortFields(out)
	for i, f := range out {
		switch at := m.At(f.Path); {
		case f.New == nil:
			out[i].Source = compare.FromProfile
		case at.IsZero():
			out[i].Source = compare.FromRelease
		default:
			out[i].Source = at.String()
		}
	}
	return out
}

// decide compares one wanted object with the live one. One that somebody else
// manages is left alone, unless it may be adopted; checks refuse that, unless it does
// what ours would.
func (pl *planner) decide(c *Cluster, it *desired.Item) Change {
	seen := c.Live.Objects[it.Ref]
	ch := Change{Subject: it.Subject, Object: it.Ref, Wanted: it.Hash, Action: Keep, From: it.Object.GetAnnotations()[object.AnnotationSharedFrom], Item: it}

	if seen.Err != nil {
		ch.Action, ch.Blocked, ch.Hint = Unknown, seen.Err.Error(), object.HintOf(seen.Err)
		return ch
	}
	if seen.Object == nil {
		ch.Action, ch.Mint = Create, it.Late != nil
		return ch
	}
	ch.UID = string(seen.Object.GetUID())
	if ch.Theirs = it.KeptBy(seen.Object); ch.Theirs != "" {
		return ch
	}
	by := object.Strangers(it.Ref, seen.Object)
	if by != "" && !pl.plan.Options.Adopt {
		if i, ok := it.Late.(*desired.Intermediate); ok && i.Judge(pl.plan.World, seen.Object) == "" {
			ch.Theirs = by
		}
		return ch
	}
	pl.update(c, &ch, it, seen)
	if by != "" {
		ch.Action = Update
		if ch.Reason != "" {
			by += "; " + ch.Reason
		}
		ch.Reason = "adopted from " + by
	}
	return ch
}

// update plans an object that is there and ours, or to be adopted.
func (pl *planner) update(c *Cluster, ch *Change, it *desired.Item, seen world.Observed) {
	if it.Late != nil {
		ch.Reason = it.Late.Judge(pl.plan.World, seen.Object)
		ch.Mint = ch.Reason != ""
	}
	again := madeAnew(it, seen.Object)
	if Unvalidated(ch.Part, seen.DryErr) {
		ch.Action, ch.Reason = Update, "not compared: no istiod validates it now"
		return
	}
	if seen.DryErr != nil && (again == "" || !object.Immutable(seen.DryErr)) {
		return // a check refuses it
	}
	applied := c.Live.Record.Hash(it.Ref) == it.Hash
	if seen.Dry != nil {
		ch.Fields = compare.Fields(seen.Object, seen.Dry)
		if applied {
			ch.Fields = slices.DeleteFunc(ch.Fields, func(f compare.Field) bool { return enforced(it.Object, seen.Object, f) })
		}
		maskSecret(it.Ref, ch.Fields)
	}
	if again != "" {
		ch.Replace, ch.Reason = true, "recreated: "+again
	}
	if ch.Reason == "" && len(ch.Fields) == 0 {
		return
	}
	ch.Action = Update
	if len(ch.Fields) > 0 && applied {
		ch.Managers = ChangedBy(seen.Object, ch.Fields)
	}
}

// Unvalidated says whether the dry run of an object of a part failed because nobody
// could validate it. What istiod validates is applied after an istiod answers: that
// none does is what the apply is to mend.
func Unvalidated(part order.Part, dryErr error) bool {
	return part == order.Mesh && object.ClassOf(dryErr) == object.Webhook
}

// madeAnew is why an object has to be deleted and created, "" for one that can be
// changed.
func madeAnew(it *desired.Item, live *unstructured.Unstructured) string {
	if it.Component == order.SharedServices && desired.TurnsHeadless(it, live) {
		return "clusterIP is immutable"
	}
	if it.Part == order.Service && HasSelector(live) && !object.Ours(live) {
		return "another tool owns its selector" // an apply leaves what others own
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

// certificate states what the plan says of the cluster's intermediate.
func (pl *planner) certificate(c *Cluster) {
	root := pl.plan.Wanted.Root
	ch := c.Planned(object.SecretRef(c.Namespace, object.Cacerts))
	if root == nil || ch == nil {
		return
	}
	c.RootFingerprint = root.Short()
	if live := c.Live.Object(ch.Object); live != nil {
		if b, err := certs.ParseBundle(desired.SecretData(live)); err == nil {
			c.NotAfter = b.NotAfter()
			if !b.Root().Related(root) {
				return
			}
		}
	}
	if !ch.Pending() || !ch.Mint {
		return
	}
	if late, ok := ch.Item.Late.(*desired.Intermediate); ok {
		if b, imported := late.Ready(c.Live.Object(ch.Object), pl.plan.World.Now); b != nil {
			c.NotAfter, c.Imported, c.SameCA = b.NotAfter(), imported, !imported
			return
		}
	}
	if root.Outside() {
		c.NotAfter, c.Outside = time.Time{}, true
		return
	}
	c.NotAfter = pl.plan.World.Now.Add(certs.IntermediateLifetime)
	if root.Tiered() {
		c.Issuer = root.IssuerName()
	}
	if _, end := root.Span(); c.NotAfter.After(end) {
		c.NotAfter = end
	}
}

// Planned is what is planned for an object of c, nil for nothing.
func (c *Cluster) Planned(ref object.Ref) *Change {
	i := slices.IndexFunc(c.Changes, func(ch Change) bool { return ch.Object == ref })
	if i < 0 {
		return nil
	}
	return &c.Changes[i]
}
