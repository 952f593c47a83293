package lab_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/setup-mesh/setup-mesh/lab"
)

func TestGatewaysChange(t *testing.T) {
	needLab(t)
	ctx := t.Context()
	l := up(t, lab.Options{Contexts: []string{"one"}, NoIstiods: true})
	one := client(t, l.Kubeconfig(), "one")
	service(t, one, "before")

	t.Run("every kind of address", func(t *testing.T) {
		for _, tt := range []struct {
			kind     lab.Gateway
			ingress  []string
			resolves []string
		}{
			{lab.GatewayIP, []string{"203.0.113.1"}, []string{"203.0.113.1", "203.0.113.101"}},
			{lab.GatewayIPs, []string{"203.0.113.1", "203.0.113.101"}, []string{"203.0.113.1", "203.0.113.101"}},
			{lab.GatewayHostname, []string{"one.elb.example.com"}, []string{"203.0.113.1", "203.0.113.101"}},
			{lab.GatewayHostname2, []string{"one.elb.example.com"}, []string{"203.0.113.101"}},
			{lab.GatewayPending, nil, []string{"203.0.113.1", "203.0.113.101"}},
			{lab.GatewayIP2, []string{"203.0.113.101"}, []string{"203.0.113.1", "203.0.113.101"}},
		} {
			if err := l.SetGateway(ctx, "one", tt.kind); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.ingress, ingress(t, one, "before")); diff != "" {
				t.Errorf("%s: a Service that was there has (-want +got):\n%s", tt.kind, diff)
			}
			name := "with-" + string(tt.kind)
			service(t, one, name)
			why := ""
			if tt.kind == lab.GatewayPending {
				why = "Warning SyncLoadBalancerFailed: no load balancer class"
			}
			eventually(t, func() error {
				if diff := cmp.Diff(tt.ingress, ingress(t, one, name)); diff != "" {
					return fmt.Errorf("%s: a new Service has (-want +got):\n%s", tt.kind, diff)
				}
				if got := events(t, one, name); got != why {
					return fmt.Errorf("%s: the Events of a new Service are %q, want %q", tt.kind, got, why)
				}
				return nil
			})
			if got := events(t, one, "before"); tt.kind == lab.GatewayPending && got != why {
				t.Errorf("the Events of a Service that was there are %q, want %q", got, why)
			}
			if diff := cmp.Diff(tt.resolves, resolve(t, l, "one.elb.example.com.")); diff != "" {
				t.Errorf("%s: the name leads to (-want +got):\n%s", tt.kind, diff)
			}
		}
	})
	t.Run("an unknown kind is refused", func(t *testing.T) {
		if err := l.SetGateway(ctx, "one", "none"); err == nil || !strings.Contains(err.Error(), "is not one of") {
			t.Errorf("SetGateway = %v", err)
		}
	})
}

func service(t *testing.T, c *kubernetes.Clientset, name string) {
	t.Helper()
	_, err := c.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func ingress(t *testing.T, c *kubernetes.Clientset, name string) []string {
	t.Helper()
	s, err := c.CoreV1().Services("default").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range s.Status.LoadBalancer.Ingress {
		out = append(out, i.IP+i.Hostname)
	}
	return out
}

// events are what was said of a Service.
func events(t *testing.T, c *kubernetes.Clientset, name string) string {
	t.Helper()
	list, err := c.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{
		FieldSelector: "involvedObject.kind=Service,involvedObject.name=" + name})
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, e := range list.Items {
		out += fmt.Sprintf("%s %s: %s", e.Type, e.Reason, e.Message)
	}
	return out
}

// resolve asks the lab for a name's addresses.
func resolve(t *testing.T, l *lab.Lab, name string) []string {
	t.Helper()
	server, err := l.DNS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}}
	out, err := r.LookupHost(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestGatewayAPICRDs(t *testing.T) {
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	source, err := lab.Source(cwd)
	if err != nil {
		t.Fatal(err)
	}
	files, err := lab.GatewayAPICRDs(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	var gateways string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), "\nkind: CustomResourceDefinition\n") {
			t.Errorf("%s holds no CustomResourceDefinition", f)
		}
		if strings.HasSuffix(filepath.Base(f), "_gateways.yaml") {
			gateways = f
		}
	}
	if gateways == "" {
		t.Errorf("none of %v is that of Gateways", files)
	}
}
