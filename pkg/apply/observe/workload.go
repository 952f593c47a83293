package observe

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// envoyAdminPort is where Envoy's admin pages are unless proxyAdminPort says otherwise.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig-proxy_admin_port
const envoyAdminPort = 15000

// secretsPage shows the certificates that Envoy was given. /certs is shorter, but of
// several roots it shows only the first, and of a chain only the leaf.
// https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--config_dump?resource=
const secretsPage = "/config_dump?resource=dynamic_active_secrets"

// readWorkload reads a pod, and asks its proxy for its certificates. It returns nil for a
// pod that is gone or about to go, or does not run: its proxy is of no workload.
func readWorkload(ctx context.Context, l *world.Connected, ref object.Ref) *Workload {
	pod, err := runningPod(ctx, l, ref)
	switch {
	case err != nil:
		return &Workload{Pod: ref, Err: err}
	case pod == nil:
		return nil
	}
	env, ok := proxyEnv(pod)
	if !ok {
		return &Workload{Pod: ref, Err: errors.New("it has no container " + proxyContainer)}
	}
	w := &Workload{Pod: ref, Owner: ownerOf(pod), Network: env["ISTIO_META_NETWORK"], Ztunnel: isZtunnel(pod)}
	if w.Ztunnel {
		w.Network = env["NETWORK"]
	}
	if err = w.ask(ctx, l, adminPort(env)); err == nil {
		return w
	}
	if now, stillErr := runningPod(ctx, l, ref); stillErr == nil && now == nil { // it ended meanwhile
		return nil
	}
	w.CertsErr = err
	return w
}

// ask asks the proxy of w for its certificates.
func (w *Workload) ask(ctx context.Context, l *world.Connected, port int) error {
	page := secretsPage
	if w.Ztunnel {
		page = ztunnelPage
	}
	body, err := l.Cluster.PodGet(ctx, w.Pod.Namespace, w.Pod.Name, port, page)
	if err != nil {
		return err
	}
	if !w.Ztunnel {
		w.Certs, err = parseSecrets(body)
		return err
	}
	all, err := parseZtunnel(body)
	if err == nil {
		w.Certs, w.Others = all[0], all[1:]
	}
	return err
}

// runningPod is a pod that runs and is not about to go, nil where there is none.
func runningPod(ctx context.Context, l *world.Connected, ref object.Ref) (*unstructured.Unstructured, error) {
	pod, err := l.Cluster.Get(ctx, ref)
	switch {
	case object.Absent(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase"); phase != "Running" || pod.GetDeletionTimestamp() != nil {
		return nil, nil
	}
	return pod, nil
}

// proxyEnv are the variables of the proxy of a pod, as far as their values are in the
// pod. Of two with one name the later counts, as for a kubelet.
func proxyEnv(pod *unstructured.Unstructured) (map[string]string, bool) {
	for _, list := range []string{"initContainers", "containers"} {
		all, _, _ := unstructured.NestedSlice(pod.Object, "spec", list)
		for _, e := range all {
			c, _ := e.(map[string]any)
			if c["name"] != proxyContainer {
				continue
			}
			out := map[string]string{}
			env, _ := c["env"].([]any)
			for _, e := range env {
				v, _ := e.(map[string]any)
				name, _ := v["name"].(string)
				out[name], _ = v["value"].(string)
			}
			return out, true
		}
	}
	return nil, false
}

func adminPort(env map[string]string) int {
	var config struct {
		Port int `json:"proxyAdminPort"`
	}
	if json.Unmarshal([]byte(env["PROXY_CONFIG"]), &config) == nil && config.Port > 0 {
		return config.Port
	}
	return envoyAdminPort
}

// ownerOf is what makes a pod again, as far as "kubectl rollout restart" knows it.
func ownerOf(pod *unstructured.Unstructured) object.Ref {
	for _, o := range pod.GetOwnerReferences() {
		if o.Controller == nil || !*o.Controller {
			continue
		}
		ref := object.Ref{Group: "apps", Kind: o.Kind, Namespace: pod.GetNamespace(), Name: o.Name}
		switch o.Kind {
		case "DaemonSet", "StatefulSet":
			return ref
		case "ReplicaSet":
			// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pod-template-hash-label
			if name, ok := strings.CutSuffix(o.Name, "-"+pod.GetLabels()["pod-template-hash"]); ok {
				ref.Kind, ref.Name = "Deployment", name
				return ref
			}
		}
	}
	return object.Ref{}
}
