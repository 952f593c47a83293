package world

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

// TestRemainsSort checks what makes a namespace somebody's.
func TestRemainsSort(t *testing.T) {
	const ns = "istio-system"
	o := func(kind, name string, managers ...string) *unstructured.Unstructured {
		return fixture.ManagedBy(object.New("v1", kind, ns, name, nil, nil), "u", managers...)
	}
	// owned is an object that Kubernetes made for the one with that UID.
	owned := func(kind, name, uid, owner string) *unstructured.Unstructured {
		out := fixture.ManagedBy(object.New("v1", kind, ns, name, nil, nil), uid, "kube-controller-manager")
		out.SetOwnerReferences([]metav1.OwnerReference{{UID: types.UID(owner)}})
		return out
	}
	labelled := func(kind, name, service string) *unstructured.Unstructured {
		out := o(kind, name, "kube-controller-manager")
		out.SetLabels(map[string]string{"kubernetes.io/service-name": service})
		return out
	}
	pod := object.Ref{Kind: "Pod", Namespace: ns, Name: "theirs-1"}
	l := &Live{Member: record.Member{Namespace: ns}, Objects: map[object.Ref]Observed{
		fixture.ConfigMap("recorded"): {},
		object.IstiodServiceRef(ns):   {Object: o("Service", "istiod", object.FieldManager)},
	}}
	foreign := func(name string) map[string][]object.Ref {
		return map[string][]object.Ref{ns: {fixture.ConfigMap(name)}}
	}
	tests := map[string]struct {
		o    *unstructured.Unstructured
		want Remains
	}{
		"a lock":                         {fixture.ManagedBy(object.New("coordination.k8s.io/v1", "Lease", ns, object.LockName, nil, nil), "u", "kubectl"), Remains{}},
		"Endpoints of our Service":       {o("Endpoints", "istiod", "kube-controller-manager"), Remains{}},
		"a slice of our Service":         {labelled("EndpointSlice", "istiod-abc", "istiod"), Remains{}},
		"a slice of somebody's Service":  {labelled("EndpointSlice", "web-abc", "web"), Remains{Foreign: map[string][]object.Ref{ns: {{Kind: "EndpointSlice", Namespace: ns, Name: "web-abc"}}}}},
		"a Pod of somebody's Deployment": {owned("Pod", "theirs-1", "u9", "u8"), Remains{Foreign: map[string][]object.Ref{ns: {pod}}}},
		"recorded":                       {o("ConfigMap", "recorded", "kubectl"), Remains{}},
		"ours":                           {o("ConfigMap", "x", object.FieldManager, "kubectl"), Remains{}},
		"Kubernetes' own ConfigMap":      {o("ConfigMap", "kube-root-ca.crt", "kube-controller-manager"), Remains{}},
		"Kubernetes' own ServiceAccount": {o("ServiceAccount", "default", "kube-controller-manager"), Remains{}},
		"written by istiod":              {o("ConfigMap", "istio-ca-root-cert", "pilot-discovery"), Remains{ByProducts: []object.Ref{fixture.ConfigMap("istio-ca-root-cert")}}},
		"istiod's, changed by somebody":  {o("ConfigMap", "x", "pilot-discovery", "kubectl"), Remains{Foreign: foreign("x")}},
		"somebody's":                     {o("ConfigMap", "x", "kubectl"), Remains{Foreign: foreign("x")}},
		"nobody's, as far as one knows":  {o("ConfigMap", "x"), Remains{Foreign: foreign("x")}},
		"a ConfigMap called default":     {o("ConfigMap", "default", "kubectl"), Remains{Foreign: foreign("default")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Remains{Foreign: map[string][]object.Ref{}}
			got.SortAll(l, []*unstructured.Unstructured{tt.o})
			if len(got.Foreign) == 0 {
				got.Foreign = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("remains (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRemainsOwned: what Kubernetes makes for an object of ours goes with it, and
// what it makes for that, in whatever order it is listed. A namespace with
// somebody's workload in it was deleted, since all that has an owner was nobody's.
func TestRemainsOwned(t *testing.T) {
	const ns = "istio-system"
	o := func(kind, name, owner string, managers ...string) *unstructured.Unstructured {
		out := fixture.ManagedBy(object.New("v1", kind, ns, name, nil, nil), "uid-"+name, managers...)
		if owner != "" {
			out.SetOwnerReferences([]metav1.OwnerReference{{UID: types.UID("uid-" + owner)}})
		}
		return out
	}
	all := []*unstructured.Unstructured{
		o("Pod", "istiod-1-a", "istiod-1", "kubelet"), o("ReplicaSet", "istiod-1", "istiod", "kube-controller-manager"), o("Deployment", "istiod", "", object.FieldManager),
		o("Pod", "web-1-a", "web-1", "kubelet"), o("ReplicaSet", "web-1", "web", "kube-controller-manager"), o("Deployment", "web", "", "kubectl"),
	}
	l := &Live{Member: record.Member{Namespace: ns}, Objects: map[object.Ref]Observed{}}
	got := Remains{Foreign: map[string][]object.Ref{}}
	got.SortAll(l, all)
	var names []string
	for _, ref := range got.Foreign[ns] {
		names = append(names, ref.String())
	}
	want := []string{"Deployment istio-system/web"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("somebody's (-want +got):\n%s", diff)
	}
}

// TestRemainsSortShared checks what makes a namespace somebody's that came with
// copies of Services.
func TestRemainsSortShared(t *testing.T) {
	o := func(kind, name string, notes map[string]any, managers ...string) *unstructured.Unstructured {
		return fixture.ManagedBy(object.New("v1", kind, fixture.Shop, name, map[string]any{"annotations": notes}, nil), "u", managers...)
	}
	mark := map[string]any{object.AnnotationSharedFrom: "a"}
	tests := map[string]struct {
		o       *unstructured.Unstructured
		foreign bool
	}{
		"a copy":                           {o("Service", "cart", mark, object.FieldManager), false},
		"a copy that somebody took over":   {o("Service", "cart", mark, object.FieldManager, "helm"), true},
		"a copy that is not marked as one": {o("Service", "cart", nil, object.FieldManager), true},
		"somebody's Service":               {o("Service", "cart", nil, "helm"), true},
		"somebody's VirtualService":        {o("VirtualService", "cart", nil, "kubectl"), true},
		"Kubernetes' own ConfigMap":        {o("ConfigMap", "kube-root-ca.crt", nil, "kube-controller-manager"), false},
		"Kubernetes' own ServiceAccount":   {o("ServiceAccount", "default", nil, "kube-controller-manager"), false},
		"written by istiod":                {o("ConfigMap", "istio-ca-root-cert", nil, "pilot-discovery"), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := &Live{Member: record.Member{Namespace: "istio-system"}, Objects: map[object.Ref]Observed{object.ServiceRef(fixture.Shop, "cart"): {}}}
			got, want := Remains{Foreign: map[string][]object.Ref{}}, Remains{Foreign: map[string][]object.Ref{}}
			if tt.foreign {
				want.Foreign[fixture.Shop] = []object.Ref{object.RefOf(tt.o)}
			}
			got.SortAll(l, []*unstructured.Unstructured{tt.o})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("remains (-want +got):\n%s", diff)
			}
		})
	}
}
