package world

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Remains is what stands in the way of leaving a cluster, or a namespace of it,
// as it was found.
type Remains struct {
	ByProducts []object.Ref            // written by istiod while it ran
	InUse      []object.Ref            // custom resources that are not ours, which the CRDs must outlive
	Foreign    map[string][]object.Ref // what is not ours in a namespace that goes, by namespace
	Err        error                   // the above could not be read whole
}

// SharedByProducts are what an istiod writes into every cluster that it leads,
// its own or a remote one: the root certificate, revocations, and who leads.
var SharedByProducts = []string{object.RootConfigMap, object.ListsConfigMap, "istio-namespace-controller-election"}

// IstiodManager is the field manager of what istiod writes by itself.
const IstiodManager = "pilot-discovery"

// SortAll puts the objects of namespaces that go where they belong.
func (r *Remains) SortAll(l *Live, all []*unstructured.Unstructured) {
	goes := map[types.UID]bool{}
	for _, o := range all {
		if l.goes(o) {
			goes[o.GetUID()] = true
		}
	}
	// What Kubernetes makes for an object of ours goes with it, and what it makes
	// for that: a ReplicaSet, and its Pods.
	for changed := true; changed; {
		changed = false
		for _, o := range all {
			owned := slices.ContainsFunc(o.GetOwnerReferences(), func(ref metav1.OwnerReference) bool { return goes[ref.UID] })
			if owned && !goes[o.GetUID()] {
				goes[o.GetUID()], changed = true, true
			}
		}
	}
	there := map[types.UID]bool{}
	for _, o := range all {
		there[o.GetUID()] = true
	}
	for _, o := range all {
		// What belongs to an object of others is told of by that.
		owned := slices.ContainsFunc(o.GetOwnerReferences(), func(ref metav1.OwnerReference) bool { return there[ref.UID] })
		if !goes[o.GetUID()] && !owned {
			r.sort(l, o)
		}
	}
}

// sort puts an object that does not go with ours where it belongs: what istiod
// or Kubernetes makes in every namespace is nobody's.
func (r *Remains) sort(l *Live, o *unstructured.Unstructured) {
	ref := object.RefOf(o)
	switch {
	case ref.Name == "kube-root-ca.crt", ref.Kind == "ServiceAccount" && ref.Name == "default":
	case ref == lockRef(l.Namespace):
	case o.GetLabels()[object.LabelPermissions] != "": // what lets the user do this
	case slices.Equal(object.Managers(o), []string{IstiodManager}) && ref.Namespace == l.Namespace:
		r.ByProducts = append(r.ByProducts, ref)
	case slices.Equal(object.Managers(o), []string{IstiodManager}): // found in all namespaces
	case derived(l, o):
	default:
		r.Foreign[ref.Namespace] = append(r.Foreign[ref.Namespace], ref)
	}
}

// SortClasses puts the classes of Gateways that an istiod made with its by-products, those
// of which a Gateway is that is not ours excepted. Not all were made by ours, but any other
// istiod makes them again.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/config/kube/gatewaycommon/classinfo.go
func (r *Remains) SortClasses(l *Live, classes, gateways []*unstructured.Unstructured) {
	used := map[string]bool{}
	for _, g := range gateways {
		class, _, _ := unstructured.NestedString(g.Object, "spec", "gatewayClassName")
		if _, recorded := l.Objects[object.RefOf(g)]; !recorded {
			used[class] = true
		}
	}
	for _, c := range classes {
		by, _, _ := unstructured.NestedString(c.Object, "spec", "controllerName")
		if ref := object.RefOf(c); strings.HasPrefix(by, "istio.io/") && !used[ref.Name] && slices.Equal(object.Managers(c), []string{IstiodManager}) {
			r.ByProducts = append(r.ByProducts, ref)
			r.InUse = slices.DeleteFunc(r.InUse, func(other object.Ref) bool { return other == ref })
		}
	}
}

// derived says whether Kubernetes made an object for one of ours without saying
// so: Endpoints have the name of their Service, and slices that mirror them its
// label.
func derived(l *Live, o *unstructured.Unstructured) bool {
	service := o.GetLabels()["kubernetes.io/service-name"]
	if o.GetKind() == "Endpoints" {
		service = o.GetName()
	}
	return service != "" && object.Ours(l.Object(object.ServiceRef(o.GetNamespace(), service)))
}

func lockRef(namespace string) object.Ref {
	return object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: namespace, Name: object.LockName}
}
