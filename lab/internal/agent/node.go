package agent

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
)

// Container is the name of the container in which istio-agent and Envoy run, in sidecars and in gateways.
const Container = "istio-proxy"

var kinds = []string{"sidecar", "router", "waypoint", "ztunnel"}

// ProxyContainer is the container of a pod in which istio-agent and Envoy run, and what it is: "sidecar" or "router", which the
// webhook of an istiod has made, or "waypoint", as the gateways of ambient meshes are; or the proxy of a node, "ztunnel".
func ProxyContainer(pod *corev1.Pod) (c corev1.Container, kind string, ok bool) {
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			if c.Name == Container && len(c.Args) > 1 && c.Args[0] == "proxy" && slices.Contains(kinds, c.Args[1]) {
				return c, c.Args[1], true
			}
		}
	}
	return corev1.Container{}, "", false
}

// node is how a proxy introduces itself, from the environment of its container.
// https://github.com/istio/istio/blob/1.31.0/pkg/bootstrap/config.go
func node(pod *corev1.Pod, kind, image string, env map[string]string) (*core.Node, error) {
	all := map[string]any{
		"NAME": pod.Name, "NAMESPACE": pod.Namespace, "SERVICE_ACCOUNT": pod.Spec.ServiceAccountName,
		"INSTANCE_IPS": pod.Status.PodIP, "ISTIO_VERSION": version(image), "LABELS": anyMap(pod.Labels), "ANNOTATIONS": anyMap(pod.Annotations),
	}
	for name, value := range env {
		if key, ok := strings.CutPrefix(name, "ISTIO_META_"); ok {
			all[key] = value
		}
	}
	var config any
	if json.Unmarshal([]byte(env["PROXY_CONFIG"]), &config) == nil {
		all["PROXY_CONFIG"] = config
	}
	metadata, err := structpb.NewStruct(all)
	if err != nil {
		return nil, fmt.Errorf("describe pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return &core.Node{
		Id:       fmt.Sprintf("%s~%s~%s.%s~%s.svc.cluster.local", kind, pod.Status.PodIP, pod.Name, pod.Namespace, pod.Namespace),
		Cluster:  env["ISTIO_META_WORKLOAD_NAME"] + "." + pod.Namespace,
		Metadata: metadata,
	}, nil
}

func anyMap(in map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range in {
		out[k] = v
	}
	return out
}

// version is the release in the tag of a proxy's image, which is what the image itself would say.
func version(image string) string {
	if m := regexp.MustCompile(`:(\d+\.\d+\.\d+)`).FindStringSubmatch(image); m != nil {
		return m[1]
	}
	return "1.31.0"
}
