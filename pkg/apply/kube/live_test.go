package kube

import (
	"context"
	"crypto/rand"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// liveKubeconfig names a kubeconfig whose contexts are running clusters that
// tests may write to, such as the lab's.
const liveKubeconfig = "SETUP_MESH_TEST_KUBECONFIG"

// live opens a running cluster, or skips the test.
func live(t *testing.T) *Cluster {
	t.Helper()
	k := liveConfig(t)
	return open(t, k, liveContext(k))
}

func liveConfig(t *testing.T) *Kubeconfig {
	t.Helper()
	path := os.Getenv(liveKubeconfig)
	if path == "" {
		t.Skipf("needs a running cluster: set %s to the kubeconfig of a lab", liveKubeconfig)
	}
	k, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func liveContext(k *Kubeconfig) string {
	if slices.Contains(k.Contexts(), "context-east-1") {
		return "context-east-1"
	}
	return k.Contexts()[0]
}

func open(t *testing.T, k *Kubeconfig, context string) *Cluster {
	t.Helper()
	c, err := k.Open(context, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// deadline returns a context that a test against a live cluster never needs
// all of.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// namespace makes a namespace of the test's own.
func namespace(t *testing.T, c *Cluster) string {
	t.Helper()
	name := "kube-test-" + strings.ToLower(rand.Text()[:10])
	apply(t, c, thing("v1", "Namespace", "", name, nil))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := c.Delete(ctx, object.Ref{Kind: "Namespace", Name: name}, object.DeleteOptions{}); err != nil {
			t.Errorf("clean up: %v", err)
		}
	})
	return name
}

func apply(t *testing.T, c *Cluster, o *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	out, err := c.Apply(deadline(t), o, object.ApplyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func thing(apiVersion, kind, namespace, name string, content map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{}}
	for k, v := range content {
		o.Object[k] = v
	}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetName(name)
	if namespace != "" {
		o.SetNamespace(namespace)
	}
	return o
}

func configMap(namespace, name string, data map[string]any) *unstructured.Unstructured {
	return thing("v1", "ConfigMap", namespace, name, map[string]any{"data": data})
}
