package check

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// ambientChecks are about ambient mode: what it meets in a cluster, and what its end would
// leave behind.
func ambientChecks() []Check {
	return []Check{
		claimed("ambient/claimed", order.Ambient),
		{ID: "ambient/enrolled", Severity: Refuses, Asks: []Question{AskEnrolled}, Applies: endsAmbient, Judge: judgeEnrolled},
		{ID: "ambient/rotation", Severity: Refuses, Applies: isAmbient, Judge: judgeAmbientRotation},
		{ID: "ambient/restart", Severity: Warns, Applies: isAmbient, Judge: judgeRestart},
		{ID: IDUnrevoked, Severity: Warns, Applies: isAmbient, Judge: judgeUnrevoked},
		{ID: IDCandidates, Severity: Warns, Asks: []Question{AskCandidates}, Applies: isAmbient, Judge: judgeCandidates},
		{ID: "gateway-api/served", Severity: Refuses, Applies: isAmbient, Judge: judgeServed},
	}
}

func isAmbient(e *Evidence, c *plan.Cluster) bool { return Stays(e, c) && c.Desired.Ambient }

// endsAmbient is a cluster that loses its node proxies.
func endsAmbient(e *Evidence, c *plan.Cluster) bool {
	return ours(e, c) && c.Removing(order.NodeProxies)
}

// otherwiseEnrolled is the label by which somebody has decided about the pods of a
// namespace otherwise than that they are enrolled, "" for none. Pods with sidecars are not:
// https://istio.io/latest/docs/ambient/usage/add-workloads/#pod-selection-logic-for-ambient-and-sidecar-modes
func otherwiseEnrolled(live *unstructured.Unstructured) string {
	labels := live.GetLabels()
	switch {
	case labels[object.LabelDataplane] != "" && labels[object.LabelDataplane] != object.DataplaneAmbient:
		return object.LabelDataplane + "=" + labels[object.LabelDataplane]
	case labels[object.LabelInjection] == "enabled" && !object.Labels(live, object.LabelInjection):
		return object.LabelInjection + "=enabled"
	case labels[object.LabelRevision] != "":
		return object.LabelRevision + "=" + labels[object.LabelRevision]
	}
	return ""
}

// judgeEnrolled refuses to take the agents away from pods that they redirect: these go on
// sending to a proxy that is gone, until they are restarted. What we have enrolled is
// un-enrolled first.
func judgeEnrolled(e *Evidence, c *plan.Cluster) []plan.Finding {
	seen := e.inspection[c.Name]
	switch {
	case seen == nil:
		return nil
	case seen.EnrolledErr != nil:
		return []plan.Finding{plan.Unanswered(seen.EnrolledErr, fmt.Sprintf("could not look for enrolled pods: %v", seen.EnrolledErr))}
	}
	left := slices.DeleteFunc(slices.Clone(seen.Enrolled), func(ref object.Ref) bool {
		ch := c.Planned(ref)
		return ch != nil && ch.Removes()
	})
	if len(left) == 0 {
		return nil
	}
	return []plan.Finding{{
		Object:  left[0],
		Message: fmt.Sprintf("%s enrolled in the ambient mesh, and the proxies of their nodes are to go: they would lose their network", andAre(left)),
		Hint:    "kubectl --context " + c.Context + " label namespace NAMESPACE " + object.LabelDataplane + "- (or pod POD); what a verification has left, setup-mesh verify --clean takes out",
	}}
}

// judgeAmbientRotation refuses to go on with a rotation of the root under node proxies unless
// topology.yaml asks for it. By which roots they know their istiod, older ones read when they
// start, and all are given other roots to judge workloads by with their next certificates: so
// they have to be restarted for each of two steps, and Istio's own test of that is switched
// off. That all trust another root as well, they need not know, and so it can be taken back.
// https://github.com/istio/ztunnel/pull/1775, https://github.com/istio/istio/issues/49648
func judgeAmbientRotation(e *Evidence, _ *plan.Cluster) []plan.Finding {
	r := e.Plan.Wanted.Rotation
	if r == nil || e.Plan.Wanted.RotatesNodes || r.Phase == certs.OldOnly || r.Phase == certs.TrustBoth {
		return nil
	}
	return []plan.Finding{{
		Message: "the mesh is in ambient mode: a rotation of the root goes on only after ztunnel was restarted on every node, twice, and Istio does not test it",
		Hint:    "write " + askRotation + " in topology.yaml, and restart ztunnels when the rotation says so; or lead it back: setup-mesh certs rotate-root --back",
	}}
}

const askRotation = "ambient: {experimental: [" + topology.RootRotation + "]}"

// judgeRestart says what comes after all trust another root as well.
func judgeRestart(e *Evidence, c *plan.Cluster) []plan.Finding {
	if r := e.Plan.Wanted.Rotation; r == nil || r.Phase != certs.TrustBoth {
		return nil
	}
	f := plan.Finding{
		Message: "once this is applied, ztunnel has to be restarted on every node before the rotation of the root goes on: that cuts its long-lived connections",
	}
	for _, it := range c.DaemonSets() {
		if it.Part == order.NodeProxies {
			f.Object, f.Hint = it.Ref, Restart(c.Context, it.Ref)
		}
	}
	if !e.Plan.Wanted.RotatesNodes {
		f.Hint = "write " + askRotation + " in topology.yaml, then " + f.Hint
	}
	return []plan.Finding{f}
}

// IDUnrevoked is the check of CAs that are revoked, and not for ztunnels.
const IDUnrevoked = "ambient/revoked"

// judgeUnrevoked warns where CAs are revoked and ztunnels do not ask for revocation lists, as
// they do not unless they are told to.
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/ztunnel/values.yaml (peerCaCrl)
func judgeUnrevoked(e *Evidence, c *plan.Cluster) []plan.Finding {
	if !e.Plan.Wanted.Revoked.InForce() || c.Desired.Manifest == nil {
		return nil
	}
	if asks, _, _ := unstructured.NestedBool(c.Desired.Manifest.Spec, "values", "ztunnel", "peerCaCrl", "enabled"); asks {
		return nil
	}
	return []plan.Finding{{
		Message: "CAs are revoked (certs/revoked.json), and its ztunnels trust them all the same: they do not ask for revocation lists",
		Hint:    "set values.ztunnel.peerCaCrl.enabled: true in base.yaml",
	}}
}

func andAre(refs []object.Ref) string {
	if len(refs) == 1 {
		return refs[0].String() + " is"
	}
	return andMore(refs) + " are"
}

// IDCandidates is the check of Gateways that are taken for those of networks.
const IDCandidates = "ambient-gateway/candidates"

// judgeCandidates finds Gateways that istiods take for the one of a network that has one of
// ours: of several, an arbitrary one is used, and another one after a restart.
// https://github.com/istio/istio/issues/56960
func judgeCandidates(e *Evidence, c *plan.Cluster) []plan.Finding {
	gateways := e.Probes[c.Name].Gateways
	if seen := e.inspection[c.Name]; seen != nil {
		if gateways = seen.Gateways; seen.GatewaysErr != nil {
			return []plan.Finding{plan.Unanswered(seen.GatewaysErr, fmt.Sprintf("could not look for other gateways between networks: %v", seen.GatewaysErr))}
		}
	}
	var out []plan.Finding
	for _, g := range gateways {
		owner := e.besides(c, g)
		if owner == nil {
			continue
		}
		ref := object.RefOf(g)
		unlabel := fmt.Sprintf("take its label off: kubectl --context %s -n %s label %s %s %s-", c.Context, ref.Namespace, gatewayKind, ref.Name, object.LabelNetwork)
		f := plan.Finding{
			Object:  ref,
			Message: fmt.Sprintf("%s is a second gateway of network %s, beside that of %s: an arbitrary one is used", ref, owner.Network, owner.Name),
			Hint:    "delete it, or " + unlabel,
		}
		if object.Ours(g) {
			f.Message = fmt.Sprintf("%s has a label %s, by which it is used beside contexts.%s.gateway.addresses", ref, object.LabelNetwork, owner.Context)
			f.Hint = unlabel
		}
		out = append(out, f)
	}
	return out
}

// gatewayKind is that of Gateways, of which Istio has others, as kubectl takes it.
const gatewayKind = "gateways.gateway.networking.k8s.io"

// besides is the cluster of whose network istiods take a Gateway in c, beside the one that
// it has; nil for a Gateway that is right. One of ours is right unless somebody has labelled
// it.
func (e *Evidence) besides(c *plan.Cluster, g *unstructured.Unstructured) *plan.Cluster {
	network := g.GetLabels()[object.LabelNetwork]
	i := slices.IndexFunc(e.Plan.Clusters, func(o *plan.Cluster) bool { return o.Desired != nil && o.Desired.HBONE && o.Network == network })
	if i < 0 || !leadsTo(e.Plan.Clusters[i], c, g) {
		return nil
	}
	if it := c.Item(object.RefOf(g)); object.Ours(g) && (it == nil || it.Object.GetLabels()[object.LabelNetwork] != "") {
		return nil
	}
	return e.Plan.Clusters[i]
}

// Ambiguous are the clusters in which istiods of c take a Gateway for that of the network of
// owner, beside the one that it has: in their own those that stand for others.
func (e *Evidence) Ambiguous(c, owner *plan.Cluster) []string {
	var out []string
	for _, in := range e.Plan.Clusters {
		class := manifest.EastWestClass
		if in == c {
			class = manifest.RemoteClass
		}
		read := isAmbient(e, in) && (in == c || slices.Contains(c.Reads, in.Name))
		if read && slices.ContainsFunc(e.Probes[in.Name].Gateways, func(g *unstructured.Unstructured) bool { return classOf(g) == class && e.besides(in, g) == owner }) {
			out = append(out, in.Name)
		}
	}
	return out
}

func classOf(gateway *unstructured.Unstructured) string {
	class, _, _ := unstructured.NestedString(gateway.Object, "spec", "gatewayClassName")
	return class
}

// leadsTo says whether istiods take a Gateway in c for one of the network of owner: any in
// the clusters that they read, and in their own those that stand for others.
func leadsTo(owner, c *plan.Cluster, g *unstructured.Unstructured) bool {
	switch classOf(g) {
	case manifest.EastWestClass:
		return true
	case manifest.RemoteClass:
		return owner.Network != c.Network
	}
	return false
}

// judgeServed refuses CRDs of the Gateway API that are kept and too old: istiod does not
// see objects of theirs, and ours cannot be made.
func judgeServed(_ *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, ch := range c.Changes {
		if live := c.Live.Object(ch.Object); ch.Component == order.GatewayAPI && ch.Theirs != "" && !serves(live, "v1") {
			out = append(out, plan.Finding{
				Object: ch.Object, Manager: ch.Theirs,
				Message: fmt.Sprintf("%s, managed by %s, does not serve v1", ch.Object, ch.Theirs),
				Hint:    "upgrade the CRDs of the Gateway API: https://gateway-api.sigs.k8s.io/guides/",
			})
		}
	}
	return out
}

// serves says whether a CRD has objects in a version.
func serves(crd *unstructured.Unstructured, version string) bool {
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	return slices.ContainsFunc(versions, func(v any) bool {
		m, _ := v.(map[string]any)
		return m["name"] == version && m["served"] == true
	})
}

// ambient needs what the proofs of an ambient cluster do: they wait for what runs on nodes,
// and for the gateway that istiod makes.
func (n needs) ambient(c *plan.Cluster) {
	if !c.Desired.Ambient {
		return
	}
	for _, it := range c.DaemonSets() {
		n.add(it.Ref, "list", "watch")
		n.add(object.Ref{Kind: "Pod", Namespace: it.Ref.Namespace}, "list")
	}
	if c.Desired.HBONE {
		n.add(object.AmbientGatewayRef(c.Namespace), "get")
		n.add(object.AmbientGatewayServiceRef(c.Namespace), "get")
		n.add(object.AmbientWorkloadRef(c.Namespace), "get")
		n.add(object.GatewayRef(c.Namespace), "list", "watch")
		n.add(object.Ref{Kind: "Event", Namespace: c.Namespace}, "list")
	}
}
