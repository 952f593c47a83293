package verify

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestAdmission(t *testing.T) {
	const cni = "enable cni in base.yaml: injected pods then need no container istio-init, which needs more than Pod Security admits"
	for name, tt := range map[string]struct{ text, want string }{
		"Istio's init container": {`pods "client-1" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "istio-init" must not include "NET_ADMIN")`, cni},
		"another container":      {`pods "client-1" is forbidden: violates PodSecurity "restricted:latest": seccompProfile (container "x")`, ""},
		"another reason":         {`container "istio-init" waits`, ""},
	} {
		err := admission(errors.New(tt.text))
		if got := object.HintOf(err); got != tt.want || err.Error() != tt.text {
			t.Errorf("%s: %v, remedy %q", name, err, got)
		}
	}
}

// A shown cluster has a Deployment in one state after the other, and no more to wait for.
type shown struct {
	Cluster
	states []*unstructured.Unstructured
}

func (s shown) Wait(_ context.Context, _ object.Ref, done object.Condition) error {
	why := ""
	for _, o := range s.states {
		var ok bool
		if ok, why = done(o); ok {
			return nil
		}
	}
	return errors.New("time is up: " + why)
}

// TestRuns does not wait for pods that Pod Security refuses, and does for others.
func TestRuns(t *testing.T) {
	state := func(available int64, failure string) *unstructured.Unstructured {
		status := map[string]any{"availableReplicas": available}
		if failure != "" {
			status["conditions"] = []any{map[string]any{"type": "ReplicaFailure", "status": "True", "message": failure}}
		}
		return object.New("apps/v1", "Deployment", "v", "client", nil, map[string]any{"status": status})
	}
	for name, tt := range map[string]struct {
		states []*unstructured.Unstructured
		want   string
	}{
		"pods that run":                    {[]*unstructured.Unstructured{state(0, ""), state(1, "")}, ""},
		"pods that Pod Security refuses":   {[]*unstructured.Unstructured{state(0, `violates PodSecurity "restricted:latest"`), state(1, "")}, `wait for Deployment v/client: its pods are refused: violates PodSecurity "restricted:latest"`},
		"an account that is not there yet": {[]*unstructured.Unstructured{state(0, "no service account"), state(1, "")}, ""},
		"pods that never run":              {[]*unstructured.Unstructured{state(0, "")}, "time is up: its pod does not run yet"},
	} {
		p := place{Cluster: shown{states: tt.states}}
		err := p.runs(t.Context(), object.Ref{Group: "apps", Kind: "Deployment", Namespace: "v", Name: "client"})
		if got := errorText(err); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
