package balancer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
	"github.com/setup-mesh/setup-mesh/lab/internal/follow"
)

// manager is who writes the status and the Events, as the Service controller of a cloud does.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/cloud-provider/controllers/service/controller.go
const manager = "service-controller"

// fill gives a Service an address if it has none. One that somebody else has given stays: no cloud looks after what
// nobody has asked it to change.
func (b *Balancer) fill(ctx context.Context, s *corev1.Service) {
	for ctx.Err() == nil && len(s.Status.LoadBalancer.Ingress) == 0 {
		b.writing.Lock()
		err := b.write(ctx, s, b.Kind())
		b.writing.Unlock()
		if err == nil || answered(err) {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(follow.Retry):
		}
	}
}

// answered: the API server was there, and will not say anything else the next time. Mostly the Service is gone.
func answered(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsForbidden(err) || apierrors.IsInvalid(err)
}

// Set changes what Services get from now on, and what those have that are there. When it returns they have it.
func (b *Balancer) Set(ctx context.Context, kind cluster.Gateway) error {
	if err := kind.Check(); err != nil {
		return err
	}
	b.writing.Lock()
	defer b.writing.Unlock()
	b.update(func() {
		b.kind = kind
		clear(b.told)
	})
	list, err := b.cluster.Client().CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the Services of %s: %w", b.cluster.Spec().Context, err)
	}
	var wrong []error
	for _, s := range list.Items {
		if err := b.write(ctx, &s, kind); err != nil && !apierrors.IsNotFound(err) {
			wrong = append(wrong, fmt.Errorf("change the address of Service %s/%s: %w", s.Namespace, s.Name, err))
		}
	}
	return errors.Join(wrong...)
}

// write makes the status that of a kind, and says why where that is no address. The caller holds writing.
func (b *Balancer) write(ctx context.Context, s *corev1.Service, kind cluster.Gateway) error {
	if s.Spec.Type != corev1.ServiceTypeLoadBalancer || s.DeletionTimestamp != nil {
		return nil
	}
	ingress := b.cluster.Spec().Ingress(kind)
	if ingress == nil {
		if err := b.tell(ctx, s); err != nil {
			return err
		}
	}
	if len(ingress) == 0 && len(s.Status.LoadBalancer.Ingress) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": ingress}}})
	if err != nil {
		return err
	}
	_, err = b.cluster.Client().CoreV1().Services(s.Namespace).Patch(ctx, s.Name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: manager}, "status")
	return err
}

// tell writes an Event that says why a Service is pending, once.
func (b *Balancer) tell(ctx context.Context, s *corev1.Service) error {
	b.mu.Lock()
	told := b.told[s.UID]
	b.mu.Unlock()
	if told {
		return nil
	}
	if _, err := b.cluster.Client().CoreV1().Events(s.Namespace).Create(ctx, pending(s, metav1.Now()), metav1.CreateOptions{}); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told[s.UID] = true
	return nil
}

func pending(s *corev1.Service, now metav1.Time) *corev1.Event {
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: s.Name + ".", Namespace: s.Namespace},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: "v1", Kind: "Service", Namespace: s.Namespace, Name: s.Name, UID: s.UID, ResourceVersion: s.ResourceVersion,
		},
		Type: corev1.EventTypeWarning, Reason: "SyncLoadBalancerFailed", Message: "no load balancer class",
		Source: corev1.EventSource{Component: manager}, FirstTimestamp: now, LastTimestamp: now, Count: 1,
	}
}
