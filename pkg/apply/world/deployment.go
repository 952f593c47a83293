package world

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ReplicaFailure is why pods of a Deployment, nil for none, could not be made, in
// the words of whoever refused them; "" if they could. What is said of an earlier
// spec does not count.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
func ReplicaFailure(deployment *unstructured.Unstructured) string {
	if deployment == nil || !Settled(deployment) {
		return ""
	}
	conditions, _, _ := unstructured.NestedSlice(deployment.Object, "status", "conditions")
	for _, c := range conditions {
		if m, _ := c.(map[string]any); m["type"] == "ReplicaFailure" && m["status"] == "True" {
			return fmt.Sprint(m["message"])
		}
	}
	return ""
}

// Settled says whether the status of a workload is about its current spec.
func Settled(o *unstructured.Unstructured) bool {
	observed, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	return observed >= o.GetGeneration()
}

// ImageVersion is the tag of the image of an istiod's Deployment, which may be nil, without the
// variant of its base image: proxies do not say theirs.
// https://istio.io/latest/docs/ops/configuration/security/harden-docker-images/
func ImageVersion(istiod *unstructured.Unstructured) string {
	if istiod == nil {
		return ""
	}
	image, _ := discovery(istiod)["image"].(string)
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	for _, variant := range []string{"-distroless", "-debug"} {
		tag = strings.TrimSuffix(tag, variant)
	}
	return tag
}

// Variable is one of an istiod's Deployment, "" for one that is not there.
func Variable(istiod *unstructured.Unstructured, name string) string {
	env, _ := discovery(istiod)["env"].([]any)
	for _, e := range env {
		if m, _ := e.(map[string]any); m["name"] == name {
			value, _ := m["value"].(string)
			return value
		}
	}
	return ""
}

// discovery is the container of an istiod's Deployment, nil for none.
func discovery(istiod *unstructured.Unstructured) map[string]any {
	containers, _, _ := unstructured.NestedSlice(istiod.Object, "spec", "template", "spec", "containers")
	for _, e := range containers {
		if m, _ := e.(map[string]any); m["name"] == "discovery" {
			return m
		}
	}
	return nil
}
