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

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	// pageSize is how many objects are listed at a time, as kubectl does.
	pageSize = 500
	// smallerPage divides it where a page would be longer than maxPage.
	smallerPage = 8
)

// Get reads ref. An object that is absent, or whose kind is, is an error
// wrapping [object.ErrNotFound].
func (c *Cluster) Get(ctx context.Context, ref object.Ref) (*unstructured.Unstructured, error) {
	var o *unstructured.Unstructured
	err := c.do(ctx, "read", ref, func(r resources) (err error) {
		o, err = r.Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	return o, err
}

// List reads all objects of a kind that have the labels, in one namespace or,
// if namespace is empty, in all. A kind that the server does not have is an
// error wrapping [object.ErrNoKind]. The objects may have parts in common: they are
// not to be changed.
func (c *Cluster) List(ctx context.Context, kind schema.GroupKind, namespace, labelSelector string) ([]*unstructured.Unstructured, error) {
	var items []*unstructured.Unstructured
	err := c.pages(ctx, kind, namespace, labelSelector, func(page []unstructured.Unstructured, first bool) {
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
// to start again, f sees objects twice.
func (c *Cluster) Each(ctx context.Context, kind schema.GroupKind, labelSelector string, f func(*unstructured.Unstructured)) error {
	return c.pages(ctx, kind, "", labelSelector, func(page []unstructured.Unstructured, _ bool) {
		for i := range page {
			f(&page[i])
		}
	})
}

// pages lists a kind. One of the pages is the first; after another first one,
// what was seen before does not count.
func (c *Cluster) pages(ctx context.Context, kind schema.GroupKind, namespace, labelSelector string, see func(page []unstructured.Unstructured, first bool)) error {
	ref := object.Of(kind, namespace)
	return c.do(ctx, "list", ref, func(r resources) error {
		opts := metav1.ListOptions{LabelSelector: labelSelector, Limit: pageSize}
		for {
			page, err := c.page(ctx, r, opts)
			if apierrors.IsResourceExpired(err) && opts.Continue != "" {
				// The list took longer than etcd keeps its snapshot.
				opts.Continue, opts.Limit = goOn(err, opts.Limit)
				continue
			}
			if _, ok := errors.AsType[*transport.LongAnswer](causeOf(err)); ok && opts.Limit > 1 {
				opts.Limit = (opts.Limit + smallerPage - 1) / smallerPage
				continue
			}
			if err != nil {
				return err
			}
			see(page.items, opts.Continue == "")
			if opts.Continue = page.next; opts.Continue == "" {
				return nil
			}
		}
	})
}

// goOn says how to list after a continue token has expired: with the token for
// the rest that comes with the refusal (objects that are there all the time are
// in it) or, from a server that gives none, all at once.
//
// https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
func goOn(err error, limit int64) (token string, size int64) {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if ok && status.ErrStatus.Continue != "" {
		return status.ErrStatus.Continue, limit
	}
	return "", 0
}

// Apply makes the fields of o so, by server-side apply, and returns the object
// as it is then. Fields that another manager owns and that would change are
// an error with a [*object.ConflictError] unless forced. If o holds a
// resourceVersion or UID, the live object must have it. o is not changed.
func (c *Cluster) Apply(ctx context.Context, o *unstructured.Unstructured, opts object.ApplyOptions) (*unstructured.Unstructured, error) {
	ref := object.RefOf(o)
	data, err := o.MarshalJSON()
	if err != nil {
		return nil, &object.Error{Class: object.Invalid, Context: c.context, Op: "apply", Ref: ref, Message: "cannot be encoded"}
	}
	patch := metav1.PatchOptions{FieldManager: object.FieldManager, Force: &opts.Force, FieldValidation: metav1.FieldValidationStrict}
	op := "apply"
	if opts.DryRun {
		op, patch.DryRun = "dry-run", []string{metav1.DryRunAll}
	}
	var out *unstructured.Unstructured
	err = c.doIn(ctx, op, ref, o.GroupVersionKind().Version, func(r resources) (err error) {
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

// Try returns what would become of o if it was created now: it asks for a dry
// run, admission included. One that exists is an error of class [object.Conflict].
func (c *Cluster) Try(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	opts := metav1.CreateOptions{FieldManager: object.FieldManager, FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}}
	var out *unstructured.Unstructured
	err := c.doIn(ctx, "create", object.RefOf(o), o.GroupVersionKind().Version, func(r resources) (err error) {
		out, err = r.Create(ctx, o, opts)
		return err
	})
	return out, err
}

// Delete removes ref. Deleting what is absent succeeds; an object that has
// another UID than that of the options is an error of class [object.Conflict].
func (c *Cluster) Delete(ctx context.Context, ref object.Ref, o object.DeleteOptions) error {
	propagation := metav1.DeletePropagationBackground
	if o.Foreground {
		propagation = metav1.DeletePropagationForeground
	}
	opts := metav1.DeleteOptions{PropagationPolicy: &propagation}
	if o.UID != "" {
		opts.Preconditions = metav1.NewUIDPreconditions(o.UID)
	}
	err := c.do(ctx, "delete", ref, func(r resources) error {
		return r.Delete(ctx, ref.Name, opts)
	})
	if object.ClassOf(err) == object.NotFound {
		return nil
	}
	return err
}

// do runs f on the resource of ref and turns its error into an [*object.Error].
func (c *Cluster) do(ctx context.Context, op string, ref object.Ref, f func(resources) error) error {
	return c.doIn(ctx, op, ref, "", f)
}

// doIn is do in the version in which an object at hand is written; "" is any that
// the server has.
func (c *Cluster) doIn(ctx context.Context, op string, ref object.Ref, version string, f func(resources) error) error {
	kind, err := c.resource(ctx, op, ref)
	if err != nil {
		return err
	}
	if kind.Namespaced && ref.Namespace == "" && ref.Name != "" {
		return &object.Error{Class: object.Invalid, Context: c.context, Op: op, Ref: ref, Message: fmt.Sprintf("a %s needs a namespace", ref.Kind)}
	}
	if version != "" {
		kind.Version = version
	}
	err = f(c.objects(ref, kind))
	if unknownPath(err) {
		// The server does not have this kind, or not in the version that we know.
		served, missing := c.discover(ctx, op, ref, version)
		if missing != nil {
			return missing
		}
		if served.Version != kind.Version {
			err = f(c.objects(ref, served))
		}
	}
	if err != nil {
		return c.failed(ctx, op, ref, err)
	}
	return nil
}

// resources is where objects of one kind are, in a namespace or in all.
type resources struct {
	dynamic.ResourceInterface
	path []string // of their list
}

// objects is where objects like ref are.
func (c *Cluster) objects(ref object.Ref, kind object.Resource) resources {
	r := c.dynamic.Resource(schema.GroupVersionResource{Group: ref.Group, Version: kind.Version, Resource: kind.Plural})
	path := []string{"api", kind.Version}
	if ref.Group != "" {
		path = []string{"apis", ref.Group, kind.Version}
	}
	if !kind.Namespaced || ref.Namespace == "" {
		return resources{r, append(path, kind.Plural)}
	}
	return resources{r.Namespace(ref.Namespace), append(path, "namespaces", ref.Namespace, kind.Plural)}
}

// unknownPath says whether err is a 404 that does not speak of an object: the API
// does not know the path, or something else answered.
func unknownPath(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	return ok && status.Status().Code == http.StatusNotFound && apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse)
}
