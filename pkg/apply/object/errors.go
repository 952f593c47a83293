package object

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNotFound is wrapped by the error of a call whose object is truly absent:
// the API server said so. A read that was refused or failed never wraps it.
var ErrNotFound = errors.New("not found")

// ErrNoKind is wrapped, beside [ErrNotFound], where the API server does not
// even have the kind: its CustomResourceDefinition is absent.
var ErrNoKind = errors.New("no such kind")

// A Class is what kind of failure an [Error] is.
type Class string

// The classes of failure.
const (
	BadKubeconfig Class = "kubeconfig"   // absent, incomplete or not acceptable; nothing was sent
	Unreachable   Class = "unreachable"  // no connection, or it broke and stayed broken
	Untrusted     Class = "untrusted"    // the server's certificate could not be verified
	Timeout       Class = "timeout"      // a deadline passed, the caller's or that of a request
	Canceled      Class = "canceled"     // the caller's context was canceled
	Unauthorized  Class = "unauthorized" // credentials refused, or none could be had
	Forbidden     Class = "forbidden"    // a permission is missing
	NotFound      Class = "not found"    // see ErrNotFound and ErrNoKind
	Conflict      Class = "conflict"     // see ConflictError; also a wrong UID or resourceVersion
	Invalid       Class = "invalid"      // the object is not acceptable to the API server
	Denied        Class = "denied"       // an admission webhook or policy said no
	Webhook       Class = "webhook"      // an admission webhook could not be called
	Terminating   Class = "terminating"  // the namespace is being deleted
	ServerFault   Class = "server"       // anything else that the server answered
	Unclassified  Class = "other"
)

// An Error is what every method of a [Cluster] fails with. Text that came
// from a server is escaped and bounded, and holds no secret.
type Error struct {
	Class   Class
	Context string   // of the kubeconfig; empty where no cluster was involved
	Op      string   // what was attempted: "read", "apply", ...
	Ref     Ref      // on what; may be zero
	Message string   // why it failed
	Fields  []string // Invalid: the paths the server complained about
	Webhook string   // Webhook and Denied: the webhook's name, if it was told
	Hint    string   // a remedy, or empty
	Detail  string   // what Hint speaks of where that takes several lines, or empty
	Err     error    // what is to be recognized of the cause, or nil; it holds no more than Message may
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Ref != (Ref{}) {
		b.WriteString(" " + e.Ref.String())
	}
	if e.Context != "" {
		fmt.Fprintf(&b, " in %q", e.Context)
	}
	b.WriteString(": " + e.Message)
	return b.String()
}

// Remedy is what to do about it, "" where nothing is known.
func (e *Error) Remedy() string { return e.Hint }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrNotFound) true for class [NotFound].
func (e *Error) Is(target error) bool { return target == ErrNotFound && e.Class == NotFound }

// ClassOf returns the class of err, [Unclassified] if it is not an [*Error].
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Unclassified
}

// Immutable says whether err is the API server's refusal to change a field
// that can only be set at creation. Such an object has to be replaced.
func Immutable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Class == Invalid &&
		(strings.Contains(e.Message, "field is immutable") || strings.Contains(e.Message, "may not change once set"))
}

// A ConflictError says that an unforced apply would take fields away from
// other managers. It is the cause of an [Error] of class [Conflict].
type ConflictError struct {
	Managers []string // sorted
	Fields   []string // paths such as .spec.replicas, sorted
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("managed by %s: %s", quoted(e.Managers), strings.Join(e.Fields, ", "))
}

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(q, ", ")
}
