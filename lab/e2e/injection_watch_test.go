package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An injectionWatch tries again and again whether pods of a cluster are injected.
type injectionWatch struct {
	stop  context.CancelFunc
	done  chan struct{}
	tries int
	wrong []string // the first few answers that were no sidecar of the cluster
}

// whileInjected does something while pods are tried in clusters, which have to be injected at every moment of it.
func (j *journey) whileInjected(t *testing.T, do func(), contexts ...string) {
	t.Helper()
	watches := map[string]*injectionWatch{}
	for _, c := range contexts {
		watches[c] = watchInjection(t, j.clusters[c])
	}
	do()
	for name, w := range watches {
		w.stop()
		<-w.done
		if w.tries < 5 || len(w.wrong) > 0 {
			t.Errorf("%s: %d pods were tried, and not all were injected: %q", name, w.tries, w.wrong)
		}
	}
}

func watchInjection(t *testing.T, c *cluster) *injectionWatch {
	ctx, stop := context.WithCancel(t.Context())
	w := &injectionWatch{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for ; ctx.Err() == nil; <-tick.C {
			err := c.injects(context.WithoutCancel(ctx))
			w.tries++
			if err != nil && len(w.wrong) < 5 {
				w.wrong = append(w.wrong, time.Now().Format("15:04:05.000 ")+err.Error())
			}
		}
	}()
	return w
}

// injects says why a pod of namespace shop would not get a sidecar of its cluster. No pod is made.
func (c *cluster) injects(ctx context.Context) error {
	pod, err := c.tryPod(ctx, "shop")
	if err != nil {
		return err
	}
	return ofSidecar(pod, nameOf(c.context))
}

// tryPod is the pod that would be made in a namespace.
func (c *cluster) tryPod(ctx context.Context, namespace string) (*corev1.Pod, error) {
	return c.createPod(ctx, namespace, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

// makePod makes one that is behind service hello.
func (c *cluster) makePod(ctx context.Context, namespace string) (*corev1.Pod, error) {
	return c.createPod(ctx, namespace, metav1.CreateOptions{})
}

// createPod tries again what was lost on its way, as whoever makes pods does, for as long as a busy machine may take. An istiod
// that ends takes with it what is on its way there by a connection that the API server has kept, and what a gateway still
// sends there that has not heard of it.
func (c *cluster) createPod(ctx context.Context, namespace string, o metav1.CreateOptions) (*corev1.Pod, error) {
	for end := time.Now().Add(slow); ; {
		pod, err := c.kube.CoreV1().Pods(namespace).Create(ctx, helloPod(), o)
		if err == nil || !lostOnItsWay(err) || time.Now().After(end) {
			return pod, err
		}
	}
}

// lostOnItsWay: an API server says of a webhook that a connection to it was there and has ended. How it learns of that is
// chance: before the answer, in the middle of it, or by what it writes next.
func lostOnItsWay(err error) bool {
	if !strings.Contains(err.Error(), "failed to call webhook") {
		return false
	}
	ends := []string{
		"EOF", "connection reset by peer", "broken pipe", "use of closed network connection",
		"http2: client connection lost", "server closed idle connection",
	}
	return slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(err.Error(), end) }) ||
		strings.Contains(err.Error(), "GOAWAY")
}

func TestLostOnItsWay(t *testing.T) {
	const call = `Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": failed to call webhook: `
	const post = `Post "https://istiod.istio-system.svc:443/inject?timeout=10s": `
	for text, want := range map[string]bool{
		call + post + "EOF": true,
		call + post + "read tcp 127.0.0.1:50000->127.0.0.1:20000: read: connection reset by peer":                       true,
		call + "unexpected error when reading response body. Please retry. Original error: unexpected EOF":              true,
		call + post + `http2: server sent GOAWAY and closed the connection; LastStreamID=3, ErrCode=NO_ERROR, debug=""`: true,
		call + post + "dial tcp 127.0.0.1:20000: connect: connection refused":                                           false,
		call + post + "context deadline exceeded":                                                                       false,
		call + post + "tls: failed to verify certificate: x509: certificate signed by unknown authority":                false,
		call + post + `no endpoints available for service "istiod"`:                                                     false,
		`an error on the server ("EOF") has prevented the request from succeeding`:                                      false,
	} {
		if got := lostOnItsWay(errors.New(text)); got != want {
			t.Errorf("lostOnItsWay(%s) = %v", text, got)
		}
	}
}

func ofSidecar(pod *corev1.Pod, cluster string) error {
	all := append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...)
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == "istio-proxy" })
	if i < 0 {
		return fmt.Errorf("a pod with %d containers has no sidecar", len(all))
	}
	for _, e := range all[i].Env {
		if e.Name == "ISTIO_META_CLUSTER_ID" && e.Value == cluster {
			return nil
		}
	}
	return fmt.Errorf("the sidecar is not one of cluster %s: %v", cluster, all[i].Env)
}
