// Package downward tells containers what a kubelet would tell them.
package downward

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Environment is what the container would see, as far as it can be had outside a container, as "NAME=VALUE"s.
// KUBECONFIG is left out: it names a file in the container's file system.
func Environment(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, c corev1.Container, podIP string) ([]string, error) {
	env := []string{"PATH=" + os.Getenv("PATH")}
	for _, e := range c.Env {
		if e.Name == "KUBECONFIG" {
			continue
		}
		value, ok, err := lookup(ctx, client, pod, c, e, podIP)
		if err != nil {
			return nil, fmt.Errorf("read environment variable %s of container %s: %w", e.Name, c.Name, err)
		}
		if ok {
			env = append(env, e.Name+"="+value)
		}
	}
	return env, nil
}

func lookup(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, c corev1.Container, e corev1.EnvVar, podIP string) (string, bool, error) {
	from := e.ValueFrom
	switch {
	case from == nil:
		return e.Value, true, nil
	case from.FieldRef != nil:
		value, ok := field(pod, podIP, from.FieldRef.FieldPath)
		return value, ok, nil
	case from.ResourceFieldRef != nil:
		value, ok := limit(c, from.ResourceFieldRef.Resource)
		return value, ok, nil
	case from.ConfigMapKeyRef != nil:
		m, err := client.CoreV1().ConfigMaps(pod.Namespace).Get(ctx, from.ConfigMapKeyRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", false, optional(from.ConfigMapKeyRef.Optional, err)
		}
		value, ok := m.Data[from.ConfigMapKeyRef.Key]
		return value, ok, nil
	case from.SecretKeyRef != nil:
		s, err := client.CoreV1().Secrets(pod.Namespace).Get(ctx, from.SecretKeyRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", false, optional(from.SecretKeyRef.Optional, err)
		}
		value, ok := s.Data[from.SecretKeyRef.Key]
		return string(value), ok, nil
	}
	return "", false, nil
}

func optional(yes *bool, err error) error {
	if yes != nil && *yes {
		return nil
	}
	return err
}

// field is the downward API's. https://kubernetes.io/docs/concepts/workloads/pods/downward-api/#available-fields
func field(pod *corev1.Pod, podIP, path string) (string, bool) {
	if key, ok := subscript(path, "metadata.labels"); ok {
		value, ok := pod.Labels[key]
		return value, ok
	}
	if key, ok := subscript(path, "metadata.annotations"); ok {
		value, ok := pod.Annotations[key]
		return value, ok
	}
	value, ok := map[string]string{
		"metadata.name": pod.Name, "metadata.namespace": pod.Namespace, "metadata.uid": string(pod.UID),
		"spec.nodeName": pod.Spec.NodeName, "spec.serviceAccountName": pod.Spec.ServiceAccountName,
		"status.podIP": podIP, "status.hostIP": pod.Status.HostIP,
	}[path]
	return value, ok
}

func subscript(path, field string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(path, field+"['")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "']")
}

// limit is the container's own limit in whole units, or the machine's processors where it has none, as a kubelet
// answers with what its node has. Memory without a limit is left out.
func limit(c corev1.Container, resource string) (string, bool) {
	name, ok := strings.CutPrefix(resource, "limits.")
	if !ok {
		return "", false
	}
	if q, ok := c.Resources.Limits[corev1.ResourceName(name)]; ok {
		return strconv.FormatInt(q.Value(), 10), true
	}
	return strconv.Itoa(runtime.NumCPU()), name == "cpu"
}
