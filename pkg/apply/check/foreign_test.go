package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestInstallationOf(t *testing.T) {
	const chart = "app.kubernetes.io/managed-by" // which charts write, whoever applies them
	labels := func(kv ...string) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return map[string]any{"labels": m}
	}
	owned := labels(chart, "Helm", "istio.io/rev", "prod")
	owned["annotations"] = map[string]any{"meta.helm.sh/release-name": "prod-istiod"} // the operator uses helm's library
	owned["ownerReferences"] = []any{map[string]any{"apiVersion": "sailoperator.io/v1", "kind": "IstioRevision", "name": "prod", "uid": "u"}}
	released := labels(chart, "Helm", "istio.io/rev", "default")
	released["annotations"] = map[string]any{"meta.helm.sh/release-name": "istiod"}
	tests := map[string]struct {
		in   *unstructured.Unstructured
		want []string // version, revision, what installed it
	}{
		"helm":                    {fixture.Istiod("istiod", "n", "docker.io/istio/pilot:1.30.2", released, "helm"), []string{"1.30.2", "", "helm (release istiod)"}},
		"helm, without its notes": {fixture.Istiod("istiod", "n", "istio/pilot:1.30.2", labels(chart, "Helm"), "helm"), []string{"1.30.2", "", "helm"}},
		"Flux, by helm's library": {fixture.Istiod("istiod", "n", "istio/pilot:1.30.2", released, "helm-controller"), []string{"1.30.2", "", "helm (release istiod)"}},
		"istioctl": {
			fixture.Istiod("istiod-canary", "n", "istio/pilot:1.30.2-distroless", labels(chart, "Helm", "istio.io/rev", "canary", "operator.istio.io/managed", "Reconcile"), "istio-operator"),
			[]string{"1.30.2", "canary", "istioctl"},
		},
		"the Sail operator": {fixture.Istiod("istiod-prod", "n", "istio/pilot:1.30.2", owned, "sail-operator"), []string{"1.30.2", "prod", "the Sail operator"}},
		"Argo CD, by a chart": {
			fixture.Istiod("istiod", "n", "istio/pilot:1.30.2", labels(chart, "Helm"), "argocd-controller", "kubectl-edit"), []string{"1.30.2", "", "argocd-controller, kubectl-edit"},
		},
		"nobody":                          {fixture.Istiod("istiod", "n", "istio/pilot:1.30.2", nil), []string{"1.30.2", "", "an unknown tool"}},
		"a registry with a port":          {fixture.Istiod("istiod", "n", "registry:5000/istio/pilot", nil, "kubectl"), []string{"", "", "kubectl"}},
		"a digest":                        {fixture.Istiod("istiod", "n", "istio/pilot:1.30.2@sha256:abc", nil, "kubectl"), []string{"1.30.2", "", "kubectl"}},
		"a digest alone":                  {fixture.Istiod("istiod", "n", "istio/pilot@sha256:abc", nil, "kubectl"), []string{"", "", "kubectl"}},
		"no container of istiod's at all": {fixture.ManagedBy(object.New("apps/v1", "Deployment", "n", "istiod", nil, nil), "u", "kubectl"), []string{"", "", "kubectl"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := installationOf(tt.in)
			if diff := cmp.Diff(tt.want, []string{got.version, got.revision, got.by}); diff != "" {
				t.Errorf("installation (-want +got):\n%s", diff)
			}
		})
	}
}

// Whoever only keeps a Deployment's status has not installed it.
func TestStatusIsNoInstallation(t *testing.T) {
	o := fixture.Istiod("istiod", "n", "pilot:1", nil, "kubectl", "kube-controller-manager")
	fields := o.GetManagedFields()
	fields[1].Subresource = "status"
	o.SetManagedFields(fields)
	if got := installationOf(o); got.by != "kubectl" || got.manages("kube-controller-manager") || !got.manages("helm, kubectl") {
		t.Errorf("installed by %s, managed by %v", got.by, got.managers)
	}
}
