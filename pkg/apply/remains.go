package apply

import (
	"context"
	"errors"
	"slices"
	"sync"

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

// readRemains reads what an uninstall has to know of l beside its own objects.
func readRemains(ctx context.Context, l *Live) Remains {
	var r Remains
	var forbidden []kube.Ref // of a kind, without a name
	var mu sync.Mutex
	g := limited(readsAtOnce)
	each := func(kind schema.GroupVersionKind, namespace, selector string, add func(*unstructured.Unstructured)) {
		g.Go(func() error {
			list, err := l.cluster.List(ctx, kind, namespace, selector)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil, absent(err):
			case kube.ClassOf(err) == kube.Forbidden:
				forbidden = append(forbidden, kube.Ref{Group: kind.Group, Version: kind.Version, Kind: kind.Kind, Namespace: namespace})
			default:
				r.Err = errors.Join(r.Err, err)
			}
			for _, o := range list {
				add(o)
			}
			return nil
		})
	}
	// istiod writes the root certificate into every namespace:
	// https://istio.io/latest/docs/concepts/security/#pki
	each(schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}, "", "istio.io/config=true", func(o *unstructured.Unstructured) {
		if o.GetNamespace() != l.Namespace && slices.Contains(managers(o), istiodManager) {
			r.ByProducts = append(r.ByProducts, kube.RefOf(o))
		}
	})
	if l.object(namespaceRef(l.Namespace)) != nil {
		for _, kind := range contentKinds {
			each(kind, l.Namespace, "", func(o *unstructured.Unstructured) { r.sort(l, o) })
		}
	}
	for ref, seen := range l.Objects {
		if isCRD(ref) && seen.Object != nil {
			each(servedKind(seen.Object), "", "", func(o *unstructured.Unstructured) {
				if _, recorded := l.Objects[kube.RefOf(o)]; !recorded {
					r.InUse = append(r.InUse, kube.RefOf(o))
				}
			})
		}
	}
	_ = g.Wait() // the functions return nil
	if r.Err == nil && len(forbidden) > 0 {
		r.Err = forbiddenKinds(ctx, l, forbidden)
	}
	slices.SortFunc(r.ByProducts, compareRefs)
	slices.SortFunc(r.InUse, compareRefs)
	slices.SortFunc(r.Foreign, compareRefs)
	return r
}

// sort puts an object of Istio's namespace where it belongs: what Kubernetes
// or an owner makes goes with the namespace or the owner.
func (r *Remains) sort(l *Live, o *unstructured.Unstructured) {
	ref := kube.RefOf(o)
	_, recorded := l.Objects[ref]
	switch {
	case recorded, ours(o), len(o.GetOwnerReferences()) > 0:
	case ref.Name == "kube-root-ca.crt", ref.Kind == "ServiceAccount" && ref.Name == "default":
	case slices.Equal(managers(o), []string{istiodManager}):
		r.ByProducts = append(r.ByProducts, ref)
	default:
		r.Foreign = append(r.Foreign, ref)
	}
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
