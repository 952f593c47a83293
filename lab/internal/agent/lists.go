package agent

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"

	"github.com/setup-mesh/setup-mesh/lab/internal/follow"
)

// listsMap is the ConfigMap with revocation lists that istiods write into every namespace, and that the webhook mounts.
const listsMap = "istio-ca-crl"

// lists are the revocation lists in the pod's file, which stays as it was where the ConfigMap goes. The agent tells Envoy of the
// file where it is there when Envoy is given roots; from then on Envoy follows it.
// https://github.com/istio/istio/blob/1.31.0/security/pkg/nodeagent/sds/sdsservice.go (toEnvoySecret)
type lists struct {
	proxy Proxy
	read  chan struct{} // closed once it is known whether there is a file

	mu    sync.Mutex
	there bool // the file, which is empty where there are no lists
	text  string
	told  bool
}

// push is what happens to the lists whenever Envoy is given roots.
func (l *lists) push() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = l.told || l.there
	l.tell()
}

func (l *lists) tell() {
	if l.told {
		l.proxy.List([]byte(l.text))
	}
}

// follow keeps the file as the ConfigMap is, until ctx is done.
func (l *lists) follow(ctx context.Context, client kubernetes.Interface, namespace string) {
	put := func(m *corev1.ConfigMap) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.there = true
		if l.text != m.Data["ca-crl.pem"] {
			l.text = m.Data["ca-crl.pem"]
			l.tell()
		}
	}
	first := sync.OnceFunc(func() { close(l.read) })
	set := func(all []*corev1.ConfigMap) {
		for _, m := range all {
			put(m)
		}
		first()
	}
	api := client.CoreV1().ConfigMaps(namespace)
	items := func(l *corev1.ConfigMapList) []corev1.ConfigMap { return l.Items }
	only := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", listsMap).String()}
	follow.New(api.List, items, api.Watch, only).Follow(ctx, set, put, func(*corev1.ConfigMap) {})
}
