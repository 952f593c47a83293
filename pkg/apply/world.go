package apply

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
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
	record.Member
	Kubernetes string          // version of the API server
	Endpoint   object.Endpoint // for other clusters: the topology's word goes before the kubeconfig's
	Reach      Reach           // of its gateway
	Leaving    bool            // is to hold nothing of ours
	Unreached  error           // nothing below is known
	Record     *record.Record
	Objects    map[object.Ref]Observed
	Remains    Remains // read of what is to go only

	address       topology.Gateway
	resolver      Resolver // nil where nobody needs to know the gateway's IP addresses
	cluster       *kube.Cluster
	recordVersion string // resourceVersion of the record, "" while there is none
	// services are all Services of the shared namespaces, by namespace. A
	// namespace that is being deleted is as good as gone: it is absent from
	// Objects, and named in ending.
	services map[string][]*unstructured.Unstructured
	ending   map[object.Ref]bool
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
	ByProducts []object.Ref            // written by istiod while it ran
	InUse      []object.Ref            // custom resources that are not ours, which the CRDs must outlive
	Foreign    map[string][]object.Ref // what is not ours in a namespace that goes, by namespace
	Err        error                   // the above could not be read whole
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
func (l *Live) object(ref object.Ref) *unstructured.Unstructured { return l.Objects[ref].Object }
