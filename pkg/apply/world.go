package apply

import (
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// A World is what was read from the clusters at one time.
type World struct {
	Now time.Time
	// Clusters holds those of the topology in its order, then those that the
	// records name and the topology does not.
	Clusters []*Live

	shared sharing
}

// A Live is one cluster as it was read.
type Live struct {
	Member
	Kubernetes string        // version of the API server
	Endpoint   kube.Endpoint // for other clusters: the topology's word goes before the kubeconfig's
	Reach      Reach         // of its gateway
	Leaving    bool          // is to hold nothing of ours
	Unreached  error         // nothing below is known
	Record     *Record
	Objects    map[kube.Ref]Observed
	Remains    Remains // read of what is to go only

	address       topology.Gateway
	resolver      Resolver // nil where nobody needs to know the gateway's IP addresses
	cluster       *kube.Cluster
	recordVersion string // resourceVersion of the record, "" while there is none
	// services are all Services of the shared namespaces, by namespace. A
	// namespace that is being deleted is as good as gone: it is absent from
	// Objects, and named in ending.
	services map[string][]*unstructured.Unstructured
	ending   map[kube.Ref]bool
}

// Observed is one object as it was read: present, absent (Object is nil) or
// unknown (Err is set).
type Observed struct {
	Object *unstructured.Unstructured
	Err    error
	// Dry is what a server-side dry run of the wanted object yields. It is
	// nil where the live object holds all that is wanted, or nothing is.
	Dry    *unstructured.Unstructured
	DryErr error
}

// Remains is what stands in the way of leaving a cluster, or a namespace of it,
// as it was found.
type Remains struct {
	ByProducts []kube.Ref            // written by istiod while it ran
	InUse      []kube.Ref            // custom resources that are not ours, which the CRDs must outlive
	Foreign    map[string][]kube.Ref // what is not ours in a namespace that goes, by namespace
	Err        error                 // the above could not be read whole
}

// Cluster finds a cluster by its name in the mesh, nil if there is none.
func (w *World) Cluster(name string) *Live {
	for _, l := range w.Clusters {
		if l.Name == name {
			return l
		}
	}
	return nil
}

// object is the live object at ref; nil when it is absent or unknown.
func (l *Live) object(ref kube.Ref) *unstructured.Unstructured { return l.Objects[ref].Object }

// ours says whether we manage fields of o, which may be nil.
func ours(o *unstructured.Unstructured) bool {
	if o == nil {
		return false
	}
	for _, m := range o.GetManagedFields() {
		if m.Manager == kube.FieldManager {
			return true
		}
	}
	return false
}

// managers are the other managers of o, each once, in the order of o.
func managers(o *unstructured.Unstructured) []string {
	var names []string
	seen := map[string]bool{kube.FieldManager: true}
	for _, m := range o.GetManagedFields() {
		if !seen[m.Manager] {
			seen[m.Manager] = true
			names = append(names, m.Manager)
		}
	}
	return names
}

func absent(err error) bool { return errors.Is(err, kube.ErrNotFound) }

// hintOf is the remedy that err carries, "" if it has none.
func hintOf(err error) string {
	if e, ok := errors.AsType[*kube.Error](err); ok {
		return e.Hint
	}
	if _, ok := errors.AsType[*StaleError](err); ok {
		return "apply again: it plans anew"
	}
	if _, ok := errors.AsType[*kube.LockedError](err); ok {
		return "wait until that apply is done; the lock of one that died ends by itself"
	}
	return ""
}

// detailOf is what the remedy of err speaks of, "" for nothing more.
func detailOf(err error) string {
	if e, ok := errors.AsType[*kube.Error](err); ok {
		return e.Detail
	}
	return ""
}
