package applytest

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// An Object is a Kubernetes object.
type Object = *unstructured.Unstructured

// A Cluster is one API server, its objects and what runs in it, as the test sees
// it: no fault hits these methods, and no permission is asked for.
type Cluster struct {
	f        *Fleet
	name     string
	index    int // among the fleet's clusters
	settings Settings

	objects    map[schema.GroupKind]map[place]Object // never changed in place
	served     map[schema.GroupKind]served           // by CRDs
	version    int64                                 // the latest resourceVersion
	dependents map[types.UID]map[object.Ref]bool     // by owner
	waiters    map[object.Ref]map[*waiter]bool
	latest     map[object.Ref]merge // with what is stored as live

	istiods map[types.UID]*istiod // by pod
	proxies map[types.UID]*proxy  // by pod
	backoff map[object.Ref]time.Duration
	pods    int // as many as there were, for names and addresses
}

// A place is where an object is among those of its kind.
type place struct{ namespace, name string }

func newCluster(f *Fleet, name string, index int) *Cluster {
	return &Cluster{
		f: f, name: name, index: index, settings: defaultSettings(),
		objects:    map[schema.GroupKind]map[place]Object{},
		served:     map[schema.GroupKind]served{},
		dependents: map[types.UID]map[object.Ref]bool{},
		waiters:    map[object.Ref]map[*waiter]bool{},
		latest:     map[object.Ref]merge{},
		istiods:    map[types.UID]*istiod{},
		proxies:    map[types.UID]*proxy{},
		backoff:    map[object.Ref]time.Duration{},
	}
}

// Settings are how a cluster behaves.
type Settings struct {
	Down     bool                     // nobody reaches the API server; the actors go on
	Skew     time.Duration            // the server's clock minus ours
	TokenCap time.Duration            // the longest life of a token
	Version  string                   // of the API server
	Allowed  func(object.Access) bool // what the user may do, nil for everything

	// NoBalancer leaves Services of type LoadBalancer without an address.
	NoBalancer bool
	// Stuck says why a Deployment gets no pods, such as `exceeded quota: ...`; ""
	// or a nil function is that it does.
	Stuck func(object.Ref) string

	// Log is what a pod has logged, nil for nothing.
	Log func(pod string, of object.LogOptions) string

	Delays Delays
}

// Delays are how long the actors of a cluster take. Zero is at once, before the
// request that is the reason returns.
type Delays struct {
	Establish time.Duration // a CRD, from its creation until its kind is served
	Ready     time.Duration // a pod, from its creation
	Endpoints time.Duration // an EndpointSlice, from a change of a Service or a pod
	Balancer  time.Duration // an address, from the creation of its Service
	Discovery time.Duration // istiod, from a change of its remote secrets until it has read the cluster
	Istiod    time.Duration // istiod, from a change until it writes certificates and webhooks
	Mount     time.Duration // a Secret, from its change until the pods that mount it see it
	Push      time.Duration // proxies, from a change of an istiod that serves them, or their own start, until they have heard
	Ending    time.Duration // a namespace or a CRD, until its objects are deleted
	Garbage   time.Duration // dependents, from the end of their owner
}

func defaultSettings() Settings {
	return Settings{
		TokenCap: 24 * time.Hour,
		Version:  "v1.36.3",
		Delays: Delays{
			Establish: 50 * time.Millisecond,
			Ready:     3 * time.Second,
			Endpoints: 100 * time.Millisecond,
			Balancer:  2 * time.Second,
			Discovery: 500 * time.Millisecond,
			Istiod:    200 * time.Millisecond,
			Mount:     time.Minute,
			Push:      500 * time.Millisecond,
			Ending:    time.Second,
			Garbage:   200 * time.Millisecond,
		},
	}
}

// Name is that of [Fleet.Add].
func (c *Cluster) Name() string { return c.name }

// Set changes how the cluster behaves from now on, and has all actors look again.
func (c *Cluster) Set(change func(*Settings)) {
	defer c.f.hold()()
	down := c.settings.Down
	change(&c.settings)
	if c.settings.Down != down {
		c.interrupt()
	}
	c.reconsider()
	c.f.settle()
}

// now is the server's clock.
func (c *Cluster) now() time.Time { return time.Now().Add(c.settings.Skew).UTC() }

// server is the address of the API server.
func (c *Cluster) server() string { return fmt.Sprintf("https://%s.applytest:6443", c.name) }

// Alias is another address of the API server, at which other clusters reach it
// too. No kubeconfig of a run has it.
func (c *Cluster) Alias() string { return fmt.Sprintf("https://%s.alias.applytest:6443", c.name) }

// Get returns an object, or nil. It belongs to the caller.
func (c *Cluster) Get(ref object.Ref) Object {
	defer c.f.hold()()
	if o := c.get(ref); o != nil {
		return copyOf(o)
	}
	return nil
}

// List returns the objects of a kind in a namespace, or in all if it is empty,
// sorted by namespace and name. They belong to the caller.
func (c *Cluster) List(kind schema.GroupKind, namespace string) []Object {
	defer c.f.hold()()
	list := c.list(kind, namespace, nil)
	for i, o := range list {
		list[i] = copyOf(o)
	}
	return list
}

// UID is the cluster's identity.
func (c *Cluster) UID() string {
	defer c.f.hold()()
	return string(c.get(object.NamespaceRef("kube-system")).GetUID())
}
