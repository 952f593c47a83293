package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// staleProxies are of workloads that were not restarted since something changed that proxies are told once.
func (s *statusFaults) staleProxies() []fault {
	return []fault{
		{name: "a proxy of another network", breaks: s.injectedBefore(east1), finds: []string{"proxies/network east-1"}, mends: s.rolledOut(east1, "far")},
		{name: "a proxy that has kept an older root", breaks: s.signedBefore(west1), finds: []string{"proxies/root west-1"}, mends: s.rolledOut(west1, "kept")},
	}
}

// played makes a Deployment in namespace shop whose proxy the lab plays, configured by its own annotation where config
// is something, and waits until that has a certificate.
func (s *statusFaults) played(t *testing.T, in, name, config string) {
	t.Helper()
	c := s.clusters[in]
	d := deployment(name, map[string]string{"app": name}, "default", corev1.Container{Name: "client", Image: "example.com/client:1"})
	if config != "" {
		d.Spec.Template.Annotations = map[string]string{"proxy.istio.io/config": config}
	}
	if _, err := c.kube.AppsV1().Deployments("shop").Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, in+": the proxy of "+name+" has a certificate", func(ctx context.Context) error {
		pod, err := c.onePod(ctx, "shop", "app="+name)
		if err != nil {
			return err
		}
		out, _, _, err := c.exec(ctx, "shop", pod.Name, "istio-proxy", "pilot-agent", "request", "GET", "config_dump?resource=dynamic_active_secrets")
		if err != nil {
			return err
		}
		return errorIf(!strings.Contains(out, "ROOTCA"), "it says %q", out)
	})
}

// rolledOut carries out a remedy that restarts a Deployment of namespace shop.
func (s *statusFaults) rolledOut(in, name string) func(*testing.T, string) {
	return func(t *testing.T, remedy string) {
		t.Helper()
		if want := "kubectl --context " + in + " -n shop rollout restart deployment " + name; remedy != want {
			t.Errorf("remedy %q, want %q", remedy, want)
		}
		s.patch(t, s.clusters[in].dynamic.Resource(breakable["deployment"]).Namespace("shop"), name, types.StrategicMergePatchType,
			`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-01T00:00:00Z"}}}}}`)
	}
}

// injectedBefore has a workload that was injected when the cluster was on another network.
func (s *statusFaults) injectedBefore(in string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		network := func(from, to string) {
			config, err := s.clusters[in].kube.CoreV1().ConfigMaps(istioNamespace).Get(t.Context(), "istio-sidecar-injector", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			values := strings.ReplaceAll(config.Data["values"], `"`+from+`"`, `"`+to+`"`)
			patch, err := json.Marshal(map[string]any{"data": map[string]any{"values": values}})
			if err != nil {
				t.Fatal(err)
			}
			s.patched(in, "configmap", "istio-sidecar-injector", string(patch))(t)
			s.injects(t, in, to)
		}
		network("network-east", "network-old")
		s.played(t, in, "far", "")
		network("network-old", "network-east")
	}
}

// injects waits until new pods of namespace shop are put on a network.
func (s *statusFaults) injects(t *testing.T, in, network string) {
	t.Helper()
	eventually(t, in+": pods are put on "+network, func(ctx context.Context) error {
		pod, err := s.clusters[in].tryPod(ctx, "shop")
		if err != nil {
			return err
		}
		for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			for _, e := range c.Env {
				if e.Name == "ISTIO_META_NETWORK" {
					return errorIf(e.Value != network, "they are put on %s", e.Value)
				}
			}
		}
		return fmt.Errorf("they are put on none")
	})
}

// signedBefore has a workload with a certificate of the time when the cluster was under another root. Its agent does not
// heed what istiod says of roots, so that it takes another one when its certificate is renewed.
func (s *statusFaults) signedBefore(in string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		mine := s.clusters[in].secret(t, istioNamespace, "cacerts").Data
		s.underRoot(t, in, rootOf(t))
		s.played(t, in, "kept", `proxyMetadata: {PROXY_CONFIG_XDS_AGENT: "false"}`)
		s.underRoot(t, in, mine)
	}
}

// underRoot has an istiod start with another intermediate, and waits until it has told of its root.
func (s *statusFaults) underRoot(t *testing.T, in string, cacerts map[string][]byte) {
	t.Helper()
	c := s.clusters[in]
	s.editedData(in, "cacerts", func(_ *testing.T, data map[string][]byte) {
		for k, v := range cacerts {
			data[k] = v
		}
	})(t)
	old := c.mustIstiod(t)
	if err := c.kube.CoreV1().Pods(old.Namespace).Delete(t.Context(), old.Pod, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, in+": istiod tells of its root", func(ctx context.Context) error {
		now, err := c.istiod(ctx)
		if err != nil {
			return err
		}
		if now.Pod == old.Pod {
			return fmt.Errorf("it is still the old one")
		}
		m, err := c.kube.CoreV1().ConfigMaps("shop").Get(ctx, "istio-ca-root-cert", metav1.GetOptions{})
		if err != nil {
			return err
		}
		return errorIf(m.Data["root-cert.pem"] != string(cacerts["root-cert.pem"]), "it is another one")
	})
	s.injects(t, in, "network-west")
}
