package applytest

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A Fleet is some clusters, and the kubeconfig contexts that lead to them. It is
// safe for concurrent use.
type Fleet struct {
	mu       sync.Mutex
	names    []string // of clusters, in the order of Add
	clusters map[string]*Cluster
	contexts map[string]string // to the cluster's name
	tokens   map[string]grant
	configs  map[string]config // by kubeconfig
	// selectors are those of webhooks, by the address of what they were made from.
	selectors  map[uintptr]parsedSelector
	asked      map[string]labels.Selector // those of requests, by their text
	agenda     agenda
	merger     *Merger
	random     *rand.Rand
	uids       int
	runs       int
	asking     int // the run whose request has its effect now
	address    int // of load balancers, as many as there were
	watchers   []func(Write)
	identities []func(w World, cluster string, pod object.Ref)
	hook       func(Request) Fault
}

// New makes a fleet without clusters. Whatever a real API server would draw by lot
// depends on seed.
func New(seed uint64) *Fleet { return NewMerger().Fleet(seed) }

// Fleet is [New] for one of many fleets, which share m.
func (m *Merger) Fleet(seed uint64) *Fleet {
	f := &Fleet{
		clusters:  map[string]*Cluster{},
		contexts:  map[string]string{},
		tokens:    map[string]grant{},
		configs:   map[string]config{},
		selectors: map[uintptr]parsedSelector{},
		asked:     map[string]labels.Selector{},
		merger:    m,
		random:    rand.New(rand.NewPCG(seed, 0)), //nolint:gosec // repeatable on purpose
	}
	f.agenda.f = f
	return f
}

// Close ends what the actors still have to do.
func (f *Fleet) Close() {
	defer f.hold()()
	f.agenda.close()
}

// Add makes an empty cluster, and a context of the same name that leads to it.
func (f *Fleet) Add(name string) *Cluster {
	defer f.hold()()
	if f.clusters[name] != nil {
		panic(fmt.Sprintf("applytest: cluster %q was added twice", name))
	}
	c := newCluster(f, name, len(f.names))
	f.names = append(f.names, name)
	f.clusters[name] = c
	f.contexts[name] = name
	c.bootstrap()
	f.settle()
	return c
}

// Cluster returns the cluster that was added under a name, or nil.
func (f *Fleet) Cluster(name string) *Cluster {
	defer f.hold()()
	return f.clusters[name]
}

// Context makes a context lead to a cluster, or, if cluster is empty, nowhere.
// Clients that are open go on to reach the cluster that they were opened for.
func (f *Fleet) Context(context, cluster string) {
	defer f.hold()()
	delete(f.contexts, context)
	if cluster != "" {
		f.contexts[context] = cluster
	}
}

// OnWrite calls see after every write that had an effect, whoever made it. See
// is called one write at a time while nothing else can happen; it must not call
// the fleet, a cluster or a client, only the write's [World].
func (f *Fleet) OnWrite(see func(Write)) {
	defer f.hold()()
	f.watchers = append(f.watchers, see)
}

// Look shows see the world while nothing can happen to it.
func (f *Fleet) Look(see func(World)) {
	defer f.hold()()
	see(World{f})
}

// hold locks the fleet and returns what unlocks it. Actors that are due act
// first: so it does not matter whether their timer or the caller woke up earlier.
func (f *Fleet) hold() (release func()) {
	f.mu.Lock()
	f.settle()
	return f.mu.Unlock
}

// settle runs the actors that are due at once. The lock is held.
func (f *Fleet) settle() { f.agenda.run() }

// uid makes the UID of an object, unlike all others of the fleet.
func (f *Fleet) uid() string {
	f.uids++
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", f.random.Uint32(), f.uids)
}

// A Write is one change of one object.
type Write struct {
	Cluster string
	Run     int    // that asked for it, 0 for all others
	Verb    string // create, update or delete
	By      string // the field manager, the actor, or who deleted it
	Ref     object.Ref
	// Before is nil for a creation, After for a deletion. They are the store's
	// own: do not change them.
	Before, After Object
	World         World
}

// A World is everything as it is at one moment. It is good only during the call
// that it was given to. What it returns must not be changed.
type World struct{ f *Fleet }

// Clusters are the names of all clusters, in the order of [Fleet.Add].
func (w World) Clusters() []string { return w.f.names }

// Get returns an object, or nil.
func (w World) Get(cluster string, ref object.Ref) Object { return w.f.clusters[cluster].get(ref) }

// List returns the objects of a kind in a namespace, or in all if it is empty,
// sorted by namespace and name.
func (w World) List(cluster string, kind schema.GroupKind, namespace string) []Object {
	return w.f.clusters[cluster].list(kind, namespace, nil)
}

// Reads is the cluster that a stored kubeconfig leads to, and why its API server
// would not take the token. One that is down now takes what it took before.
func (w World) Reads(kubeconfig []byte) (cluster string, err error) {
	server, token, err := w.f.credential(kubeconfig)
	if err != nil {
		return "", err
	}
	c := w.f.at(server)
	if c == nil {
		return "", &object.Error{Class: object.Unreachable, Op: "check the stored kubeconfig", Message: "cannot resolve the server's name"}
	}
	return c.name, c.takes(token)
}

// Each shows see every object of a cluster, in no particular order.
func (w World) Each(cluster string, see func(Object)) {
	for _, named := range w.f.clusters[cluster].objects {
		for _, o := range named {
			see(o)
		}
	}
}
