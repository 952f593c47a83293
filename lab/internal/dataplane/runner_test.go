package dataplane

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
)

// TestGatewayThatIsToldNothing: others hear that it is played, and so that its ports do not lead past it to an istiod.
func TestGatewayThatIsToldNothing(t *testing.T) {
	heard := make(chan bool, 10)
	ctx, stop := context.WithCancel(t.Context())
	var r *Runner
	r = NewRunner(ctx, &cluster.Cluster{}, nil, func() {
		heard <- r.Plays("1")
		stop()
	})
	r.put(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{UID: "1"}, Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.129.0.1"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy", Args: []string{"proxy", "router"}}}},
	})
	if !<-heard {
		t.Error("it is said not to be played")
	}
	r.pods.Wait()
}
