package verify

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Pod Security's level "restricted" admits what a verification puts in, by the rules that
// API servers have, of the newest version. What is injected is Istio's.
func TestRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for name, o := range map[string]Options{
		"as it is":           {Namespace: "setup-mesh-verify", Registry: "docker.io"},
		"with a pull secret": {Namespace: "v", Registry: "registry.example.com", PullSecret: "ops/pull"},
		"with labels":        {Namespace: "v", Registry: "docker.io", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}},
	} {
		deployments := 0
		for i, one := range append(o.objects(0, false), o.objects(1, true)...) {
			if object.RefOf(one).Kind != "Deployment" {
				continue
			}
			deployments++
			var d appsv1.Deployment
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(one.Object, &d, true); err != nil {
				t.Fatal(err)
			}
			for _, result := range evaluator.EvaluatePod(restricted, &d.Spec.Template.ObjectMeta, &d.Spec.Template.Spec) {
				if !result.Allowed {
					t.Errorf("%s, object %d, %s: %s (%s)", name, i, d.Name, result.ForbiddenReason, result.ForbiddenDetail)
				}
			}
		}
		if deployments != 4 {
			t.Errorf("%s: %d Deployments", name, deployments)
		}
	}
}
