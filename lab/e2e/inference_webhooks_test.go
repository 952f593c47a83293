package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EWebhookBehindAName: a webhook whose Service is of type ExternalName is not reached through a gateway that listens
// on 15017. An API server that dials endpoints refuses such Services. One that dials ClusterIPs takes the name, and the
// port by which the webhook's configuration names the Service: 443, whatever its targetPort.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/apiserver/pkg/util/proxy/proxy.go (ResolveEndpoint, ResolveCluster)
func TestE2EWebhookBehindAName(t *testing.T) {
	needsLab(t)
	l := startLab(t, lab.Options{Contexts: []string{"endpoints", "names"}, NoIstiods: true, NoAggregatorRouting: []string{"names"}})
	for kubeContext, want := range map[string]string{
		"endpoints": `unsupported service type "ExternalName"`,
		"names":     "nothing listens on primary.elb.example.com:443 in this lab",
	} {
		kube := openCluster(t, l, kubeContext).kube
		createWebhookBehindAName(t, kube)
		eventually(t, kubeContext+": the webhook is called", func(ctx context.Context) error {
			_, err := kube.CoreV1().ServiceAccounts("default").Create(ctx, &corev1.ServiceAccount{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "a-"}}, metav1.CreateOptions{})
			return errorIf(err == nil || !strings.Contains(err.Error(), want), "the API server says %v, and not %q", err, want)
		})
	}
}

func createWebhookBehindAName(t *testing.T, kube *kubernetes.Clientset) {
	t.Helper()
	ctx := context.Background()
	if _, err := kube.CoreV1().Services("default").Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "istiod"},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeExternalName, ExternalName: "primary.elb.example.com",
			Ports: []corev1.ServicePort{{Name: "tcp-webhook", Port: 443, TargetPort: intstr.FromInt32(15017)}},
		},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	none, path := admissionv1.SideEffectClassNone, "/inject"
	if _, err := kube.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, &admissionv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "behind-a-name"},
		Webhooks: []admissionv1.MutatingWebhook{{
			Name: "behind-a-name.example.com", SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: "default", Name: "istiod", Path: &path}},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"serviceaccounts"}},
			}},
		}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// severalAddresses: the webhooks of a Service without selector are reached at any address of an EndpointSlice that somebody
// else wrote, on its own ports.
// https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
func (i *inferences) severalAddresses(t *testing.T) {
	i.setGateway(t, lab.GatewayIPs)
	tcpIstiod, tcpWebhook, xds, webhook := "tcp-istiod", "tcp-webhook", int32(15012), int32(15017)
	if _, err := i.remote.kube.DiscoveryV1().EndpointSlices("istio-system").Create(context.Background(), &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "istiod-primary", Labels: map[string]string{discoveryv1.LabelServiceName: "istiod"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"203.0.113.1"}}, {Addresses: []string{"203.0.113.101"}}},
		Ports:       []discoveryv1.EndpointPort{{Name: &tcpIstiod, Port: &xds}, {Name: &tcpWebhook, Port: &webhook}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	i.nextPath(t)
	eventually(t, "injection through the gateway of primary", func(context.Context) error { return i.inject(t) })
	for range 10 {
		i.newConnection(t)
	}
}

// deadAddress: one that answers nothing is not left out. The API server takes any address for a new connection, and what is
// to be injected is refused if that is the dead one. A connection that is there is used again.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/apiserver/pkg/util/proxy/proxy.go (ResolveEndpoint)
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/apiserver/pkg/util/webhook/client.go (HookClient)
func (i *inferences) deadAddress(t *testing.T) {
	i.setGateway(t, lab.GatewayIP)
	const dead = "nothing listens on 203.0.113.101:15017 in this lab"
	refused, injected := 0, 0
	for refused == 0 || injected == 0 {
		if refused+injected > 100 {
			t.Fatalf("of 100 connections %d led to the address that is dead, and %d to the other", refused, injected)
		}
		i.nextPath(t)
		err := i.injectAtNextPath(t)
		switch {
		case err == nil:
			injected++
		case strings.Contains(err.Error(), dead):
			refused++
		default:
			t.Fatal(err)
		}
	}
	eventually(t, "a connection", func(context.Context) error { return i.inject(t) })
	for range 10 {
		if err := i.inject(t); err != nil {
			t.Errorf("over the same connection: %v", err)
		}
	}
}

func (i *inferences) setGateway(t *testing.T, kind lab.Gateway) {
	t.Helper()
	if err := i.lab.SetGateway(context.Background(), "primary", kind); err != nil {
		t.Fatal(err)
	}
}

// inject has istiod look at a pod in remote, which is not created.
func (i *inferences) inject(t *testing.T) error {
	_, err := i.injected(t)
	return err
}

// injected returns the environment of the sidecar that a new pod in remote gets.
func (i *inferences) injected(t *testing.T) (map[string]string, error) {
	t.Helper()
	p, err := i.remote.kube.CoreV1().Pods("shop").Create(context.Background(), helloPod(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
		for _, e := range c.Env {
			env[e.Name] = e.Value
		}
	}
	return env, errorIf(env["ISTIO_META_CLUSTER_ID"] != "remote" || env["ISTIO_META_NETWORK"] != "network-r",
		"the sidecar is of cluster %q, network %q", env["ISTIO_META_CLUSTER_ID"], env["ISTIO_META_NETWORK"])
}

// newConnection has a pod injected over a connection that no webhook has used before.
func (i *inferences) newConnection(t *testing.T) {
	t.Helper()
	i.nextPath(t)
	if err := i.injectAtNextPath(t); err != nil {
		t.Error(err)
	}
}

// nextPath gives the webhooks of remote another path: an API server has a client, and connections, for each. Istiod makes
// an environment variable of what it does not know in it.
func (i *inferences) nextPath(t *testing.T) {
	t.Helper()
	i.path++
	i.editWebhooks(t, func(c *admissionv1.WebhookClientConfig) {
		path := fmt.Sprintf("/inject/cluster/remote/net/network-r/attempt/%d", i.path)
		c.Service.Path = &path
	})
}

// injectAtNextPath tries until the API server uses the path that the webhooks have.
func (i *inferences) injectAtNextPath(t *testing.T) error {
	t.Helper()
	var answer error
	eventually(t, "injection at the next path", func(context.Context) error {
		var env map[string]string
		env, answer = i.injected(t)
		return errorIf(answer == nil && env["ATTEMPT"] != fmt.Sprint(i.path), "it is attempt %s, and not %d", env["ATTEMPT"], i.path)
	})
	return answer
}

// editWebhooks changes how the webhooks of remote reach istiod.
func (i *inferences) editWebhooks(t *testing.T, edit func(*admissionv1.WebhookClientConfig)) {
	t.Helper()
	ctx, api := context.Background(), i.remote.kube.AdmissionregistrationV1().MutatingWebhookConfigurations()
	eventually(t, "webhooks of remote", func(context.Context) error {
		list, err := api.List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, c := range list.Items {
			for n := range c.Webhooks {
				edit(&c.Webhooks[n].ClientConfig)
			}
			if _, err := api.Update(ctx, &c, metav1.UpdateOptions{}); err != nil {
				return err // istiod may have changed it at the same time
			}
		}
		return errorIf(len(list.Items) == 0, "there are none")
	})
}

// forgetCABundle takes out of the webhooks of remote by what they know istiod.
func (i *inferences) forgetCABundle(t *testing.T) {
	i.editWebhooks(t, func(c *admissionv1.WebhookClientConfig) { c.CABundle = nil })
}

func (i *inferences) caBundles(t *testing.T) []string {
	t.Helper()
	list, err := i.remote.kube.AdmissionregistrationV1().MutatingWebhookConfigurations().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range list.Items {
		for _, w := range c.Webhooks {
			out = append(out, string(w.ClientConfig.CABundle))
		}
	}
	return out
}
