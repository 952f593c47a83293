// Package istiod runs an istiod for every istiod pod of a cluster: the real program, as a process of this machine, fed
// as a kubelet would feed its container.
package istiod

import (
	"context"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
	"github.com/setup-mesh/setup-mesh/lab/internal/follow"
	"github.com/setup-mesh/setup-mesh/lab/internal/ports"
	"github.com/setup-mesh/setup-mesh/lab/internal/proc"
	"github.com/setup-mesh/setup-mesh/lab/internal/running"
)

// caSecret is the Secret that Istio's charts mount into istiod for a plugged-in CA.
// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
const caSecret = "cacerts"

// A Runner keeps one istiod process for every istiod pod of a cluster.
type Runner struct {
	cluster *cluster.Cluster
	spawner *proc.Spawner
	pool    *ports.Pool
	changed func() // an istiod became ready, or is no longer
	ends    context.Context

	instances running.Set[*instance]
	count     int // of pods so far; numbers their addresses
}

// NewRunner returns a runner that does nothing until [Runner.Run], and ends with ends. changed is called, from any goroutine, whenever
// [Runner.Ready] may have changed.
func NewRunner(ends context.Context, c *cluster.Cluster, s *proc.Spawner, p *ports.Pool, changed func()) *Runner {
	return &Runner{ends: ends, cluster: c, spawner: s, pool: p, changed: changed}
}

// Run follows the cluster, and returns when all istiods have ended.
func (r *Runner) Run() {
	ctx := r.ends
	var watches sync.WaitGroup
	watches.Go(func() {
		put := func(p *corev1.Pod) { r.put(ctx, p) }
		r.pods().Follow(ctx, func(all []*corev1.Pod) { r.set(ctx, all) }, put, func(p *corev1.Pod) { r.instances.Stop(p.UID) })
	})
	watches.Go(func() {
		empty := func(s *corev1.Secret) { r.mounted(s.Namespace, nil) }
		r.secrets().Follow(ctx, r.mountAll, func(s *corev1.Secret) { r.mounted(s.Namespace, s.Data) }, empty)
	})
	watches.Wait()
	r.instances.Keep(nil)
	r.instances.Wait()
}

func (r *Runner) pods() follow.Source[corev1.Pod] {
	api := r.cluster.Client().CoreV1().Pods(metav1.NamespaceAll)
	items := func(l *corev1.PodList) []corev1.Pod { return l.Items }
	return follow.New(api.List, items, api.Watch, metav1.ListOptions{LabelSelector: "app=istiod"})
}

func (r *Runner) secrets() follow.Source[corev1.Secret] {
	api := r.cluster.Client().CoreV1().Secrets(metav1.NamespaceAll)
	items := func(l *corev1.SecretList) []corev1.Secret { return l.Items }
	return follow.New(api.List, items, api.Watch, metav1.ListOptions{FieldSelector: "metadata.name=" + caSecret})
}

// set makes the instances those of all pods.
func (r *Runner) set(ctx context.Context, pods []*corev1.Pod) {
	for _, p := range pods {
		r.put(ctx, p)
	}
	r.instances.Keep(pods)
}

// put starts the istiod of a pod that a node has taken, and ends that of a pod that is to go.
func (r *Runner) put(ctx context.Context, pod *corev1.Pod) {
	if pod.DeletionTimestamp != nil {
		r.instances.Stop(pod.UID)
		return
	}
	if pod.Spec.NodeName == "" {
		return
	}
	r.instances.Start(ctx, pod.UID, func() (*instance, func(context.Context)) {
		i := &instance{runner: r, pod: pod, ip: r.cluster.Spec().PodIP(r.count)}
		r.count++
		return i, i.run
	})
}

func (r *Runner) mountAll(secrets []*corev1.Secret) {
	data := map[string]map[string][]byte{}
	for _, s := range secrets {
		data[s.Namespace] = s.Data
	}
	for _, i := range r.all() {
		i.mount(data[i.pod.Namespace])
	}
}

func (r *Runner) mounted(namespace string, data map[string][]byte) {
	for _, i := range r.all() {
		if i.pod.Namespace == namespace {
			i.mount(data)
		}
	}
}

// all returns the instances sorted by namespace and name.
func (r *Runner) all() []*instance {
	out := r.instances.All()
	slices.SortFunc(out, func(a, b *instance) int {
		return strings.Compare(a.pod.Namespace+"/"+a.pod.Name, b.pod.Namespace+"/"+b.pod.Name)
	})
	return out
}

// State returns the istiods as they are now.
func (r *Runner) State() []lab.Istiod {
	out := []lab.Istiod{}
	for _, i := range r.all() {
		out = append(out, i.state())
	}
	return out
}

// Ready returns an istiod that is.
func (r *Runner) Ready() (lab.Istiod, bool) {
	for _, s := range r.State() {
		if s.Ready {
			return s, true
		}
	}
	return lab.Istiod{}, false
}

// Find returns the istiod of a pod.
func (r *Runner) Find(namespace, pod string) (lab.Istiod, bool) {
	for _, s := range r.State() {
		if s.Namespace == namespace && s.Pod == pod {
			return s, true
		}
	}
	return lab.Istiod{}, false
}
