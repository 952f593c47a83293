package observe

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// Roots are the root certificates that proxies of a cluster are given.
type Roots struct {
	// PEM is what is in ConfigMap istio-ca-root-cert, by namespace; only namespaces
	// whose pods are injected, "" where there is none. nil where nobody was asked.
	PEM map[string]string
	// Lists are the PEM revocation lists in ConfigMap istio-ca-crl of these namespaces, ""
	// where there are none.
	Lists map[string]string
	Err   error
}

// ReadRoots reads them: two lists, whatever the number of namespaces.
func ReadRoots(ctx context.Context, l *world.Connected) Roots {
	var maps, namespaces []*unstructured.Unstructured
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		// istiod's label: https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/namespacecontroller.go
		maps, err = l.Cluster.List(ctx, schema.GroupKind{Kind: "ConfigMap"}, "", "istio.io/config=true")
		return err
	})
	g.Go(func() (err error) {
		namespaces, err = l.Cluster.List(ctx, schema.GroupKind{Kind: "Namespace"}, "", "")
		return err
	})
	if err := g.Wait(); err != nil {
		return Roots{Err: err}
	}
	return Roots{
		PEM:   textsIn(namespaces, maps, object.RootConfigMap, "root-cert.pem"),
		Lists: textsIn(namespaces, maps, object.ListsConfigMap, "ca-crl.pem"),
	}
}

// textsIn is what is at a key of the ConfigMaps with a name, in the namespaces that are
// injected.
func textsIn(namespaces, maps []*unstructured.Unstructured, name, key string) map[string]string {
	out := map[string]string{}
	for _, n := range namespaces {
		if injects(n) {
			out[n.GetName()] = ""
		}
	}
	for _, m := range maps {
		if _, injected := out[m.GetNamespace()]; injected && m.GetName() == name {
			text, _, _ := unstructured.NestedString(m.Object, "data", key)
			out[m.GetNamespace()] = strings.TrimSpace(text)
		}
	}
	return out
}

// injects says whether the pods of a namespace are injected by an Istio, and it is
// not about to go.
// https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy
func injects(namespace *unstructured.Unstructured) bool {
	labels := namespace.GetLabels()
	return namespace.GetDeletionTimestamp() == nil && (labels[object.LabelInjection] == "enabled" || labels[object.LabelInjection] == "" && labels[object.LabelRevision] != "")
}
