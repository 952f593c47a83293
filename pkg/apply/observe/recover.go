package observe

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// recoverRecord makes up for a record that is gone: what has our label and our
// manager is what we put there. Without it, what nobody wants would stay for ever.
// Where Istio's namespace is not ours, or gone, only what is in none can be left.
// CRDs alone are no loss: those that were in use when the cluster left have
// outlived the record, and are on the next one.
func (ob observer) recoverRecord(ctx context.Context, l *world.Connected, refs map[object.Ref]*desired.Item) error {
	namespace := l.Object(object.NamespaceRef(l.Namespace))
	whole := object.Ours(namespace)
	if whole && namespace.GetLabels()[object.LabelMesh] != ob.mesh {
		l.Lost, l.Record = true, &record.Record{Format: record.RecordFormat, Mesh: namespace.GetLabels()[object.LabelMesh], Cluster: l.Name}
		return nil // that mesh's, and nothing to us
	}
	if !whole && !l.Leaving {
		if fresh, err := ob.isNew(ctx, l, refs); fresh || err != nil {
			return err
		}
	}
	if err := ob.readLists(ctx, l, recovered(whole), ob.mesh); err != nil {
		return err
	}
	found := &record.Record{Format: record.RecordFormat, Mesh: ob.mesh, Cluster: l.Name}
	if at := l.OtherNamespace(); at != "" && !whole {
		if !l.Leaving {
			l.Elsewhere = map[string]world.Stored{at: {Record: found}}
			return nil // a check refuses it
		}
		l.Namespace, whole = at, true
		if err := ob.readLists(ctx, l, recovered(whole), ob.mesh); err != nil {
			return err
		}
	}
	for ref, seen := range l.Objects {
		if ref == object.NamespaceRef(l.Namespace) || !object.Ours(seen.Object) || ref == record.Ref(l.Namespace) {
			continue
		}
		l.Lost = l.Lost || !object.IsCRD(ref)
		found.Objects = append(found.Objects, record.Recorded{Ref: ref, Subject: desired.SubjectOf(ref, lentComponent(seen.Object))})
	}
	found.Sort()
	if l.Lost = l.Lost || whole; l.Lost {
		l.Record = found
	}
	addRecorded(refs, found)
	return nil
}

// isNew says whether nothing of ours is seen in a cluster: nothing of what is wanted,
// no namespace, no ClusterRole and no CRD. Of what is in no namespace, every role has
// a ClusterRole, whatever it is called now: it comes before webhooks and goes after
// them. Such a cluster is not searched.
func (ob observer) isNew(ctx context.Context, l *world.Connected, wanted map[object.Ref]*desired.Item) (bool, error) {
	crd := object.Ref{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	signs := map[object.Ref]*desired.Item{object.NamespaceRef(""): nil, {Group: object.RBACGroup, Kind: "ClusterRole"}: nil, crd: nil}
	for ref := range wanted {
		if object.IsCRD(ref) {
			delete(signs, crd) // all are wanted, and asked for one by one
		}
	}
	if err := ob.readLists(ctx, l, signs, ob.mesh); err != nil {
		return false, err
	}
	if err := readMissing(ctx, l, wanted); err != nil {
		return false, err
	}
	for _, seen := range l.Objects {
		if seen.Err != nil || object.Ours(seen.Object) {
			return false, nil
		}
	}
	return true, nil
}

// recovered are the lists that tell what is ours: of all kinds, or of those whose
// objects are in no namespace.
func recovered(whole bool) map[object.Ref]*desired.Item {
	kinds := map[object.Ref]*desired.Item{}
	for _, k := range recoveredKinds {
		if r, _ := object.ResourceOf(k); whole || !r.Namespaced {
			kinds[object.Of(k, "")] = nil
		}
	}
	return kinds
}

// lentComponent is what a copy of another cluster's Service belongs to, or a namespace
// that came with it or is labelled.
func lentComponent(o *unstructured.Unstructured) order.Component {
	switch {
	case o.GetKind() == "Namespace" && object.Labels(o, object.LabelInjection):
		return order.Injection
	case o.GetKind() == "Namespace" && object.Labels(o, object.LabelDataplane):
		return order.Ambient
	case o.GetKind() == "Namespace", o.GetAnnotations()[object.AnnotationSharedFrom] != "":
		return order.SharedServices
	}
	return ""
}

// recoveredKinds are the kinds of all that we ever put into a cluster.
var recoveredKinds = []schema.GroupKind{
	{Kind: "Namespace"}, {Kind: "ConfigMap"}, {Kind: "Secret"}, {Kind: "Service"}, {Kind: "ServiceAccount"},
	{Group: "apps", Kind: "Deployment"}, {Group: "apps", Kind: "DaemonSet"},
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}, {Group: "policy", Kind: "PodDisruptionBudget"},
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}, {Group: "networking.k8s.io", Kind: "NetworkPolicy"},
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}, {Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"},
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, {Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"},
	{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"},
	{Group: "admissionregistration.k8s.io", Kind: "MutatingWebhookConfiguration"},
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingWebhookConfiguration"},
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicy"},
	{Group: "admissionregistration.k8s.io", Kind: "ValidatingAdmissionPolicyBinding"},
	{Group: "networking.istio.io", Kind: "Gateway"}, {Group: "networking.istio.io", Kind: "VirtualService"},
	{Group: "networking.istio.io", Kind: "EnvoyFilter"}, {Group: "security.istio.io", Kind: "PeerAuthentication"},
	{Group: "telemetry.istio.io", Kind: "Telemetry"}, {Group: object.GatewayAPIGroup, Kind: "Gateway"},
}
