package downward

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestEnvironment(t *testing.T) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "istiod-1", Namespace: "istio-system", Labels: map[string]string{"istio.io/rev": "default"},
		},
		Spec: corev1.PodSpec{ServiceAccountName: "istiod", NodeName: "node-east"},
	}
	ref := func(path string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}
	}
	res := func(name string) *corev1.EnvVarSource {
		return &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: name}}
	}
	tests := map[string]struct {
		limits corev1.ResourceList
		env    []corev1.EnvVar
		want   []string
	}{
		"what the chart sets": {
			env: []corev1.EnvVar{
				{Name: "REVISION", Value: "default"}, {Name: "POD_NAME", ValueFrom: ref("metadata.name")},
				{Name: "POD_NAMESPACE", ValueFrom: ref("metadata.namespace")},
				{Name: "SERVICE_ACCOUNT", ValueFrom: ref("spec.serviceAccountName")},
				{Name: "KUBECONFIG", Value: "/var/run/secrets/remote/config"},
			},
			want: []string{"REVISION=default", "POD_NAME=istiod-1", "POD_NAMESPACE=istio-system", "SERVICE_ACCOUNT=istiod"},
		},
		"labels, addresses, and a field nobody knows": {
			env: []corev1.EnvVar{
				{Name: "REV", ValueFrom: ref("metadata.labels['istio.io/rev']")}, {Name: "NO", ValueFrom: ref("metadata.labels['no']")},
				{Name: "IP", ValueFrom: ref("status.podIP")}, {Name: "WHAT", ValueFrom: ref("spec.what")},
			},
			want: []string{"REV=default", "IP=10.129.1.1"},
		},
		"limits of the container": {
			limits: corev1.ResourceList{"cpu": resource.MustParse("1500m"), "memory": resource.MustParse("1Gi")},
			env:    []corev1.EnvVar{{Name: "GOMAXPROCS", ValueFrom: res("limits.cpu")}, {Name: "GOMEMLIMIT", ValueFrom: res("limits.memory")}},
			want:   []string{"GOMAXPROCS=2", "GOMEMLIMIT=1073741824"},
		},
		"no limits": {
			env:  []corev1.EnvVar{{Name: "GOMAXPROCS", ValueFrom: res("limits.cpu")}, {Name: "GOMEMLIMIT", ValueFrom: res("limits.memory")}},
			want: []string{"GOMAXPROCS=" + strconv.Itoa(runtime.NumCPU())},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", "/bin")
			c := corev1.Container{Env: tt.env, Resources: corev1.ResourceRequirements{Limits: tt.limits}}
			got, err := Environment(t.Context(), nil, pod, c, "10.129.1.1")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append([]string{"PATH=/bin"}, tt.want...), got); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
		})
	}
}
