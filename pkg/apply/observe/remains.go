package observe

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// made are the kinds whose objects come and go with others, whoever made these.
var made = map[schema.GroupKind]bool{
	{Kind: "Endpoints"}: true, {Kind: "Event"}: true, {Group: "events.k8s.io", Kind: "Event"}: true,
}

// readRemains reads what an uninstall has to know of l beside its own objects.
// spaces are namespaces of users, which are to go too.
func readRemains(ctx context.Context, l *world.Connected, spaces []string) world.Remains {
	r := newRemainsReader(l)
	// istiod writes the root certificate into every namespace:
	// https://istio.io/latest/docs/concepts/security/#pki
	r.each(ctx, schema.GroupKind{Kind: "ConfigMap"}, "", "istio.io/config=true", func(o *unstructured.Unstructured) {
		if o.GetNamespace() != l.Namespace && slices.Contains(object.Managers(o), world.IstiodManager) {
			r.found.ByProducts = append(r.found.ByProducts, object.RefOf(o))
		}
	})
	if l.Object(object.NamespaceRef(l.Namespace)) != nil {
		spaces = append(spaces, l.Namespace)
	}
	for ref, seen := range l.Objects {
		if object.IsCRD(ref) && seen.Object != nil {
			r.each(ctx, ServedKind(seen.Object), "", "", func(o *unstructured.Unstructured) {
				if _, recorded := l.Objects[object.RefOf(o)]; !recorded {
					r.found.InUse = append(r.found.InUse, object.RefOf(o))
				}
			})
		}
	}
	r.namespaces(ctx, spaces)
	if wasAmbient(l.Live) {
		r.each(ctx, schema.GroupKind{Group: object.GatewayAPIGroup, Kind: "GatewayClass"}, "", "", func(o *unstructured.Unstructured) { r.classes = append(r.classes, o) })
		r.each(ctx, schema.GroupKind{Group: object.GatewayAPIGroup, Kind: "Gateway"}, "", "", func(o *unstructured.Unstructured) { r.gateways = append(r.gateways, o) })
	}
	return r.remains(ctx)
}

// wasAmbient says whether a cluster is, or was, of an ambient mesh: its istiod has made
// classes of Gateways then.
func wasAmbient(l *world.Live) bool {
	return slices.ContainsFunc(world.RecordedIn(l), func(o record.Recorded) bool {
		return o.Component == order.Ztunnel || object.IsGatewayAPI(o.Ref)
	})
}

// ReadSpaces reads what else is in namespaces of users that are to go; it asks nothing
// where there are none.
func ReadSpaces(ctx context.Context, l *world.Connected, spaces []string) world.Remains {
	r := newRemainsReader(l)
	r.namespaces(ctx, spaces)
	return r.remains(ctx)
}

// unwantedSpaces are the namespaces that came with copies, or to be labelled, and that
// are not wanted now.
func unwantedSpaces(l *world.Live, wanted []*desired.Item) []string {
	var out []string
	for _, o := range world.RecordedIn(l) {
		_, labelled := o.Component.Labels()
		if o.Part != order.Spaces && !labelled || slices.ContainsFunc(wanted, func(it *desired.Item) bool { return it.Ref == o.Ref }) {
			continue
		}
		if live := l.Object(o.Ref); live != nil && object.IsOurNamespace(live) {
			out = append(out, o.Name)
		}
	}
	return out
}

// A remainsReader lists several kinds at once.
type remainsReader struct {
	live  *world.Connected
	group *errgroup.Group
	mu    sync.Mutex
	found world.Remains
	seen  []*unstructured.Unstructured // all that is in namespaces which are to go
	// forbidden are kinds that the user may not list, without a name.
	forbidden []object.Ref
	// classes and gateways are all of the Gateway API, of a cluster of an ambient mesh.
	classes, gateways []*unstructured.Unstructured
}

func newRemainsReader(l *world.Connected) *remainsReader {
	return &remainsReader{live: l, group: limited(readsAtOnce), found: world.Remains{Foreign: map[string][]object.Ref{}}}
}

// each shows every object of a list to add, one at a time.
func (r *remainsReader) each(ctx context.Context, kind schema.GroupKind, namespace, selector string, add func(*unstructured.Unstructured)) {
	r.group.Go(func() error {
		list, err := r.live.Cluster.List(ctx, kind, namespace, selector)
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case err == nil, object.Absent(err):
		case object.ClassOf(err) == object.Forbidden:
			r.forbidden = append(r.forbidden, object.Of(kind, namespace))
		default:
			r.found.Err = errors.Join(r.found.Err, err)
		}
		for _, o := range list {
			add(o)
		}
		return nil
	})
}

// contents collects all objects of these kinds in a namespace.
func (r *remainsReader) contents(ctx context.Context, namespace string, kinds []schema.GroupKind) {
	for _, kind := range kinds {
		if !made[kind] {
			r.each(ctx, kind, namespace, "", func(o *unstructured.Unstructured) { r.seen = append(r.seen, o) })
		}
	}
}

// namespaces collects all that is in namespaces which are to go, of whatever kind:
// others may have put anything there, and it would go with the namespace.
func (r *remainsReader) namespaces(ctx context.Context, namespaces []string) {
	if len(namespaces) == 0 {
		return
	}
	kinds, err := r.live.Cluster.Contents(ctx)
	if err != nil {
		r.mu.Lock()
		r.found.Err = errors.Join(r.found.Err, err)
		r.mu.Unlock()
	}
	for _, namespace := range namespaces {
		r.contents(ctx, namespace, kinds)
	}
}

// remains waits for all lists.
func (r *remainsReader) remains(ctx context.Context) world.Remains {
	_ = r.group.Wait() // the functions return nil
	r.found.SortAll(r.live.Live, r.seen)
	r.found.SortClasses(r.live.Live, r.classes, r.gateways)
	if r.found.Err == nil && len(r.forbidden) > 0 {
		r.found.Err = forbiddenKinds(ctx, r.live, r.forbidden)
	}
	slices.SortFunc(r.found.ByProducts, object.CompareRefs)
	slices.SortFunc(r.found.InUse, object.CompareRefs)
	for _, refs := range r.found.Foreign {
		slices.SortFunc(refs, object.CompareRefs)
	}
	return r.found
}

// ServedKind is the kind that a CustomResourceDefinition defines.
func ServedKind(crd *unstructured.Unstructured) schema.GroupKind {
	var k schema.GroupKind
	k.Group, _, _ = unstructured.NestedString(crd.Object, "spec", "group")
	k.Kind, _, _ = unstructured.NestedString(crd.Object, "spec", "names", "kind")
	return k
}
