package istiod

import (
	"context"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab/internal/follow"
)

// report writes what a kubelet would write into the pod's status. trouble is why the process does not run; a pod that
// is gone is no mistake, and an API server that is away gets the next report.
func (i *instance) report(ctx context.Context, trouble string) {
	b, err := json.Marshal(map[string]any{"status": i.status(time.Now(), trouble)})
	if err != nil {
		i.note(err)
		return
	}
	api := i.runner.cluster.Client().CoreV1().Pods(i.pod.Namespace)
	for ctx.Err() == nil {
		_, err := api.Patch(ctx, i.pod.Name, types.StrategicMergePatchType, b, metav1.PatchOptions{}, "status")
		if err == nil || apierrors.IsNotFound(err) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(follow.Retry):
		}
	}
}

func (i *instance) status(now time.Time, trouble string) corev1.PodStatus {
	i.mu.Lock()
	defer i.mu.Unlock()
	at := metav1.NewTime(now)
	is := func(yes bool) corev1.ConditionStatus {
		if yes {
			return corev1.ConditionTrue
		}
		return corev1.ConditionFalse
	}
	s := corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: i.ip, PodIPs: []corev1.PodIP{{IP: i.ip}}, StartTime: &i.pod.CreationTimestamp,
	}
	for kind, yes := range map[corev1.PodConditionType]bool{
		corev1.PodInitialized: true, corev1.PodReady: i.ready, corev1.ContainersReady: i.ready,
	} {
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: kind, Status: is(yes), LastTransitionTime: at})
	}
	for _, c := range i.pod.Spec.Containers {
		state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}}
		if trouble != "" {
			state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: trouble}}
		}
		started := trouble == ""
		s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Ready: i.ready, Started: &started, RestartCount: int32(i.restarts), State: state,
		})
	}
	return s
}
