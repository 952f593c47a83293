package object

import (
	"context"
	"crypto/x509"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A Cluster is one API server, as far as planning and applying need it: package
// kube speaks to real ones, package applytest holds some in memory. All methods
// may be called at the same time. Every error is an [*Error], or wraps one.
type Cluster interface {
	Reader
	Asker
	Writer
}

// A Reader reads objects. What is read belongs to the caller.
type Reader interface {
	// Identity says which cluster answers.
	Identity(ctx context.Context) (Identity, error)
	// Get reads ref. An object that is absent, or whose kind is, is an error
	// wrapping [ErrNotFound]; a read that was refused or failed never wraps it.
	Get(ctx context.Context, ref Ref) (*unstructured.Unstructured, error)
	// List reads all objects of a kind with these labels, in one namespace or,
	// if namespace is empty, in all. A kind that the server does not have is an
	// error wrapping [ErrNoKind].
	List(ctx context.Context, kind schema.GroupKind, namespace, labels string) ([]*unstructured.Unstructured, error)
	// Each shows f what List would return for all namespaces, a page at a time.
	// f may see an object twice.
	Each(ctx context.Context, kind schema.GroupKind, labels string, f func(*unstructured.Unstructured)) error
	// Contents are the kinds of objects that end with the namespace they are in.
	Contents(ctx context.Context) ([]schema.GroupKind, error)
	// Wait returns when cond is true of ref, or ctx ends: the error then has
	// the last reason as its message. A server that is away for a while is
	// waited for too; missing permissions end it at once.
	Wait(ctx context.Context, ref Ref, cond Condition) error
}

// An Asker asks what no object says.
type Asker interface {
	// Endpoint is how this machine reaches the API server. It asks nobody.
	Endpoint() Endpoint
	// Allowed says of each access whether the user has it.
	Allowed(ctx context.Context, accesses []Access) ([]bool, error)
	// User is what the API server calls the user.
	User(ctx context.Context) (string, error)
	// Try returns what would become of o if it was created now, admission
	// webhooks included; nothing is.
	Try(ctx context.Context, o *unstructured.Unstructured) (*unstructured.Unstructured, error)
	// PodGet asks a port of a pod for the document at path.
	PodGet(ctx context.Context, namespace, pod string, port int, path string) ([]byte, error)
	// PodTLS begins TLS with a port of a pod, and returns what it proves itself with,
	// its own certificate first. Whether that is good is for the caller.
	PodTLS(ctx context.Context, namespace, pod string, port int) ([]*x509.Certificate, error)
	// PodLog reads the end of what a container of a pod has logged. That of a pod that
	// is absent, or of a container that did not run before, is an error wrapping
	// [ErrNotFound], or of class [Invalid].
	PodLog(ctx context.Context, namespace, pod string, of LogOptions) ([]byte, error)
	// CheckToken says whether the API server accepts the token in a stored
	// kubeconfig, tried where this machine reaches it, and the UID of the cluster
	// that answers as in [Identity]; a nil error is yes.
	CheckToken(ctx context.Context, kubeconfig []byte) (string, error)
	// Skew is how far the API server's clock was ahead of ours in its latest
	// answer, rounded to seconds; zero before any. It asks nobody.
	Skew() time.Duration
}

// A Writer changes objects.
type Writer interface {
	// Apply makes the fields of o so, by server-side apply, and returns the
	// object as it is then. Fields of other managers that would change are an
	// error with a [*ConflictError] unless forced. If o holds a UID or a
	// resourceVersion, the live object must have it.
	Apply(ctx context.Context, o *unstructured.Unstructured, opts ApplyOptions) (*unstructured.Unstructured, error)
	// Delete removes ref. Deleting what is absent succeeds; another UID than
	// that of the options is an error of class [Conflict].
	Delete(ctx context.Context, ref Ref, opts DeleteOptions) error
	// LetGo makes ref an object that we own nothing of: fields keep their
	// values, and only the labels and annotations with these keys go. An object
	// that is absent or has another UID is left alone.
	LetGo(ctx context.Context, ref Ref, uid string, keys ...string) error
	// Token makes a token of a service account that lives as long as the bound
	// Secret does, and ttl at most. The time is when it ends.
	Token(ctx context.Context, namespace, account string, bound Ref, boundUID string, ttl time.Duration) (certs.Secret, time.Time, error)
	// Lock takes the Lease [LockName] in a namespace, which must exist. One
	// that is live and somebody else's is a [*LockedError].
	Lock(ctx context.Context, namespace, holder string) (Lock, error)
}

// A Lock keeps a second apply away from a cluster. It is held until it is lost
// or released, and renewed meanwhile; the holder must call Release.
type Lock interface {
	// Lost is closed when the lock could not be renewed, before anybody else
	// can take it.
	Lost() <-chan struct{}
	// Held says whether the lock is still ours, also right after a sleep.
	Held() bool
	Release(ctx context.Context) error
}

// DeleteOptions say how an object is deleted.
type DeleteOptions struct {
	UID        string // which the object must have, "" for any
	Foreground bool   // it stays visible until its dependents are gone
}

// An Opener makes clients.
type Opener interface {
	// Open makes the client of a kubeconfig context; it sends nothing.
	Open(context string) (Cluster, error)
	// CheckKubeconfig says whether the API server that a stored kubeconfig
	// names accepts its token, and the UID of the cluster that answers as in
	// [Identity]; a nil error is yes.
	CheckKubeconfig(ctx context.Context, kubeconfig []byte) (string, error)
}
