package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/setup-mesh/setup-mesh/lab"
)

// A cluster is one of the lab's, seen by its administrator.
type cluster struct {
	context string
	lab     *lab.Lab
	config  *rest.Config
	kube    *kubernetes.Clientset
	dynamic *dynamic.DynamicClient
}

func openCluster(t testing.TB, l *lab.Lab, kubeContext string) *cluster {
	t.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: l.Kubeconfig()},
		&clientcmd.ConfigOverrides{CurrentContext: kubeContext}).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	c := &cluster{context: kubeContext, lab: l, config: config}
	if c.kube, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	return c
}

// istiod is the only istiod of the cluster, once there is one and it is ready.
func (c *cluster) istiod(ctx context.Context) (lab.Istiod, error) {
	members, err := c.lab.Clusters(ctx)
	if err != nil {
		return lab.Istiod{}, err
	}
	for _, m := range members {
		if m.Context != c.context {
			continue
		}
		if len(m.Istiods) != 1 || !m.Istiods[0].Ready {
			return lab.Istiod{}, fmt.Errorf("%s: istiods are %+v", c.context, m.Istiods)
		}
		return m.Istiods[0], nil
	}
	return lab.Istiod{}, fmt.Errorf("%s: not in the lab", c.context)
}

func (c *cluster) mustIstiod(t testing.TB) lab.Istiod {
	t.Helper()
	var i lab.Istiod
	eventually(t, c.context+": one istiod", func(ctx context.Context) (err error) {
		i, err = c.istiod(ctx)
		return err
	})
	return i
}

// skipped says whether a kind, or Kubernetes' own objects of it, are rewritten all the time.
func skipped(kind, namespace string) bool {
	switch kind {
	case "Event", "Endpoints", "EndpointSlice", "ComponentStatus":
		return true
	case "Lease":
		return strings.HasPrefix(namespace, "kube-")
	}
	return false
}

// objects reads every object of every kind.
func (c *cluster) objects(ctx context.Context) (map[string]*unstructured.Unstructured, error) {
	groups, err := c.kube.Discovery().ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	out := map[string]*unstructured.Unstructured{}
	for _, g := range groups {
		gv, err := schema.ParseGroupVersion(g.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range g.APIResources {
			if skipped(r.Kind, "") || !slices.Contains(r.Verbs, "list") || strings.Contains(r.Name, "/") {
				continue
			}
			list, err := c.dynamic.Resource(gv.WithResource(r.Name)).List(ctx, metav1.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("list %s in %s: %w", r.Name, c.context, err)
			}
			for _, o := range list.Items {
				if skipped(r.Kind, o.GetNamespace()) {
					continue
				}
				out[strings.Join([]string{gv.Group, r.Kind, o.GetNamespace(), o.GetName()}, "/")] = &o
			}
		}
	}
	return out, nil
}

// snapshot is the cluster as far as somebody wants it so: every object of every kind without its status, and without
// what the API server writes beside it.
func (c *cluster) snapshot(ctx context.Context) (map[string]string, error) {
	all, err := c.objects(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for key, o := range all {
		content := o.DeepCopy().Object
		delete(content, "status")
		meta, _ := content["metadata"].(map[string]any)
		for _, f := range []string{"resourceVersion", "uid", "creationTimestamp", "managedFields", "generation", "selfLink"} {
			delete(meta, f)
		}
		b, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		out[key] = string(b)
	}
	return out, nil
}

// fieldManager is who writes what setup-mesh applies.
const fieldManager = "setup-mesh"

// versions tells for every object that setup-mesh manages when it was last changed by whoever wants it to be
// different. Status does not count, and what istiod fills into its webhooks does not either.
func (c *cluster) versions(t testing.TB) map[string]string {
	t.Helper()
	all, err := c.objects(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for key, o := range all {
		for _, m := range o.GetManagedFields() {
			if m.Manager != fieldManager {
				continue
			}
			_, hasStatus := o.Object["status"]
			out[key] = "version " + o.GetResourceVersion()
			if hasStatus || strings.HasSuffix(o.GetKind(), "WebhookConfiguration") {
				out[key] = fmt.Sprintf("generation %d, labels %v, applied at %s", o.GetGeneration(), o.GetLabels(), m.Time.UTC().Format(time.RFC3339))
			}
		}
	}
	return out
}

// secret reads a Secret that has to be there.
func (c *cluster) secret(t testing.TB, namespace, name string) *corev1.Secret {
	t.Helper()
	s, err := c.kube.CoreV1().Secrets(namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("%s: %v", c.context, err)
	}
	return s
}
