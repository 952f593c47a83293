package applytest

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// userName is what every API server calls the user of every run.
const userName = "applytest-admin"

// A client is what a run opened: [object.Cluster], as package kube implements it.
type client struct {
	run     *Run
	context string
	c       *Cluster
}

var _ object.Cluster = (*client)(nil)

// A call is a request in the words of the client.
type call struct {
	verb, op string
	ref      object.Ref
	writes   bool
	dryRun   bool
	access   string // the verb that permissions know, "" for none needed
}

// do runs effect as a request: with the fleet locked, and the actors after it.
func (k *client) do(ctx context.Context, call call, effect func() error) error {
	req := Request{
		Run: k.run.number, Cluster: k.c.name, Context: k.context, Verb: call.verb, Ref: call.ref, Writes: call.writes, DryRun: call.dryRun,
	}
	err := k.run.meets(ctx, k.c, req)
	if err == nil {
		if err = k.effect(call, effect); object.ClassOf(err) != object.Unreachable {
			req.Done = true
			if after := k.run.meets(ctx, k.c, req); after != nil {
				err = after
			}
		}
	}
	return k.failed(call.op, call.ref, err)
}

func (k *client) effect(call call, effect func() error) error {
	defer k.c.f.hold()()
	if k.c.settings.Down {
		return unreachable(k.c)
	}
	if allowed := k.c.settings.Allowed; allowed != nil && call.access != "" && !allowed(object.AccessTo(call.access, call.ref)) {
		return refusal(object.Forbidden, call.ref, "%s %q is forbidden: User %q cannot %s resource %q in API group %q in the namespace %q",
			resourceName(call.ref), call.ref.Name, userName, call.access, call.ref.Resource(), call.ref.Group, call.ref.Namespace)
	}
	k.c.f.asking = k.run.number
	err := effect()
	k.c.f.asking = 0
	k.c.f.settle()
	return err
}

// failed completes an error.
func (k *client) failed(op string, ref object.Ref, err error) error {
	e, ok := err.(*object.Error) //nolint:errorlint // ours, not one that is wrapped
	if !ok {
		return err
	}
	c := *e
	if c.Context, c.Op, c.Ref = k.context, op, ref; c.Class == object.Unauthorized && c.Hint == "" {
		c.Hint = "log in again for context " + k.context
	}
	return &c
}

// Identity implements [object.Reader].
func (k *client) Identity(ctx context.Context) (object.Identity, error) {
	var id object.Identity
	ref := object.NamespaceRef("kube-system")
	err := k.do(ctx, call{verb: "identity", op: "read", ref: ref, access: "get"}, func() error {
		id = object.Identity{UID: string(k.c.get(ref).GetUID()), Version: k.c.settings.Version}
		return nil
	})
	return id, err
}

// Get implements [object.Reader].
func (k *client) Get(ctx context.Context, ref object.Ref) (Object, error) {
	return k.read(ctx, call{verb: "get", op: "read", ref: ref, access: "get"})
}

func (k *client) read(ctx context.Context, call call) (out Object, err error) {
	err = k.do(ctx, call, func() error {
		if _, err := k.c.check(call.ref, ""); err != nil {
			return err
		}
		o := k.c.get(call.ref)
		if o == nil {
			return notFound(call.ref)
		}
		out = k.c.shown(o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// List implements [object.Reader].
func (k *client) List(ctx context.Context, kind schema.GroupKind, namespace, selector string) ([]Object, error) {
	return k.list(ctx, "list", kind, namespace, selector)
}

// Each implements [object.Reader].
func (k *client) Each(ctx context.Context, kind schema.GroupKind, selector string, f func(Object)) error {
	list, err := k.list(ctx, "each", kind, "", selector)
	for _, o := range list {
		f(o)
	}
	return err
}

func (k *client) list(ctx context.Context, verb string, kind schema.GroupKind, namespace, selector string) (out []Object, err error) {
	ref := object.Of(kind, namespace)
	err = k.do(ctx, call{verb: verb, op: "list", ref: ref, access: "list"}, func() error {
		if _, err := k.c.check(ref, ""); err != nil {
			return err
		}
		s, err := k.c.f.selector(selector)
		if err != nil {
			return invalid(ref, "unable to parse requirement: "+err.Error())
		}
		out = k.c.list(kind, namespace, s)
		for i, o := range out {
			out[i] = k.c.shown(o)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Contents implements [object.Reader].
func (k *client) Contents(ctx context.Context) (out []schema.GroupKind, err error) {
	err = k.do(ctx, call{verb: "contents", op: "read /apis"}, func() error {
		out = k.c.contents()
		return nil
	})
	return out, err
}

// Endpoint implements [object.Asker].
func (k *client) Endpoint() object.Endpoint {
	return object.Endpoint{Server: k.c.server(), CA: []byte("CA of " + k.c.name)}
}

// Allowed implements [object.Asker].
func (k *client) Allowed(ctx context.Context, accesses []object.Access) ([]bool, error) {
	out := make([]bool, len(accesses))
	err := k.do(ctx, call{verb: "allowed", op: "ask what the user may do"}, func() error {
		for i, a := range accesses {
			out[i] = k.c.settings.Allowed == nil || k.c.settings.Allowed(a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// User implements [object.Asker].
func (k *client) User(ctx context.Context) (string, error) {
	err := k.do(ctx, call{verb: "user", op: "ask who the user is"}, func() error { return nil })
	if err != nil {
		return "", err
	}
	return userName, nil
}

// Try implements [object.Asker].
func (k *client) Try(ctx context.Context, o Object) (out Object, err error) {
	ref := object.RefOf(o)
	err = k.do(ctx, call{verb: "try", op: "create", ref: ref, access: "create"}, func() error {
		made, err := k.c.create(object.FieldManager, o, createOptions{dryRun: true})
		if err == nil {
			out = made.DeepCopy()
		}
		return err
	})
	return out, err
}

// PodGet implements [object.Asker].
func (k *client) PodGet(ctx context.Context, namespace, pod string, port int, path string) (body []byte, err error) {
	ref := object.Ref{Kind: "Pod", Namespace: namespace, Name: pod}
	op := fmt.Sprintf("get %s from port %d of", path, port)
	err = k.do(ctx, call{verb: "podget", op: op, ref: ref}, func() (err error) {
		body, err = k.c.podGet(ref, port, path)
		return err
	})
	return body, err
}

// PodTLS implements [object.Asker]. Of what an istiod shows, its own certificate is left
// out: the first is that of its CA.
func (k *client) PodTLS(ctx context.Context, namespace, pod string, port int) (chain []*x509.Certificate, err error) {
	ref := object.Ref{Kind: "Pod", Namespace: namespace, Name: pod}
	err = k.do(ctx, call{verb: "podtls", op: fmt.Sprintf("begin TLS with port %d of", port), ref: ref}, func() (err error) {
		chain, err = k.c.podTLS(ref, port)
		return err
	})
	return chain, err
}

// PodLog implements [object.Asker].
func (k *client) PodLog(ctx context.Context, namespace, pod string, of object.LogOptions) (log []byte, err error) {
	ref := object.Ref{Kind: "Pod", Namespace: namespace, Name: pod}
	err = k.do(ctx, call{verb: "podlog", op: "read the log of container " + of.Container + " in", ref: ref}, func() error {
		if k.c.get(ref) == nil {
			return notFound(ref)
		}
		if k.c.settings.Log != nil {
			log = []byte(k.c.settings.Log(pod, of))
		}
		return nil
	})
	return log, err
}

// Apply implements [object.Writer].
func (k *client) Apply(ctx context.Context, o Object, opts object.ApplyOptions) (out Object, err error) {
	op := "apply"
	if opts.DryRun {
		op = "dry-run"
	}
	err = k.do(ctx, call{verb: "apply", op: op, ref: object.RefOf(o), writes: !opts.DryRun, dryRun: opts.DryRun, access: "patch"}, func() error {
		made, err := k.c.apply(object.FieldManager, o, opts)
		if err == nil {
			out = copyOf(in(made, o.GroupVersionKind()))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Delete implements [object.Writer].
func (k *client) Delete(ctx context.Context, ref object.Ref, opts object.DeleteOptions) error {
	return k.do(ctx, call{verb: "delete", op: "delete", ref: ref, writes: true, access: "delete"}, func() error {
		return k.c.remove(object.FieldManager, ref, opts)
	})
}

// LetGo implements [object.Writer].
func (k *client) LetGo(ctx context.Context, ref object.Ref, uid string, keys ...string) error {
	return k.do(ctx, call{verb: "letgo", op: "let go of", ref: ref, writes: true, access: "patch"}, func() error {
		return k.c.letGo(object.FieldManager, ref, uid, keys)
	})
}

// Token implements [object.Writer].
func (k *client) Token(ctx context.Context, namespace, account string, bound object.Ref, boundUID string, ttl time.Duration) (certs.Secret, time.Time, error) {
	ref := object.Ref{Kind: "ServiceAccount", Namespace: namespace, Name: account}
	var token string
	var expires time.Time
	err := k.do(ctx, call{verb: "token", op: "request a token of", ref: ref, writes: true}, func() (err error) {
		token, expires, err = k.c.token(ref, bound, boundUID, ttl)
		return err
	})
	if err != nil {
		return certs.Secret{}, time.Time{}, err
	}
	return certs.NewSecret([]byte(token)), expires, nil
}

// absent says whether err is that nothing is there.
func absent(err error) bool { return errors.Is(err, object.ErrNotFound) }
