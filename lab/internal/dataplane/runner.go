// Package dataplane plays the workloads and proxies of a cluster's pods by what the real istiods tell each of them.
package dataplane

import (
	"context"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
	"github.com/setup-mesh/setup-mesh/lab/internal/follow"
	"github.com/setup-mesh/setup-mesh/lab/internal/ports"
	"github.com/setup-mesh/setup-mesh/lab/internal/running"
)

// A Runner plays the pods of one cluster that have a [role]. Its methods are safe for concurrent use.
type Runner struct {
	cluster *cluster.Cluster
	pool    *ports.Pool
	changed func() // other addresses lead to pods
	ends    context.Context
	pods    running.Set[*instance]
}

// NewRunner returns a Runner that does nothing until [Runner.Run], and ends with ends. changed is called, from any
// goroutine, whenever [Runner.Routes] or [Runner.Plays] may have changed.
func NewRunner(ends context.Context, c *cluster.Cluster, p *ports.Pool, changed func()) *Runner {
	return &Runner{ends: ends, cluster: c, pool: p, changed: changed}
}

// Run follows the cluster, and returns when nothing is played any longer.
func (r *Runner) Run() {
	api := r.cluster.Client().CoreV1().Pods(metav1.NamespaceAll)
	items := func(l *corev1.PodList) []corev1.Pod { return l.Items }
	follow.New(api.List, items, api.Watch, metav1.ListOptions{}).Follow(r.ends, r.set, r.put, func(p *corev1.Pod) { r.pods.Stop(p.UID) })
	r.pods.Keep(nil)
	r.pods.Wait()
}

func (r *Runner) set(pods []*corev1.Pod) {
	for _, p := range pods {
		r.put(p)
	}
	r.pods.Keep(pods)
}

// put starts to play a pod that runs, and ends with one that is to go.
func (r *Runner) put(pod *corev1.Pod) {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		r.pods.Stop(pod.UID)
		return
	}
	role := roleOf(pod)
	if pod.Status.PodIP == "" || pod.Status.Phase != corev1.PodRunning || !role.plays() {
		return
	}
	r.pods.Start(r.ends, pod.UID, func() (*instance, func(context.Context)) {
		i := newInstance(r, pod, role)
		return i, i.run
	})
}

// Routes lead from "address:port" of pods to loopback.
func (r *Runner) Routes() map[string]string {
	out := map[string]string{}
	for _, i := range r.pods.All() {
		maps.Copy(out, i.routes())
	}
	return out
}

// Plays says whether a proxy is played in the pod, or an ambient gateway.
func (r *Runner) Plays(uid types.UID) bool {
	i, ok := r.pods.Get(uid)
	return ok && (i.proxy != nil || i.role.tunnel)
}
