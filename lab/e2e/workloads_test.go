package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const helloService = "outbound|80||hello.shop.svc.cluster.local"

// helloPod is a workload behind service hello, as its user writes it.
func helloPod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "hello-", Labels: map[string]string{"app": "hello"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/hello:1"}}},
	}
}

// injection runs a workload in each cluster, which istiod's webhook gives a sidecar.
func (j *journey) injection(t *testing.T) {
	for name, c := range j.clusters {
		created, err := c.makePod(t.Context(), "shop")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all := append(slices.Clone(created.Spec.InitContainers), created.Spec.Containers...)
		i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == "istio-proxy" })
		if i < 0 {
			t.Fatalf("%s: the pod has no sidecar: %+v", name, all)
		}
		if want := "docker.io/istio/proxyv2:1.31.0"; all[i].Image != want {
			t.Errorf("%s: the sidecar's image is %s, want %s", name, all[i].Image, want)
		}
		env := map[string]string{}
		for _, e := range all[i].Env {
			env[e.Name] = e.Value
		}
		if want := nameOf(name); env["ISTIO_META_CLUSTER_ID"] != want {
			t.Errorf("%s: the sidecar is of cluster %q, want %q", name, env["ISTIO_META_CLUSTER_ID"], want)
		}
	}
}

// validation is by istiod: what it refuses here, the schema of the CRD allows.
func (j *journey) validation(t *testing.T) {
	for name, c := range j.clusters {
		gateway := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": map[string]any{"name": "invalid"},
			"spec": map[string]any{"servers": []any{map[string]any{
				"hosts": []any{"a.*.example.com"}, "port": map[string]any{"number": int64(80), "name": "http", "protocol": "HTTP"}}}},
		}}
		_, err := c.dynamic.Resource(istioGateways).Namespace("shop").Create(context.Background(), gateway, metav1.CreateOptions{})
		if err == nil || !strings.Contains(err.Error(), "validation.istio.io") || !strings.Contains(err.Error(), "denied the request") {
			t.Errorf("%s: an invalid Gateway is answered with %v", name, err)
		}
	}
}

// podIP waits for the address of the pod of service hello.
func podIP(t testing.TB, c *cluster) string {
	t.Helper()
	var ip string
	eventually(t, c.context+": address of pod hello", func(ctx context.Context) error {
		pods, err := c.kube.CoreV1().Pods("shop").List(ctx, metav1.ListOptions{LabelSelector: "app=hello"})
		if err != nil {
			return err
		}
		pods.Items = slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
		if len(pods.Items) != 1 || pods.Items[0].Status.PodIP == "" {
			return fmt.Errorf("%d pods, of which the first has no address", len(pods.Items))
		}
		ip = pods.Items[0].Status.PodIP
		return nil
	})
	return ip
}

// endpoints are the pods' own within a network, and the gateway's between networks.
func (j *journey) endpoints(t *testing.T) {
	ip := map[string]string{}
	for name, c := range j.clusters {
		ip[name] = podIP(t, c)
	}
	j.wantEndpoints(t, ip, map[string][]string{
		east1: {pod(ip[east1]), pod(ip[east2]), "203.0.113.3:15443"},
		east2: {pod(ip[east1]), pod(ip[east2]), "203.0.113.3:15443"},
		west1: {pod(ip[west1]), "203.0.113.1:15443", "203.0.113.2:15443"},
	}, map[string]string{east1: "network-east", east2: "network-east", west1: "network-west"})
}

func pod(ip string) string { return fmt.Sprintf("%s:80", ip) }

// wantEndpoints asks every istiod as a sidecar of its cluster for the endpoints of service hello.
func (j *journey) wantEndpoints(t *testing.T, ip map[string]string, want map[string][]string, network map[string]string) {
	t.Helper()
	for context, addresses := range want {
		slices.Sort(addresses)
		s := sidecar{cluster: nameOf(context), network: network[context], namespace: "shop", pod: "hello", ip: ip[context]}
		s.wantEndpoints(t, j.clusters[context].mustIstiod(t).Addresses.XDS, helloService, addresses)
	}
}

// identity has workloads of two clusters trust each other by the root in the work directory, each with a certificate
// that the istiod of its cluster signed.
func (j *journey) identity(t *testing.T) {
	root := x509.NewCertPool()
	if !root.AppendCertsFromPEM([]byte(j.read(t, "certs/root-cert.pem"))) {
		t.Fatal("certs/root-cert.pem holds no certificate")
	}
	const want = "spiffe://cluster.local/ns/shop/sa/default"
	east := workloadCertificate(t, j.clusters[east1], "shop", "default", root)
	west := workloadCertificate(t, j.clusters[west1], "shop", "default", root)
	if parseCertificate(t, east.Certificate[1]).Equal(parseCertificate(t, west.Certificate[1])) {
		t.Error("the two clusters have one intermediate, and not each its own")
	}
	for name, ends := range map[string]struct{ client, server tls.Certificate }{
		"east to west": {east, west}, "west to east": {west, east},
	} {
		got, err := handshake(ends.client, ends.server, root, want)
		if err != nil || got != want {
			t.Errorf("%s: the server saw %q, want %q: %v", name, got, want, err)
		}
	}
}

// afterRestart replaces an istiod, which rewrites what it writes.
func (j *journey) afterRestart(t *testing.T) {
	c := j.clusters[east2]
	old := c.mustIstiod(t)
	if err := c.kube.CoreV1().Pods(old.Namespace).Delete(context.Background(), old.Pod, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another istiod", func(ctx context.Context) error {
		now, err := c.istiod(ctx)
		if err == nil && now.Pod == old.Pod {
			err = errors.New("it is still the old one")
		}
		return err
	})
	wantRemotes(t, c, []string{"east-1", "west-1"})
	j.nothingToChange(t)
}
