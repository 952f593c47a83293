// Package world is what was read from clusters at one time: data, and what can be
// told from it. It holds no client; [Clients] are handed to whoever asks or acts.
package world

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
}

// Clients are how the clusters of a [World] are spoken to, apart from what was
// read of them.
type Clients struct {
	Opener   object.Opener
	Resolver Resolver
	mu       sync.Mutex
	byUID    map[string]object.Cluster
}

// Of is the client of a cluster that was reached.
func (c *Clients) Of(l *Live) object.Cluster {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byUID[l.UID]
}

// Add has client speak to the cluster with that UID.
func (c *Clients) Add(uid string, client object.Cluster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byUID == nil {
		c.byUID = map[string]object.Cluster{}
	}
	c.byUID[uid] = client
}

// Connect is l with its client.
func (c *Clients) Connect(l *Live) *Connected {
	return &Connected{Live: l, Cluster: c.Of(l), Resolver: c.Resolver}
}

// A Connected cluster is one that is asked or changed.
type Connected struct {
	*Live
	Cluster  object.Cluster
	Resolver Resolver
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

	// Tunnelled is the Service that istiod made for the ambient gateway, and TunnelWorkload
	// its Deployment, where there is to be one.
	Tunnelled      Observed
	TunnelWorkload Observed

	Address       topology.Gateway
	RecordVersion string // resourceVersion of the record, "" while there is none
	// Elsewhere are the records in other namespaces of the cluster than the
	// member's, by namespace: of this mesh or another one.
	Elsewhere map[string]Stored
	// Lost says that the record was not there, and Record is what our label tells.
	Lost bool
	// Services are all Services of the shared namespaces, by namespace. A
	// namespace that is being deleted counts as gone: it is absent from Objects,
	// and named in Ending.
	Services map[string][]*unstructured.Unstructured
	Ending   map[object.Ref]bool
}

// Stored is a record as it was read.
type Stored struct {
	*record.Record
	Version string
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

// Cluster finds a cluster by its name in the mesh, nil if there is none.
func (w *World) Cluster(name string) *Live {
	for _, l := range w.Clusters {
		if l.Name == name {
			return l
		}
	}
	return nil
}

// Object is the live object at ref; nil when it is absent or unknown.
func (l *Live) Object(ref object.Ref) *unstructured.Unstructured { return l.Objects[ref].Object }
