package object

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// FieldManager owns every field that setup-mesh applies.
const FieldManager = "setup-mesh"

// LockName is the name of the Lease that keeps two applies apart.
const LockName = "setup-mesh"

// Identity says which cluster answers.
type Identity struct {
	UID     string // of the kube-system namespace, which lives as long as its cluster
	Version string // of the API server, such as v1.36.3
}

// ApplyOptions say how an object is applied.
type ApplyOptions struct {
	DryRun bool // ask what would be, and change nothing
	Force  bool // take fields over from other managers
}

// LogOptions say what of a log is read.
type LogOptions struct {
	Container string
	Lines     int  // from its end
	Previous  bool // of the run before this one
}

// A Condition judges an object, nil for an absent one: whether what is waited
// for is true, and if not, why not yet. It is called for every change that is
// seen.
type Condition func(o *unstructured.Unstructured) (done bool, reason string)

// A LockedError says that somebody else holds the lock.
type LockedError struct {
	Context        string
	Holder         string
	Since, Expires time.Time // by the server's clock; a live holder renews before Expires
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%q is locked by %s since %s, until %s unless renewed",
		e.Context, e.Holder, e.Since.Format(time.RFC3339), e.Expires.Format(time.RFC3339))
}

// Remedy is what to do about it.
func (e *LockedError) Remedy() string {
	return "wait for that apply to finish; if it died, its lock expires by itself"
}
