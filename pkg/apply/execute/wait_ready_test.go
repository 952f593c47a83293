package execute

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// failing is the status of a Deployment whose pods are refused.
func failing(message string) map[string]any {
	return map[string]any{"conditions": []any{map[string]any{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}}}
}

// A pod that is refused for what it is stays refused; other refusals pass.
func TestRefusedForGood(t *testing.T) {
	tests := map[string]bool{
		`pods "istiod-6c-x" is forbidden: exceeded quota: small, requested: limits.cpu=1, used: limits.cpu=0, limited: limits.cpu=500m`:           true,
		`pods "istiod-6c-x" is forbidden: failed quota: small: must specify limits.cpu for: discovery`:                                            true,
		`pods "istiod-6c-x" is forbidden: maximum cpu usage per Container is 200m, but limit is 2`:                                                true,
		`pods "istiod-6c-x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false`:                            true,
		`admission webhook "validate.kyverno.svc-fail" denied the request: images of this registry are not allowed`:                               true,
		`pods "istiod-6c-x" is forbidden: ValidatingAdmissionPolicy 'registries' with binding 'all' denied request: failed expression`:            true,
		`pods "istiod-6c-" is forbidden: error looking up service account istio-system/istiod: serviceaccount "istiod" not found`:                 false,
		`Internal error occurred: failed calling webhook "object.sidecar-injector.istio.io": failed to call webhook: connect: connection refused`: false,
		"": false,
	}
	for failure, want := range tests {
		if got := refusedForGood(failure); got != want {
			t.Errorf("refused for good %v, want %v: %s", got, want, failure)
		}
	}
}

func TestReplicaFailure(t *testing.T) {
	ref := object.IstiodRef("istio-system")
	of := func(generation, observed int64) string {
		o := object.New("apps/v1", "Deployment", ref.Namespace, ref.Name, map[string]any{"generation": generation}, nil)
		o.Object["status"] = failing("exceeded quota: x")
		o.Object["status"].(map[string]any)["observedGeneration"] = observed
		return world.ReplicaFailure(o)
	}
	if got := of(2, 2); got != "exceeded quota: x" {
		t.Errorf("of now: %q", got)
	}
	if got := of(2, 1); got != "" {
		t.Errorf("of the spec before: %q", got)
	}
	if got := world.ReplicaFailure(nil); got != "" {
		t.Errorf("of none: %q", got)
	}
	err := &refusedError{ref: ref, context: "kind-east", why: "exceeded quota: x"}
	if got, want := err.Error(), `wait for Deployment istio-system/istiod in "kind-east": its pods are refused: exceeded quota: x`; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if got, want := object.HintOf(err), "kubectl --context kind-east -n istio-system rollout restart deployment istiod"; !strings.Contains(got, want) {
		t.Errorf("remedy %q, want %q in it", got, want)
	}
}

// Refused pods end a wait, but not at once: what the status says may be of before
// somebody mended it.
func TestWaitReadyOfRefusedPods(t *testing.T) {
	const quota = "exceeded quota: small"
	tests := map[string]struct {
		failure string
		mended  time.Duration // 0 for never
		refused bool
		took    time.Duration // about
	}{
		"refused for good":    {quota, 0, true, refusalHolds},
		"mended a while ago":  {quota, 3 * time.Second, false, 3 * time.Second},
		"refused for a while": {"failed calling webhook: connection refused", 30 * time.Second, false, 30 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fleet := applytest.New(1)
				defer fleet.Close()
				c := fleet.Add("a")
				run, ctx := fleet.Run(t.Context())
				client, err := run.Open("a")
				if err != nil {
					t.Fatal(err)
				}
				// No controller has a say in this one's status.
				ref := object.Ref{Group: "apps", Kind: "StatefulSet", Namespace: "default", Name: "web"}
				hand := c.As("somebody")
				if _, err := hand.Create(object.New("apps/v1", ref.Kind, ref.Namespace, ref.Name, nil, map[string]any{"spec": map[string]any{"replicas": int64(1)}})); err != nil {
					t.Fatal(err)
				}
				status := func(status map[string]any) {
					if _, err := hand.EditStatus(ref, func(o *unstructured.Unstructured) {
						o.Object["status"] = status
						status["observedGeneration"] = o.GetGeneration()
					}); err != nil {
						t.Error(err)
					}
				}
				status(failing(tt.failure))
				if tt.mended > 0 {
					time.AfterFunc(tt.mended, func() {
						status(map[string]any{"replicas": int64(1), "readyReplicas": int64(1), "currentReplicas": int64(1), "updatedReplicas": int64(1)})
					})
				}
				start := time.Now()
				err = waitReady(ctx, &world.Connected{Live: &world.Live{}, Cluster: client}, ref, &reporter{step: &running{}, emit: func(Event) {}})
				if _, refused := errors.AsType[*refusedError](err); refused != tt.refused || !refused && err != nil {
					t.Errorf("error %v", err)
				}
				if took := time.Since(start).Round(time.Second); took != tt.took {
					t.Errorf("it took %s, want %s", took, tt.took)
				}
			})
		})
	}
}
