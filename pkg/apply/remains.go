package apply

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
)

// demoted says whether l, a remote cluster, has been a primary: what belongs to
// a control plane of its own is on record.
func demoted(l *Live) bool {
	return l.remote() && l.Record != nil && slices.ContainsFunc(l.Record.Objects, func(o Recorded) bool {
		return isCRD(o.Ref) || o.Ref == istiodRef(l.Namespace)
	})
}

// sharedByProducts are what an istiod writes into every cluster that it leads,
// its own or a remote one: the root certificate, revocations, and who leads.
var sharedByProducts = []string{rootConfigMap, "istio-ca-crl", "istio-namespace-controller-election"}

// istiodManager is the field manager of what istiod writes by itself.
const istiodManager = "pilot-discovery"

// contentKinds are the kinds that make a namespace somebody's: while it holds
// one that is not ours, it stays.
var contentKinds = []schema.GroupVersionKind{
	{Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "Secret"},
	{Version: "v1", Kind: "Service"},
	{Version: "v1", Kind: "ServiceAccount"},
	{Version: "v1", Kind: "Pod"},
	{Version: "v1", Kind: "PersistentVolumeClaim"},
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"},
	{Group: "apps", Version: "v1", Kind: "DaemonSet"},
	{Group: "coordination.k8s.io", Version: "v1", Kind: "Lease"},
}

// made are the kinds whose objects come and go with others, whoever made these.
var made = map[schema.GroupKind]bool{
	{Kind: "Endpoints"}: true, {Kind: "Event"}: true, {Group: "events.k8s.io", Kind: "Event"}: true,
}

// readRemains reads what an uninstall has to know of l beside its own objects.
// spaces are namespaces of copies, which are to go too.
func readRemains(ctx context.Context, l *Live, spaces []string) Remains {
	r := newRemainsReader(l)
	// istiod writes the root certificate into every namespace:
	// https://istio.io/latest/docs/concepts/security/#pki
	r.each(ctx, schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, "", "istio.io/config=true", func(o *unstructured.Unstructured) {
		if o.GetNamespace() != l.Namespace && slices.Contains(managers(o), istiodManager) {
			r.found.ByProducts = append(r.found.ByProducts, kube.RefOf(o))
		}
	})
	if l.object(namespaceRef(l.Namespace)) != nil {
		r.contents(ctx, l.Namespace, contentKinds)
	}
	for ref, seen := range l.Objects {
		if isCRD(ref) && seen.Object != nil {
			r.each(ctx, servedKind(seen.Object), "", "", func(o *unstructured.Unstructured) {
				if _, recorded := l.Objects[kube.RefOf(o)]; !recorded {
					r.found.InUse = append(r.found.InUse, kube.RefOf(o))
				}
			})
		}
	}
	r.shared(ctx, spaces)
	return r.remains(ctx)
}

// readShared reads what else is in the namespaces of copies that are to go; it asks
// nothing where there are none.
func readShared(ctx context.Context, l *Live, spaces []string) Remains {
	r := newRemainsReader(l)
	r.shared(ctx, spaces)
	return r.remains(ctx)
}

// sharedNamespaces are those that came with copies, and that nobody wants any
// more.
func sharedNamespaces(l *Live, wanted []*Item) []string {
	var out []string
	for _, o := range recordedIn(l) {
		unwanted := !slices.ContainsFunc(wanted, func(it *Item) bool { return it.Ref == o.Ref })
		if live := l.object(o.Ref); o.Component == SharedServices && o.Kind == "Namespace" && unwanted && live != nil && isOurNamespace(live) {
			out = append(out, o.Name)
		}
	}
	return out
}

// A remainsReader lists several kinds at once.
type remainsReader struct {
	live  *Live
	group *errgroup.Group
	mu    sync.Mutex
	found Remains
	// forbidden are kinds that the user may not list, without a name.
	forbidden []kube.Ref
}

func newRemainsReader(l *Live) *remainsReader {
	return &remainsReader{live: l, group: limited(readsAtOnce), found: Remains{Foreign: map[string][]kube.Ref{}}}
}

// each shows every object of a list to add, one at a time.
func (r *remainsReader) each(ctx context.Context, kind schema.GroupVersionKind, namespace, selector string, add func(*unstructured.Unstructured)) {
	r.group.Go(func() error {
		list, err := r.live.cluster.List(ctx, kind, namespace, selector)
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case err == nil, absent(err):
		case kube.ClassOf(err) == kube.Forbidden:
			r.forbidden = append(r.forbidden, kube.Ref{Group: kind.Group, Version: kind.Version, Kind: kind.Kind, Namespace: namespace})
		default:
			r.found.Err = errors.Join(r.found.Err, err)
		}
		for _, o := range list {
			add(o)
		}
		return nil
	})
}

// contents sorts all objects of these kinds in a namespace.
func (r *remainsReader) contents(ctx context.Context, namespace string, kinds []schema.GroupVersionKind) {
	for _, kind := range kinds {
		if !made[kind.GroupKind()] {
			r.each(ctx, kind, namespace, "", func(o *unstructured.Unstructured) { r.found.sort(r.live, o) })
		}
	}
}

// shared sorts all that is in namespaces for copies, of whatever kind: others may
// have put anything there, and it would go with the namespace.
func (r *remainsReader) shared(ctx context.Context, namespaces []string) {
	if len(namespaces) == 0 {
		return
	}
	kinds, err := r.live.cluster.Contents(ctx)
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
func (r *remainsReader) remains(ctx context.Context) Remains {
	_ = r.group.Wait() // the functions return nil
	if r.found.Err == nil && len(r.forbidden) > 0 {
		r.found.Err = forbiddenKinds(ctx, r.live, r.forbidden)
	}
	slices.SortFunc(r.found.ByProducts, compareRefs)
	slices.SortFunc(r.found.InUse, compareRefs)
	for _, refs := range r.found.Foreign {
		slices.SortFunc(refs, compareRefs)
	}
	return r.found
}

// sort puts an object of a namespace that goes where it belongs: what Kubernetes
// or an owner makes goes with the namespace or the owner.
func (r *Remains) sort(l *Live, o *unstructured.Unstructured) {
	ref := kube.RefOf(o)
	switch {
	case l.goes(o), len(o.GetOwnerReferences()) > 0:
	case ref.Name == "kube-root-ca.crt", ref.Kind == "ServiceAccount" && ref.Name == "default":
	case slices.Equal(managers(o), []string{istiodManager}) && ref.Namespace == l.Namespace:
		r.ByProducts = append(r.ByProducts, ref)
	case slices.Equal(managers(o), []string{istiodManager}): // found in all namespaces
	default:
		r.Foreign[ref.Namespace] = append(r.Foreign[ref.Namespace], ref)
	}
}

// goes says whether we delete o ourselves. Outside Istio's namespace all that is
// ours is copies of Services, and those that somebody took over are not.
func (l *Live) goes(o *unstructured.Unstructured) bool {
	if o.GetNamespace() != l.Namespace {
		return isCopy(o)
	}
	_, recorded := l.Objects[kube.RefOf(o)]
	return recorded || ours(o)
}

// servedKind is the kind that a CustomResourceDefinition defines, in the
// version that it stores.
func servedKind(crd *unstructured.Unstructured) schema.GroupVersionKind {
	var k schema.GroupVersionKind
	k.Group, _, _ = unstructured.NestedString(crd.Object, "spec", "group")
	k.Kind, _, _ = unstructured.NestedString(crd.Object, "spec", "names", "kind")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, v := range versions {
		if m, ok := v.(map[string]any); ok && m["storage"] == true {
			k.Version, _ = m["name"].(string)
		}
	}
	return k
}
