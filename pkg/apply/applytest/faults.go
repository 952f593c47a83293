package applytest

import (
	"context"
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A Request is one call of a client, before or after it had its effect.
type Request struct {
	Run     int    // which process asks, counted from 1 in the order of [Fleet.Run]
	Cluster string // that is asked; the one a stored kubeconfig names for check
	Context string // of the kubeconfig by which it is asked; "" for check
	// Verb is the port's method: identity, get, list, each, contents, wait, allowed,
	// user, try, podget, check, apply, delete, letgo, token; or lock, renew and
	// unlock for the writes of a lock. A wait asks each time it begins to watch.
	Verb   string
	Ref    object.Ref
	Writes bool // whether it may change something
	DryRun bool // of an apply
	Done   bool // false before the effect, true after it
}

// A Fault is what happens to a request. One that comes before the request is done
// has the request do nothing; one that comes after it loses only the answer.
type Fault string

// The faults.
const (
	None         Fault = ""
	Unreachable  Fault = "unreachable"
	TimedOut     Fault = "timed out"
	Unauthorized Fault = "unauthorized"
	Forbidden    Fault = "forbidden"
	Conflict     Fault = "conflict" // 409: somebody else wrote at the same time
	Broken       Fault = "broken"   // 500
	// Kill ends the process that asks: its context is canceled, its locks are not
	// renewed, and whatever it asks later has no effect.
	Kill Fault = "kill"
)

// OnRequest calls hook before and after every request of every run; what it
// returns is the request's fault. hook may be called from several goroutines, and
// may change the fleet and its clusters: somebody else who writes in between.
func (f *Fleet) OnRequest(hook func(Request) Fault) {
	defer f.hold()()
	f.hook = hook
}

// meets says how a request fails, if so.
func (r *Run) meets(ctx context.Context, c *Cluster, req Request) error {
	r.f.mu.Lock()
	hook := r.f.hook
	r.f.mu.Unlock()
	if hook != nil {
		if err := r.suffer(hook(req), c, req.Ref); err != nil {
			return err
		}
	}
	if r.ctx.Err() != nil {
		return ended(r.ctx)
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	return nil
}

func (r *Run) suffer(fault Fault, c *Cluster, ref object.Ref) error {
	switch fault {
	case None:
		return nil
	case Kill:
		r.Kill()
		return ended(r.ctx)
	case Unreachable:
		return unreachable(c)
	case TimedOut:
		return &object.Error{Class: object.Timeout, Message: "context deadline exceeded", Err: context.DeadlineExceeded}
	case Unauthorized:
		return unauthorized()
	case Forbidden:
		return refusal(object.Forbidden, ref, "%s %q is forbidden: User %q cannot do that", resourceName(ref), ref.Name, userName)
	case Conflict:
		return modified(ref, changed)
	case Broken:
		return refusal(object.ServerFault, ref, "etcdserver: request timed out")
	}
	panic(fmt.Sprintf("applytest: no such fault: %q", fault))
}

func unreachable(c *Cluster) error {
	return &object.Error{
		Class: object.Unreachable, Message: "connection refused (10 attempts)",
		Hint: "is the API server " + c.server() + " up, and reachable from here?",
	}
}

func unauthorized() *object.Error {
	return &object.Error{Class: object.Unauthorized, Message: "the API server rejected the credentials"}
}
