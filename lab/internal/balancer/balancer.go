// Package balancer is what a cloud has beside a cluster: a controller that gives Services of type LoadBalancer their
// addresses, and the knowledge which addresses lead to pods of the cluster.
package balancer

import (
	"context"
	"maps"
	"reflect"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
	"github.com/setup-mesh/setup-mesh/lab/internal/follow"
)

// A Balancer serves one cluster. Its methods are safe for concurrent use.
type Balancer struct {
	cluster *cluster.Cluster
	changed func()

	writing sync.Mutex // while a status is written by what kind says, that does not change

	mu     sync.Mutex
	kind   cluster.Gateway
	told   map[types.UID]bool // Services with an Event that says why they are pending
	seen   objects
	fronts map[string]Front
}

// objects are those that decide what leads into the cluster, by UID.
type objects struct {
	services map[types.UID]*corev1.Service
	pods     map[types.UID]*corev1.Pod
	nodes    map[types.UID]*corev1.Node
}

// New returns a Balancer that does nothing until [Balancer.Run]. changed is called, from any goroutine, whenever
// [Balancer.Fronts] differ.
func New(c *cluster.Cluster, kind cluster.Gateway, changed func()) *Balancer {
	return &Balancer{cluster: c, changed: changed, kind: kind, told: map[types.UID]bool{}, seen: objects{
		map[types.UID]*corev1.Service{}, map[types.UID]*corev1.Pod{}, map[types.UID]*corev1.Node{},
	}}
}

// Run serves the cluster until ctx is done.
func (b *Balancer) Run(ctx context.Context) {
	api := b.cluster.Client().CoreV1()
	var watches sync.WaitGroup
	watches.Go(func() {
		items := func(l *corev1.ServiceList) []corev1.Service { return l.Items }
		fill := func(s *corev1.Service) { b.fill(ctx, s) }
		keep(ctx, b, follow.New(api.Services(metav1.NamespaceAll).List, items, api.Services(metav1.NamespaceAll).Watch, metav1.ListOptions{}),
			b.seen.services, fill)
	})
	watches.Go(func() {
		items := func(l *corev1.PodList) []corev1.Pod { return l.Items }
		keep(ctx, b, follow.New(api.Pods(metav1.NamespaceAll).List, items, api.Pods(metav1.NamespaceAll).Watch, metav1.ListOptions{}),
			b.seen.pods, func(*corev1.Pod) {})
	})
	watches.Go(func() {
		items := func(l *corev1.NodeList) []corev1.Node { return l.Items }
		keep(ctx, b, follow.New(api.Nodes().List, items, api.Nodes().Watch, metav1.ListOptions{}),
			b.seen.nodes, func(*corev1.Node) {})
	})
	watches.Wait()
}

// keep makes seen the objects that there are, and calls then with each that is new or has changed.
func keep[T any, P interface {
	*T
	metav1.Object
}](ctx context.Context, b *Balancer, all follow.Source[T], seen map[types.UID]P, then func(*T)) {
	put := func(o *T) {
		b.update(func() { seen[P(o).GetUID()] = o })
		then(o)
	}
	set := func(list []*T) {
		b.update(func() {
			clear(seen)
			for _, o := range list {
				seen[P(o).GetUID()] = o
			}
		})
		for _, o := range list {
			then(o)
		}
	}
	gone := func(o *T) { b.update(func() { delete(seen, P(o).GetUID()) }) }
	all.Follow(ctx, set, put, gone)
}

// update changes what was seen, and tells whoever wants to know if something else leads into the cluster then.
func (b *Balancer) update(change func()) {
	b.mu.Lock()
	change()
	differ := b.renew()
	b.mu.Unlock()
	if differ {
		b.changed()
	}
}

// renew finds the fronts anew and returns whether they differ. The caller holds mu.
func (b *Balancer) renew() bool {
	next := fronts(b.cluster.Spec(), b.kind, b.seen)
	differ := !reflect.DeepEqual(b.fronts, next)
	b.fronts = next
	return differ
}

// Kind is what Services of type LoadBalancer get now.
func (b *Balancer) Kind() cluster.Gateway {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kind
}

// Fronts are the "address:port"s outside of the cluster that lead to pods.
func (b *Balancer) Fronts() map[string]Front {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.fronts)
}
