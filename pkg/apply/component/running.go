package component

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// running finds a Deployment of ours that is not there, or has no available pod.
func running(c *plan.Cluster, ref object.Ref, what string) []plan.Finding {
	return available(c, c.Live.Object(ref), ref, what)
}

// available finds a Deployment, nil for one that is not there, that has no available pod.
func available(c *plan.Cluster, d *unstructured.Unstructured, ref object.Ref, what string) []plan.Finding {
	if d == nil {
		return []plan.Finding{{State: "missing", Object: ref, Message: "there is no " + what, Hint: check.Mend}}
	}
	if available, _, _ := unstructured.NestedInt64(d.Object, "status", "availableReplicas"); available > 0 {
		return nil
	}
	f := plan.Finding{
		State: "not running", Object: ref, Message: what + " has no available replica",
		Hint: fmt.Sprintf("kubectl --context %s -n %s describe deployment %s", c.Context, ref.Namespace, ref.Name),
	}
	if replicas, set, _ := unstructured.NestedInt64(d.Object, "spec", "replicas"); set && replicas == 0 {
		// An autoscaler lets it be, and an apply leaves replicas to the autoscaler:
		// https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/#implicit-maintenance-mode-deactivation
		f.Message = what + " is scaled to 0 replicas"
		f.Hint = fmt.Sprintf("kubectl --context %s -n %s scale deployment %s --replicas=1", c.Context, ref.Namespace, ref.Name)
	}
	if why := world.ReplicaFailure(d); why != "" {
		f.Message += ": " + why
	}
	return []plan.Finding{f}
}

// idleIstiods is the remedy of what comes of istiods that serve c and do not run, "" where
// all of them run, or where that is not known.
func idleIstiods(e *check.Evidence, c *plan.Cluster) string {
	serving := []string{c.Name}
	if c.Remote() {
		serving = c.Primaries
	}
	var idle []string
	for _, name := range serving {
		one := e.Plan.Cluster(name)
		if one != nil && check.Primary(e, one) && len(running(one, object.IstiodRef(one.Namespace), "istiod")) > 0 {
			idle = append(idle, name)
		}
	}
	if len(idle) == 0 {
		return ""
	}
	return check.First(IDRunning, idle...)
}
