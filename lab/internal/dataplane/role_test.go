package dataplane

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestRoleOf(t *testing.T) {
	proxy := func(kind string) corev1.Container {
		return corev1.Container{Name: "istio-proxy", Args: []string{"proxy", kind}}
	}
	hello := corev1.Container{Name: "helloworld", Image: "registry.example.com/any:7", Env: []corev1.EnvVar{{Name: "SERVICE_VERSION", Value: "v2"}}}
	elsewhere := hello
	elsewhere.Ports = []corev1.ContainerPort{{ContainerPort: 8080}}
	tests := map[string]struct {
		init, containers []corev1.Container
		want             role
	}{
		"helloworld with a native sidecar":   {[]corev1.Container{proxy("sidecar")}, []corev1.Container{hello}, role{version: "v2", port: 5000, proxy: "sidecar"}},
		"helloworld without a sidecar":       {nil, []corev1.Container{hello}, role{version: "v2", port: 5000}},
		"helloworld on another port":         {nil, []corev1.Container{elsewhere}, role{version: "v2", port: 8080}},
		"helloworld that says no version":    {nil, []corev1.Container{{Name: "helloworld"}}, role{}},
		"a client with a sidecar":            {nil, []corev1.Container{{Name: "client"}, proxy("sidecar")}, role{client: true, proxy: "sidecar"}},
		"a gateway":                          {nil, []corev1.Container{proxy("router")}, role{proxy: "router"}},
		"a gateway that nobody has injected": {nil, []corev1.Container{{Name: "istio-proxy", Image: "auto"}}, role{}},
		"a waypoint":                         {nil, []corev1.Container{proxy("waypoint")}, role{proxy: "waypoint"}},
		"the proxy of a node":                {nil, []corev1.Container{proxy("ztunnel")}, role{proxy: "ztunnel"}},
		"a sidecar beside somebody else":     {nil, []corev1.Container{{Name: "app"}, proxy("sidecar")}, role{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := roleOf(&corev1.Pod{Spec: corev1.PodSpec{InitContainers: tt.init, Containers: tt.containers}})
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(role{})); diff != "" {
				t.Errorf("role (-want +got):\n%s", diff)
			}
			if got.plays() != (tt.want != role{}) {
				t.Errorf("plays = %v", got.plays())
			}
		})
	}
}
