package applytest

import (
	"encoding/base64"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	pilot            = "pilot-discovery" // istiod's field manager
	labelRevision    = "istio.io/rev"
	labelMulti       = "istio/multiCluster"
	selfSignedSecret = "istio-ca-secret"
)

var secretKind = schema.GroupKind{Kind: "Secret"}

// An istiod is one pod of a Deployment istiod.
type istiod struct {
	c          *Cluster
	pod        object.Ref
	id         string // of its own cluster
	network    string // of its own cluster
	revision   string
	image      string
	external   bool // may lead in other clusters
	multiRoot  bool // takes another bundle of roots without a restart
	ambient    bool // tells node proxies of other networks
	root       string
	chain      string // PEM of the CA that signs, and of those above it
	selfSigned bool
	remotes    map[string]*remote // by cluster ID
	networks   meshNetworks       // as mounted
}

// An IstiodState is what an istiod is at one moment.
type IstiodState struct {
	Pod        object.Ref
	ID         string            // of its own cluster
	Ready      bool              // it serves
	Root       string            // PEM of the root that it serves
	SelfSigned bool              // it found no Secret cacerts when it started
	Remotes    map[string]string // cluster ID to syncing, synced or timeout
	Leads      []string          // the clusters of the fleet that it leads beside its own, sorted
}

// Istiods are those of a cluster, sorted by pod.
func (w World) Istiods(cluster string) []IstiodState {
	c := w.f.clusters[cluster]
	var out []IstiodState
	for _, i := range c.sortedIstiods() {
		s := IstiodState{
			Pod: i.pod, ID: i.id, Ready: podReady(c.get(i.pod)), Root: i.root, SelfSigned: i.selfSigned, Remotes: map[string]string{},
		}
		for _, r := range i.sortedRemotes() {
			s.Remotes[r.id] = r.state
			if r.leads && r.state == synced {
				s.Leads = append(s.Leads, r.target.name)
			}
		}
		slices.Sort(s.Leads)
		out = append(out, s)
	}
	return out
}

// A Gateway is one that an istiod knows. One of meshNetworks has no cluster.
type Gateway struct{ Network, Cluster, Address string }

// Gateways are those that the istiods of a cluster know which serve and read a cluster,
// their own or the one with an ID, an element for each istiod.
func (w World) Gateways(cluster, id string) [][]Gateway {
	c := w.f.clusters[cluster]
	var out [][]Gateway
	for _, i := range c.sortedIstiods() {
		if r := i.remotes[id]; !podReady(c.get(i.pod)) || i.id != id && (r == nil || r.state != synced) {
			continue
		}
		known := []Gateway{}
		for _, g := range i.gateways() {
			known = append(known, Gateway{str(g, "Network"), str(g, "Cluster"), str(g, "Addr")})
		}
		out = append(out, known)
	}
	return out
}

// meshChanged starts and ends istiods with their pods, and has those look who may
// care about a change.
func (c *Cluster) meshChanged(ref object.Ref) {
	switch ref.Kind {
	case "Pod":
		c.istiodPod(ref)
		c.proxyPod(ref)
	case "Secret", "ServiceAccount", "Namespace", "ConfigMap", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
		"ClusterRole", "ClusterRoleBinding":
	default:
		return
	}
	if ref.Kind == "Secret" && ref.Name == object.Cacerts {
		for _, i := range c.sortedIstiods() {
			if i.pod.Namespace == ref.Namespace {
				c.later(c.settings.Delays.Mount, "cacerts/"+i.pod.String(), i.reload)
			}
		}
	}
	if ref.Kind == "ConfigMap" && ref.Name == meshConfigMap {
		for _, i := range c.sortedIstiods() {
			if i.pod.Namespace == ref.Namespace {
				c.later(c.settings.Delays.Mount, "networks/"+i.pod.String(), i.readNetworks)
			}
		}
	}
	if ref.Kind == "ConfigMap" && ref.Name != object.RootConfigMap {
		return
	}
	for _, name := range c.f.names {
		for _, i := range c.f.clusters[name].sortedIstiods() {
			if i.c == c || i.reads(c) || ref.Kind == "Pod" && i.shares(c) {
				i.c.later(i.c.settings.Delays.Istiod, "istiod/"+i.pod.String(), i.look)
			}
		}
	}
}

// istiodPod starts the istiod of a new pod, and forgets that of one that ended.
func (c *Cluster) istiodPod(ref object.Ref) {
	p := c.get(ref)
	for uid, i := range c.istiods {
		if i.pod == ref && (p == nil || p.GetUID() != uid) {
			delete(c.istiods, uid)
		}
	}
	if p == nil || labelsOf(p)["app"] != "istiod" || c.istiods[p.GetUID()] != nil {
		return
	}
	i := &istiod{c: c, pod: ref, id: "Kubernetes", revision: "default", external: true, remotes: map[string]*remote{}}
	if rev := labelsOf(p)[labelRevision]; rev != "" {
		i.revision = rev
	}
	for _, container := range records(items(p, "spec", "containers")) {
		i.image = str(container, "image")
		env, _ := container["env"].([]any)
		for _, e := range records(env) {
			switch e["name"] {
			case "CLUSTER_ID":
				i.id = str(e, "value")
			case "NETWORK": // of the tests: Istio's charts have it in a ConfigMap
				i.network = str(e, "value")
			case "EXTERNAL_ISTIOD":
				i.external = str(e, "value") != "false"
			case "AMBIENT_ENABLE_MULTI_NETWORK":
				i.ambient = str(e, "value") == "true"
			case "ISTIO_MULTIROOT_MESH":
				i.multiRoot = str(e, "value") == "true"
			}
		}
	}
	c.istiods[p.GetUID()] = i
	i.readRoot()
	i.readNetworks()
}

// look is what an istiod does after changes that it sees.
func (i *istiod) look() {
	p := i.c.get(i.pod)
	if p == nil || !podReady(p) || i.c.istiods[p.GetUID()] != i {
		return
	}
	i.readRemotes()
	i.push()
	if i.c.serving(i.pod.Namespace) != i {
		return // not the leader
	}
	i.lead(i.c)
	// Of several primaries one is elected:
	// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/leaderelection/leaderelection.go (NewLeaderElectionMulticluster)
	for _, r := range i.sortedRemotes() {
		if r.state == synced && r.leads && r.target.controlPlane() == i {
			i.lead(r.target)
		}
	}
}

// push has proxies hear of i, where it serves.
func (i *istiod) push() {
	i.c.push()
	for _, r := range i.sortedRemotes() {
		if r.leads && r.state == synced {
			r.target.push()
		}
	}
}

// lead does in a cluster what one istiod does for all: it writes the root
// certificate for proxies, and fills in webhooks.
func (i *istiod) lead(c *Cluster) {
	for _, ns := range c.list(object.NamespaceRef("").GroupKind(), "", nil) {
		name := ns.GetName()
		if name == "kube-public" || name == "kube-node-lease" || ns.GetDeletionTimestamp() != nil {
			continue
		}
		i.writeRoot(c, object.RootConfigMapRef(name))
	}
	bundle := base64.StdEncoding.EncodeToString([]byte(i.root))
	for _, kind := range []schema.GroupKind{mutatingKind, validatingKind} {
		for _, config := range c.list(kind, "", nil) {
			if labelsOf(config)[labelRevision] != i.revision {
				continue
			}
			c.edit(pilot, object.RefOf(config), "", func(o Object) {
				each(o, func(hook map[string]any) {
					set(&unstructured.Unstructured{Object: hook}, bundle, "clientConfig", "caBundle")
					if kind == validatingKind {
						hook["failurePolicy"] = "Fail"
					}
				}, "webhooks")
			})
		}
	}
}

// serving is the istiod of a namespace that leads, nil if none is up.
func (c *Cluster) serving(namespace string) *istiod {
	for _, i := range c.sortedIstiods() {
		if i.pod.Namespace == namespace && podReady(c.get(i.pod)) {
			return i
		}
	}
	return nil
}

func (c *Cluster) sortedIstiods() []*istiod {
	out := make([]*istiod, 0, len(c.istiods))
	for _, i := range c.istiods {
		out = append(out, i)
	}
	sortBy(out, func(i *istiod) string { return i.pod.Namespace + "/" + i.pod.Name })
	return out
}
