package observe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// share reads what is wanted in the clusters of a mesh that shares Services. What
// one is to hold is in the others: the Services of all have been read.
func (ob observer) share(ctx context.Context, w *world.World, d *desired.Desired) error {
	wanted, err := desired.NewSharing(d, w)
	if err != nil {
		return err
	}
	var g errgroup.Group
	for i, c := range d.Clusters {
		if l := w.Clusters[i]; l.Unreached == nil {
			g.Go(func() error {
				ob.read(ctx, ob.clients.Connect(l), c, slices.Concat(c.Items, wanted.Items[l.Name]))
				return nil
			})
		}
	}
	return g.Wait()
}

// readServices reads the shared namespaces of a cluster and all Services in them:
// a request for each, and one for the namespaces themselves.
func readServices(ctx context.Context, l *world.Connected, namespaces []string) error {
	l.Services = map[string][]*unstructured.Unstructured{}
	g := limited(readsAtOnce)
	var mu sync.Mutex
	for _, namespace := range namespaces {
		g.Go(func() error {
			list, err := l.Cluster.List(ctx, schema.GroupKind{Kind: "Service"}, namespace, "")
			mu.Lock()
			defer mu.Unlock()
			l.Services[namespace] = list
			return err
		})
	}
	var found []*unstructured.Unstructured
	g.Go(func() (err error) {
		// https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name
		selector := "kubernetes.io/metadata.name in (" + strings.Join(namespaces, ",") + ")"
		found, err = l.Cluster.List(ctx, schema.GroupKind{Kind: "Namespace"}, "", selector)
		return err
	})
	if err := g.Wait(); err != nil {
		if e, ok := errors.AsType[*object.Error](err); ok && e.Class == object.Forbidden {
			return forbiddenReading(ctx, l, e, sharedRefs(namespaces))
		}
		return err
	}
	l.SharedRead(namespaces, found)
	return nil
}

// sharedRefs are the kinds that readServices lists.
func sharedRefs(namespaces []string) []object.Ref {
	refs := []object.Ref{object.NamespaceRef("")}
	for _, namespace := range namespaces {
		refs = append(refs, object.ServiceRef(namespace, ""))
	}
	return refs
}
