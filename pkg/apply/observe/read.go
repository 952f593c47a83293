package observe

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/rbac"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// readsAtOnce bounds the requests under way to one API server.
const readsAtOnce = 16

// listsAtOnce bounds the lists that one of n clusters is asked for at once: their
// answers wait in memory until they are decoded. Of one cluster that hangs, no other
// has to take notice.
func listsAtOnce(n int) int {
	const all, least = 200, 2
	return min(readsAtOnce, max(least, all/max(n, 1)))
}

// readObjects reads all that is wanted or recorded. A cluster with a record
// holds most of it, and is asked for lists; one without is asked for each
// object that can be there.
func (ob observer) readObjects(ctx context.Context, l *world.Connected, wanted []*desired.Item) error {
	refs := map[object.Ref]*desired.Item{}
	for _, it := range wanted {
		refs[it.Ref] = it
	}
	switch {
	case l.Record != nil:
		addRecorded(refs, l.Record)
		if err := ob.readLists(ctx, l, refs, l.Record.Mesh); err != nil {
			return err
		}
	default:
		if err := ob.recoverRecord(ctx, l, refs); err != nil {
			return err
		}
	}
	return readMissing(ctx, l, refs)
}

// readMissing asks for each of refs of which nothing is known.
func readMissing(ctx context.Context, l *world.Connected, refs map[object.Ref]*desired.Item) error {
	var missing []object.Ref
	namespace := l.Objects[object.NamespaceRef(l.Namespace)]
	for ref := range refs {
		switch _, known := l.Objects[ref]; {
		case known:
		case l.Listed(ref):
			l.Objects[ref] = world.Observed{}
		case ref.Namespace == l.Namespace && namespace.Object == nil && namespace.Err == nil:
			l.Objects[ref] = world.Observed{}
		default:
			missing = append(missing, ref)
		}
	}
	g := limited(readsAtOnce)
	var mu sync.Mutex
	for _, ref := range missing {
		g.Go(func() error {
			o, err := l.Cluster.Get(ctx, ref)
			if object.Absent(err) {
				err = nil
			}
			mu.Lock()
			defer mu.Unlock()
			l.Objects[ref] = world.Observed{Object: o, Err: err}
			return nil
		})
	}
	return g.Wait()
}

// addRecorded adds what is recorded to refs, with nil for what is not wanted.
func addRecorded(refs map[object.Ref]*desired.Item, r *record.Record) {
	for _, o := range r.Objects {
		if _, there := refs[o.Ref]; !there {
			refs[o.Ref] = nil
		}
	}
}

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
		found.Objects = append(found.Objects, record.Recorded{Ref: ref, Subject: desired.SubjectOf(ref, sharedComponent(seen.Object))})
	}
	found.Sort()
	if l.Lost = l.Lost || whole; l.Lost {
		l.Record = found
	}
	addRecorded(refs, found)
	return nil
}

// isNew says whether nothing of ours is seen in a cluster: no namespace, and nothing
// of what is wanted, which CRDs are a part of. Such a cluster is not searched.
func (ob observer) isNew(ctx context.Context, l *world.Connected, wanted map[object.Ref]*desired.Item) (bool, error) {
	if err := ob.readLists(ctx, l, map[object.Ref]*desired.Item{object.NamespaceRef(""): nil}, ob.mesh); err != nil {
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

// sharedComponent is what a copy of another cluster's Service belongs to, or the
// namespace that came with it.
func sharedComponent(o *unstructured.Unstructured) order.Component {
	if o.GetAnnotations()[object.AnnotationSharedFrom] != "" || o.GetKind() == "Namespace" {
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
	{Group: "telemetry.istio.io", Kind: "Telemetry"},
}

// readLists lists the kinds of refs by our label. A list that fails settles
// nothing: its objects are asked for one by one, and name the error. Of what
// many clusters hold alike, CRDs above all, only one copy stays: the wanted one.
func (ob observer) readLists(ctx context.Context, l *world.Connected, refs map[object.Ref]*desired.Item, mesh string) error {
	kinds := map[object.Ref]bool{}
	for r := range refs {
		kinds[object.Of(r.GroupKind(), r.Namespace)] = true
	}
	g := limited(ob.lists)
	var mu sync.Mutex
	for k := range kinds {
		if k.Kind == "Namespace" && l.Record != nil || l.Listed(k) {
			continue // read before
		}
		g.Go(func() error {
			list, err := l.Cluster.List(ctx, k.GroupKind(), k.Namespace, object.LabelMesh+"="+mesh)
			if err != nil && !object.Absent(err) && object.ClassOf(err) != object.Forbidden {
				return err
			}
			for _, o := range list {
				if it := refs[object.RefOf(o)]; it != nil {
					object.Share(it.Object.Object, o.Object)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			for _, o := range list {
				if ref := object.RefOf(o); !l.Ending[ref] { // as good as gone
					l.Objects[ref] = world.Observed{Object: o}
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// dryRun asks the API server about every object that is there, is ours or to be
// adopted, and is not plainly as wanted.
func dryRun(ctx context.Context, l *world.Connected, wanted []*desired.Item, adopt bool) {
	g := limited(readsAtOnce)
	var mu sync.Mutex
	objects := maps.Clone(l.Objects) // l.Objects is written to below
	for _, it := range wanted {
		seen := objects[it.Ref]
		if seen.Object == nil || seen.Err != nil {
			continue
		}
		want := desired.WantedObject(it, seen.Object)
		if l.Record.Hash(it.Ref) == it.Hash && compare.Holds(want.Object, seen.Object.Object) && compare.Owned(want.Object, object.Applied(seen.Object)) {
			continue
		}
		mine := object.Ours(seen.Object)
		adopted := adopt && object.Strangers(it.Ref, seen.Object) != ""
		if !mine && !adopted && it.Ref.Kind != "Namespace" {
			continue
		}
		g.Go(func() error {
			seen.Dry, seen.DryErr = l.Cluster.Apply(ctx, want, object.ApplyOptions{DryRun: true, Force: mine || adopted})
			if seen.Dry != nil {
				object.Share(want.Object, seen.Dry.Object)
			}
			mu.Lock()
			defer mu.Unlock()
			l.Objects[it.Ref] = seen
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
}

// unreadable is why l was not read whole, nil if it was. Nothing is done in a
// cluster of which a part is unknown. Missing permissions are named together.
func unreadable(ctx context.Context, l *world.Connected) error {
	var refs []object.Ref
	for _, ref := range slices.SortedFunc(maps.Keys(l.Objects), object.CompareRefs) { // the same error each time
		switch err := l.Objects[ref].Err; {
		case err == nil:
		case object.ClassOf(err) == object.Forbidden:
			refs = append(refs, ref)
		default:
			return err
		}
	}
	if len(refs) == 0 {
		return nil
	}
	return forbiddenKinds(ctx, l, refs)
}

// forbiddenKinds says that the user may not read the kinds of refs.
func forbiddenKinds(ctx context.Context, l *world.Connected, refs []object.Ref) error {
	kinds := map[string]bool{}
	for _, r := range refs {
		kinds[r.Kind] = true
	}
	return forbiddenReading(ctx, l, &object.Error{
		Class: object.Forbidden, Context: l.Context, Op: "read all objects",
		Message: "the user of the context may not read " + strings.Join(object.SortedKeys(kinds), ", "),
	}, refs)
}

// unconnected is why it is not known which cluster l is, or what it remembers.
// A user without that permission most likely lacks it for the rest too.
func unconnected(ctx context.Context, l *world.Connected, err error, wanted []*desired.Item) error {
	e, ok := errors.AsType[*object.Error](err)
	if !ok || e.Class != object.Forbidden {
		return err
	}
	refs := []object.Ref{kubeSystemRef, object.NamespaceRef(l.Namespace), record.Ref(l.Namespace)}
	for _, it := range wanted {
		refs = append(refs, it.Ref)
	}
	return forbiddenReading(ctx, l, e, refs)
}

// forbiddenReading adds to err what lets the user read refs.
func forbiddenReading(ctx context.Context, l *world.Connected, err *object.Error, refs []object.Ref) error {
	user, userErr := l.Cluster.User(ctx)
	out := *err
	out.Hint = "that user needs get and list on all that is to be read: " + rbac.GrantIt
	if userErr != nil {
		out.Hint += ", and bind the roles to that user"
	}
	var missing []object.Access
	for _, r := range refs {
		missing = append(missing, object.AccessTo("get", r), object.AccessTo("list", r))
	}
	out.Detail = rbac.Grant(user, l.RolesNamespace(), missing)
	return &out
}

// kubeSystemRef is the namespace whose UID a cluster is known by.
var kubeSystemRef = object.NamespaceRef("kube-system")

func limited(n int) *errgroup.Group {
	var g errgroup.Group
	g.SetLimit(n)
	return &g
}
