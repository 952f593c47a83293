package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// pageSize is how many objects are listed at a time, as kubectl does.
const pageSize = 500

// Get reads ref. An object that is absent, or whose kind is, is an error
// wrapping [ErrNotFound].
func (c *Cluster) Get(ctx context.Context, ref Ref) (*unstructured.Unstructured, error) {
	var o *unstructured.Unstructured
	err := c.do(ctx, "read", ref, func(r dynamic.ResourceInterface) (err error) {
		o, err = r.Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	return o, err
}

// List reads all objects of a kind that have the labels, in one namespace or,
// if namespace is empty, in all. A kind that the server does not have is an
// error wrapping [ErrNoKind].
func (c *Cluster) List(ctx context.Context, gvk schema.GroupVersionKind, namespace, labelSelector string) ([]*unstructured.Unstructured, error) {
	var items []*unstructured.Unstructured
	err := c.pages(ctx, gvk, namespace, labelSelector, func(page []unstructured.Unstructured, first bool) {
		if first {
			items = nil
		}
		for i := range page {
			items = append(items, &page[i])
		}
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// Each shows f, page by page, the objects that [Cluster.List] would return for
// all namespaces: only what f keeps of them stays in memory. Where the list had
// to be begun anew, f sees objects again.
func (c *Cluster) Each(ctx context.Context, gvk schema.GroupVersionKind, labelSelector string, f func(*unstructured.Unstructured)) error {
	return c.pages(ctx, gvk, "", labelSelector, func(page []unstructured.Unstructured, _ bool) {
		for i := range page {
			f(&page[i])
		}
	})
}

// pages lists a kind. One of the pages is the first; after another first one,
// what was seen before does not count.
func (c *Cluster) pages(ctx context.Context, gvk schema.GroupVersionKind, namespace, labelSelector string, see func(page []unstructured.Unstructured, first bool)) error {
	ref := Ref{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind, Namespace: namespace}
	return c.do(ctx, "list", ref, func(r dynamic.ResourceInterface) error {
		opts := metav1.ListOptions{LabelSelector: labelSelector, Limit: pageSize}
		for {
			page, err := r.List(ctx, opts)
			if apierrors.IsResourceExpired(err) && opts.Continue != "" {
				// The list took longer than etcd keeps its snapshot: all at once.
				opts.Continue, opts.Limit = "", 0
				continue
			}
			if err != nil {
				return err
			}
			see(page.Items, opts.Continue == "")
			if opts.Continue = page.GetContinue(); opts.Continue == "" {
				return nil
			}
		}
	})
}

// ApplyOptions say how an object is applied.
type ApplyOptions struct {
	DryRun bool // ask what would be, and change nothing
	Force  bool // take fields over from other managers
}

// Apply makes the fields of o so, by server-side apply, and returns the object
// as it is then. Fields that another manager owns and that would change are
// an error with a [*ConflictError] unless forced. If o holds a
// resourceVersion or UID, the live object must have it. o is not changed.
func (c *Cluster) Apply(ctx context.Context, o *unstructured.Unstructured, opts ApplyOptions) (*unstructured.Unstructured, error) {
	ref := RefOf(o)
	data, err := o.MarshalJSON()
	if err != nil {
		return nil, &Error{Class: Invalid, Context: c.context, Op: "apply", Ref: ref, Message: "cannot be encoded", Err: err}
	}
	patch := metav1.PatchOptions{FieldManager: FieldManager, Force: &opts.Force, FieldValidation: metav1.FieldValidationStrict}
	op := "apply"
	if opts.DryRun {
		op, patch.DryRun = "dry-run", []string{metav1.DryRunAll}
	}
	var out *unstructured.Unstructured
	err = c.do(ctx, op, ref, func(r dynamic.ResourceInterface) (err error) {
		for range 3 {
			out, err = r.Patch(ctx, ref.Name, types.ApplyPatchType, data, patch)
			// Somebody else wrote between the server's own read and write.
			if o.GetResourceVersion() != "" || !lostRace(err) {
				return err
			}
		}
		return err
	})
	return out, err
}

// lostRace says whether a server-side apply without preconditions failed only
// because of another write at the same time.
func lostRace(err error) bool {
	return apierrors.IsAlreadyExists(err) ||
		apierrors.IsConflict(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict)
}

// Create makes an object that must not exist yet, and returns it as the API
// server has it. One that exists is an error of class [Conflict].
func (c *Cluster) Create(ctx context.Context, o *unstructured.Unstructured, dryRun bool) (*unstructured.Unstructured, error) {
	ref := RefOf(o)
	opts := metav1.CreateOptions{FieldManager: FieldManager, FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	var out *unstructured.Unstructured
	err := c.do(ctx, "create", ref, func(r dynamic.ResourceInterface) (err error) {
		out, err = r.Create(ctx, o, opts)
		return err
	})
	return out, err
}

// Delete removes ref if it still is the object with that UID, and returns
// without waiting for its dependents. An empty uid removes whatever has the
// name. Deleting what is absent succeeds; another UID is an error of class
// [Conflict].
func (c *Cluster) Delete(ctx context.Context, ref Ref, uid string) error {
	return c.delete(ctx, ref, uid, metav1.DeletePropagationBackground)
}

// DeleteForeground is [Cluster.Delete], but the object stays visible until
// its dependents are gone.
func (c *Cluster) DeleteForeground(ctx context.Context, ref Ref, uid string) error {
	return c.delete(ctx, ref, uid, metav1.DeletePropagationForeground)
}

func (c *Cluster) delete(ctx context.Context, ref Ref, uid string, propagation metav1.DeletionPropagation) error {
	opts := metav1.DeleteOptions{PropagationPolicy: &propagation}
	if uid != "" {
		opts.Preconditions = metav1.NewUIDPreconditions(uid)
	}
	err := c.do(ctx, "delete", ref, func(r dynamic.ResourceInterface) error {
		return r.Delete(ctx, ref.Name, opts)
	})
	if ClassOf(err) == NotFound {
		return nil
	}
	return err
}

// do runs f on the resource of ref and turns its error into an [*Error].
func (c *Cluster) do(ctx context.Context, op string, ref Ref, f func(dynamic.ResourceInterface) error) error {
	kind, err := c.resource(ctx, op, ref)
	if err != nil {
		return err
	}
	if kind.namespaced && ref.Namespace == "" && ref.Name != "" {
		return &Error{Class: Invalid, Context: c.context, Op: op, Ref: ref, Message: fmt.Sprintf("a %s needs a namespace", ref.Kind)}
	}
	var r dynamic.ResourceInterface
	gvr := schema.GroupVersionResource{Group: ref.Group, Version: ref.Version, Resource: kind.plural}
	r = c.dynamic.Resource(gvr)
	if kind.namespaced {
		r = c.dynamic.Resource(gvr).Namespace(ref.Namespace)
	}
	err = f(r)
	if err == nil {
		return nil
	}
	if unknownPath(err) {
		if kinds, err := c.discover(ctx, op, ref); err != nil {
			return err
		} else if _, ok := kinds[ref.Kind]; !ok {
			return c.noKind(op, ref)
		}
	}
	return c.failed(ctx, op, ref, err)
}

// unknownPath says whether err is a 404 that is no answer of the Kubernetes
// API about an object: the API does not know the path, or something else
// answered.
func unknownPath(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	return ok && status.Status().Code == http.StatusNotFound && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
