package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// waitReady waits until a workload is as kstatus wants it. The error of one
// that does not get there carries what its newest pod says. One whose pods are
// refused for what they are is not waited for, once it was tried again.
func waitReady(ctx context.Context, l *world.Connected, ref object.Ref, r *reporter) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var hopeless *time.Timer // runs while pods are refused
	stop := func() {
		if hopeless != nil {
			hopeless.Stop()
			hopeless = nil
		}
	}
	err := waitFor(ctx, l, ref, r, func(o *unstructured.Unstructured) (bool, string) {
		failure := world.ReplicaFailure(o)
		switch refused := refusedForGood(failure); {
		case !refused:
			stop()
		case hopeless == nil:
			hopeless = time.AfterFunc(refusalHolds, func() { end(&refusedError{ref: ref, context: l.Context, why: failure}) })
		}
		return ready(ref, o)
	})
	stop()
	if refused, ok := errors.AsType[*refusedError](context.Cause(ctx)); ok && err != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("%w%s", err, podTrouble(context.WithoutCancel(ctx), l, ref))
	}
	return nil
}

// refusalHolds is how long pods have to be refused to be refused for good: what
// the status of a workload says may be of before somebody mended it.
const refusalHolds = 10 * time.Second

// ready says whether a workload, nil for one that is not there, is as kstatus
// wants it, and if not, why.
func ready(ref object.Ref, o *unstructured.Unstructured) (bool, string) {
	if o == nil {
		return false, fmt.Sprintf("%s does not exist", ref)
	}
	res, err := status.Compute(o)
	if err != nil {
		return false, fmt.Sprintf("%s: %v", ref, err)
	}
	if res.Status == status.CurrentStatus {
		return true, ""
	}
	return false, rollout(ref, o) + because(world.ReplicaFailure(o))
}

func because(failure string) string {
	if failure == "" {
		return ""
	}
	return ": " + failure
}

// rollout says how far the new replicas of a Deployment are, or the pods of a DaemonSet.
func rollout(ref object.Ref, o *unstructured.Unstructured) string {
	number := func(fields ...string) int64 {
		n, _, _ := unstructured.NestedInt64(o.Object, fields...)
		return n
	}
	if !world.Settled(o) {
		return fmt.Sprintf("%s: waiting for the %s controller", ref, ref.Kind)
	}
	if ref.Kind == "DaemonSet" {
		current := min(number("status", "updatedNumberScheduled"), number("status", "numberReady"))
		return fmt.Sprintf("%s: ready on %d of %d nodes", ref, current, number("status", "desiredNumberScheduled"))
	}
	updated := number("status", "updatedReplicas")
	// Old replicas stay until as many new ones are available.
	available := max(0, number("status", "availableReplicas")-(number("status", "replicas")-updated))
	return fmt.Sprintf("%s: %d of %d new replicas available", ref, available, max(updated, number("spec", "replicas"), 1))
}

// podTrouble quotes why the newest pod of a Deployment does not run, "" if it
// does not say.
func podTrouble(ctx context.Context, l *world.Connected, ref object.Ref) string {
	pods, err := l.Cluster.List(ctx, schema.GroupKind{Kind: "Pod"}, ref.Namespace, "")
	if err != nil {
		return ""
	}
	var newest *unstructured.Unstructured
	for _, p := range pods {
		if strings.HasPrefix(p.GetName(), ref.Name+"-") && (newest == nil || newest.GetCreationTimestamp().Time.Before(p.GetCreationTimestamp().Time)) {
			newest = p
		}
	}
	if newest == nil {
		return "; it has no pod"
	}
	conditions, _, _ := unstructured.NestedSlice(newest.Object, "status", "conditions")
	containers, _, _ := unstructured.NestedSlice(newest.Object, "status", "containerStatuses")
	for _, c := range containers {
		m, _ := c.(map[string]any)
		if waiting, ok, _ := unstructured.NestedMap(m, "state", "waiting"); ok {
			return fmt.Sprintf("; pod %s waits: %v: %q", newest.GetName(), waiting["reason"], waiting["message"])
		}
	}
	for _, c := range conditions {
		if m, _ := c.(map[string]any); m["status"] == "False" && m["message"] != nil {
			return fmt.Sprintf("; pod %s: %v: %q", newest.GetName(), m["type"], m["message"])
		}
	}
	return ""
}
