package applytest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	deploymentController = "deployment-controller"
	kubelet              = "kubelet"
	templateHash         = "pod-template-hash"
)

var podKind = schema.GroupKind{Kind: "Pod"}

// workloadChanged has the controllers look at a Deployment or DaemonSet.
func (c *Cluster) workloadChanged(ref object.Ref) {
	if ref.Kind == "DaemonSet" {
		c.later(c.settings.Delays.Ready, "daemonset/"+ref.String(), func() { c.roll(ref) })
		return
	}
	c.later(0, "deployment/"+ref.String(), func() { c.deploy(ref) })
}

// roll has a DaemonSet run on the one node.
func (c *Cluster) roll(ref object.Ref) {
	c.edit(managerController, ref, "status", func(o Object) {
		status := map[string]any{"observedGeneration": o.GetGeneration(), "numberMisscheduled": int64(0)}
		for _, n := range []string{"currentNumberScheduled", "desiredNumberScheduled", "numberAvailable", "numberReady", "updatedNumberScheduled"} {
			status[n] = int64(1)
		}
		o.Object["status"] = status
	})
}

// deploy makes the pods of a Deployment, replaces those of an older template once
// the new ones are ready, and writes the status.
func (c *Cluster) deploy(ref object.Ref) {
	d := c.get(ref)
	if d == nil || d.GetDeletionTimestamp() != nil {
		return
	}
	replicas, _ := number(d.Object, "spec", "replicas")
	hash := hashOf(fields(d, "spec", "template"))
	var current, old []Object
	for _, p := range c.podsOf(d) {
		if labelsOf(p)[templateHash] == hash {
			current = append(current, p)
		} else {
			old = append(old, p)
		}
	}
	failure := ""
	for int64(len(current)) < replicas && failure == "" {
		var pod Object
		if pod, failure = c.spawn(d, hash); pod != nil {
			current = append(current, pod)
		}
	}
	for int64(len(current)) > replicas {
		c.end(deploymentController, current[len(current)-1], false)
		current = current[:len(current)-1]
	}
	ready := slices.DeleteFunc(slices.Clone(current), func(p Object) bool { return !podReady(p) })
	if int64(len(ready)) == replicas {
		for _, p := range old {
			c.end(deploymentController, p, false)
		}
		old = nil
	}
	c.retry(ref, failure)
	c.report(ref, rollout{replicas, append(old, current...), len(current), failure})
}

// retry has the controller try again later, as Kubernetes does: ever more rarely.
func (c *Cluster) retry(ref object.Ref, failure string) {
	if failure == "" {
		delete(c.backoff, ref)
		return
	}
	wait := min(max(2*c.backoff[ref], time.Second), time.Minute)
	c.backoff[ref] = wait
	c.later(wait, "retry/"+ref.String(), func() { c.deploy(ref) })
}

// A rollout is how far a Deployment is.
type rollout struct {
	replicas int64
	pods     []Object
	updated  int
	failure  string
}

// report writes the status of a Deployment:
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
func (c *Cluster) report(ref object.Ref, r rollout) {
	ready := int64(0)
	for _, p := range r.pods {
		if podReady(p) {
			ready++
		}
	}
	now := c.now()
	c.edit(managerController, ref, "status", func(o Object) {
		status := map[string]any{"observedGeneration": o.GetGeneration()}
		for name, n := range map[string]int64{
			"replicas": int64(len(r.pods)), "updatedReplicas": int64(r.updated), "readyReplicas": ready,
			"availableReplicas": ready, "unavailableReplicas": max(r.replicas-ready, 0),
		} {
			if n > 0 {
				status[name] = n
			}
		}
		available := condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
		if ready < r.replicas {
			available = condition("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.", now)
		}
		progressing := condition("Progressing", "True", "ReplicaSetUpdated", "", now)
		if ready >= r.replicas && int64(r.updated) >= r.replicas {
			progressing = condition("Progressing", "True", "NewReplicaSetAvailable", "", now)
		}
		conditions := []any{available, progressing}
		if r.failure != "" {
			conditions = append(conditions, condition("ReplicaFailure", "True", "FailedCreate", r.failure, now))
		}
		status["conditions"] = keepTimes(conditions, items(o, "status", "conditions"))
		o.Object["status"] = status
	})
}

func condition(kind, status, reason, message string, now time.Time) map[string]any {
	m := map[string]any{"type": kind, "status": status, "lastTransitionTime": now.Format(time.RFC3339)}
	if reason != "" {
		m["reason"] = reason
	}
	if message != "" {
		m["message"] = message
	}
	return m
}

// keepTimes leaves the times of conditions that did not change as they were.
func keepTimes(conditions, before []any) []any {
	for _, e := range records(conditions) {
		for _, was := range records(before) {
			if str(was, "type") == str(e, "type") && str(was, "status") == str(e, "status") {
				e["lastTransitionTime"] = was["lastTransitionTime"]
			}
		}
	}
	return conditions
}

func hashOf(template map[string]any) string {
	data, _ := json.Marshal(template) // it came out of JSON
	h := fnv.New32a()
	_, _ = h.Write(data)
	return fmt.Sprintf("%08x", h.Sum32())
}

func mapOf(m map[string]any, path ...string) map[string]any {
	out, _ := at(m, path...).(map[string]any)
	return out
}
