package applytest

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// spawn makes a pod, or says why it cannot.
func (c *Cluster) spawn(d Object, hash string) (Object, string) {
	ref := object.RefOf(d)
	if c.settings.Stuck != nil {
		if why := c.settings.Stuck(ref); why != "" {
			return nil, why
		}
	}
	c.pods++
	template := fields(d.DeepCopy(), "spec", "template")
	pod := object.New("v1", "Pod", ref.Namespace, fmt.Sprintf("%s-%s-%05x", ref.Name, hash, c.pods), nil, map[string]any{"spec": template["spec"]})
	if l := texts(mapOf(template, "metadata", "labels")); l != nil {
		pod.SetLabels(l)
	}
	if a := texts(mapOf(template, "metadata", "annotations")); a != nil {
		pod.SetAnnotations(a)
	}
	set(pod, hash, "metadata", "labels", templateHash)
	yes := true
	pod.SetOwnerReferences([]metav1.OwnerReference{{
		APIVersion: "apps/v1", Kind: ref.Kind, Name: ref.Name, UID: d.GetUID(), Controller: &yes, BlockOwnerDeletion: &yes,
	}})
	made, err := c.create(deploymentController, pod, createOptions{})
	if err != nil {
		return nil, err.(*object.Error).Message //nolint:errorlint,forcetypeassert // create has no other errors
	}
	return made, ""
}

// podChanged starts a new pod, and has its Deployment look at it.
func (c *Cluster) podChanged(ref object.Ref, before, after Object) {
	o := after
	if o == nil {
		o = before
	}
	if before == nil {
		c.later(c.settings.Delays.Ready, "pod/"+string(after.GetUID()), func() { c.start(ref, after) })
	}
	for _, owner := range o.GetOwnerReferences() {
		if owner.Kind == "Deployment" {
			c.workloadChanged(object.Ref{Group: "apps", Kind: owner.Kind, Namespace: ref.Namespace, Name: owner.Name})
		}
	}
	c.slicesOf(ref.Namespace)
}

// start makes a pod run and be ready, if its image can be had.
func (c *Cluster) start(ref object.Ref, pod Object) {
	if live := c.get(ref); live == nil || live.GetUID() != pod.GetUID() {
		return
	}
	c.pods++
	ip := fmt.Sprintf("10.%d.%d.%d", c.index, c.pods>>8&255, c.pods&255)
	c.edit(kubelet, ref, "status", func(o Object) {
		status := map[string]any{"phase": "Running", "podIP": ip, "podIPs": []any{map[string]any{"ip": ip}}, "startTime": c.now().Format(time.RFC3339)}
		ready := "True"
		for _, container := range records(items(o, "spec", "containers")) {
			if str(container, "image") == autoImage {
				status["phase"], ready = "Pending", "False" // ErrImagePull
			}
		}
		status["conditions"] = []any{condition("Ready", ready, "", "", c.now()), condition("ContainersReady", ready, "", "", c.now())}
		o.Object["status"] = status
	})
}

// podsOf are the pods that a Deployment owns.
func (c *Cluster) podsOf(d Object) []Object {
	var out []Object
	for _, ref := range c.dependentsOf(d.GetUID()) {
		if ref.GroupKind() == podKind {
			out = append(out, c.get(ref))
		}
	}
	return out
}

func podReady(p Object) bool {
	for _, e := range records(items(p, "status", "conditions")) {
		if str(e, "type") == "Ready" {
			return str(e, "status") == "True" && p.GetDeletionTimestamp() == nil
		}
	}
	return false
}
