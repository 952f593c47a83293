package applytest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
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
	revision   string
	external   bool // may lead in other clusters
	multiRoot  bool // takes another bundle of roots without a restart
	root       string
	selfSigned bool
	remotes    map[string]*remote // by cluster ID
}

// A remote is a cluster that istiod reads, or tries to.
type remote struct {
	id     string
	secret string // namespace/name
	config []byte // the kubeconfig
	state  string // syncing, synced or timeout
	leads  bool   // as its namespace said when the credential was first good
	target *Cluster
	token  string
}

// Sync states, as in https://github.com/istio/istio/blob/master/pkg/cluster/debug.go
const (
	syncing  = "syncing"
	synced   = "synced"
	timedOut = "timeout"
)

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

// meshChanged starts and ends istiods with their pods, and has those look who may
// care about a change.
func (c *Cluster) meshChanged(ref object.Ref) {
	switch ref.Kind {
	case "Pod":
		c.istiodPod(ref)
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
	if ref.Kind == "ConfigMap" && ref.Name != object.RootConfigMap {
		return
	}
	for _, name := range c.f.names {
		for _, i := range c.f.clusters[name].sortedIstiods() {
			if i.c == c || i.reads(c) {
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
		env, _ := container["env"].([]any)
		for _, e := range records(env) {
			switch e["name"] {
			case "CLUSTER_ID":
				i.id = str(e, "value")
			case "EXTERNAL_ISTIOD":
				i.external = str(e, "value") != "false"
			case "ISTIO_MULTIROOT_MESH":
				i.multiRoot = str(e, "value") == "true"
			}
		}
	}
	c.istiods[p.GetUID()] = i
	i.readRoot()
}

// readRoot takes the plugged-in CA, or makes one of its own:
// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
func (i *istiod) readRoot() {
	if s := i.c.get(object.SecretRef(i.pod.Namespace, object.Cacerts)); s != nil {
		if root := decoded(s, "root-cert.pem"); len(root) > 0 {
			i.root = string(root)
			return
		}
	}
	i.selfSigned = true
	ref := object.SecretRef(i.pod.Namespace, selfSignedSecret)
	s := i.c.get(ref)
	if s == nil {
		if i.c.open(ref) != nil {
			return
		}
		pem := fmt.Sprintf("-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", base64.StdEncoding.EncodeToString([]byte("self-signed by "+i.c.name+" "+i.c.f.uid())))
		s = i.c.must(i.c.create(pilot, object.New("v1", "Secret", ref.Namespace, ref.Name, nil, map[string]any{
			"type": "istio.io/ca-root", "data": map[string]any{"ca-cert.pem": base64.StdEncoding.EncodeToString([]byte(pem))},
		}), createOptions{}))
	}
	i.root = string(decoded(s, "ca-cert.pem"))
}

// reload takes the bundle of roots that the kubelet has brought into the pod by
// now, if it is more or less of the one that is served.
func (i *istiod) reload() {
	s := i.c.get(object.SecretRef(i.pod.Namespace, object.Cacerts))
	if s == nil || i.selfSigned || !i.multiRoot {
		return
	}
	if root := string(decoded(s, "root-cert.pem")); within(root, i.root) || within(i.root, root) {
		i.root = root
		i.look()
	}
}

// within says whether all certificates of a bundle are in another one.
func within(bundle, other string) bool {
	const end = "-----END CERTIFICATE-----"
	for _, cert := range strings.Split(bundle, end) {
		if cert = strings.TrimSpace(cert); cert != "" && !strings.Contains(other, cert) {
			return false
		}
	}
	return strings.TrimSpace(bundle) != ""
}

func decoded(secret Object, key string) []byte {
	data, _ := base64.StdEncoding.DecodeString(text(secret, "data", key))
	return data
}

// look is what an istiod does after changes that it sees.
func (i *istiod) look() {
	p := i.c.get(i.pod)
	if p == nil || !podReady(p) || i.c.istiods[p.GetUID()] != i {
		return
	}
	i.readRemotes()
	if i.c.serving(i.pod.Namespace) != i {
		return // not the leader
	}
	i.lead(i.c)
	for _, r := range i.sortedRemotes() {
		if r.state == synced && r.leads && r.target.accepts(r.token) == nil {
			i.lead(r.target)
		}
	}
}

// readRemotes compares the remote secrets with what is known of them.
func (i *istiod) readRemotes() {
	seen := map[string]bool{}
	selector := labels.Set{labelMulti: "true"}.AsSelector()
	for _, s := range i.c.list(secretKind, i.pod.Namespace, selector) {
		for id := range fields(s, "data") {
			if id == i.id || seen[id] {
				continue
			}
			seen[id] = true
			config := decoded(s, id)
			r := i.remotes[id]
			if r == nil || !bytes.Equal(r.config, config) {
				r = &remote{id: id, secret: s.GetNamespace() + "/" + s.GetName(), config: config, state: syncing}
				i.remotes[id] = r
			}
			if r.state != synced {
				i.c.later(i.c.settings.Delays.Discovery, fmt.Sprintf("discovery/%s/%s", i.pod, id), func() { i.sync(r) })
			}
		}
	}
	for id := range i.remotes {
		if !seen[id] {
			delete(i.remotes, id)
		}
	}
}

// sync tries a remote cluster's credential. One that is not good is tried again
// whenever something changes that may be the reason.
func (i *istiod) sync(r *remote) {
	if i.remotes[r.id] != r || r.state == synced {
		return
	}
	r.state = timedOut
	server, token, err := i.c.f.credential(r.config)
	if err != nil {
		return
	}
	r.target, r.token = i.c.f.at(server), token
	if r.target == nil || r.target.accepts(token) != nil {
		return
	}
	r.state = synced
	if ns := r.target.get(object.NamespaceRef(i.pod.Namespace)); ns != nil && i.external {
		for _, name := range strings.Split(text(ns, "metadata", "annotations", object.AnnotationControlPlanes), ",") {
			r.leads = r.leads || name == "*" || name == i.id && name != ""
		}
	}
	i.c.later(i.c.settings.Delays.Istiod, "istiod/"+i.pod.String(), i.look)
}

// reads says whether a change in c may matter to i.
func (i *istiod) reads(c *Cluster) bool {
	for _, r := range i.remotes {
		if r.target == c {
			return true
		}
	}
	return false
}

// lead does in a cluster what one istiod does for all: it writes the root
// certificate for proxies, and fills in webhooks.
func (i *istiod) lead(c *Cluster) {
	for _, ns := range c.list(object.NamespaceRef("").GroupKind(), "", nil) {
		name := ns.GetName()
		if name == "kube-public" || name == "kube-node-lease" || ns.GetDeletionTimestamp() != nil {
			continue
		}
		i.writeRoot(c, object.Ref{Kind: "ConfigMap", Namespace: name, Name: object.RootConfigMap})
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

func (i *istiod) writeRoot(c *Cluster, ref object.Ref) {
	data := map[string]any{"root-cert.pem": i.root}
	live := c.get(ref)
	if live == nil {
		o := object.New("v1", "ConfigMap", ref.Namespace, ref.Name, map[string]any{"labels": map[string]any{"istio.io/config": "true"}}, map[string]any{"data": data})
		c.must(c.create(pilot, o, createOptions{}))
		return
	}
	if text(live, "data", "root-cert.pem") != i.root {
		c.edit(pilot, ref, "", func(o Object) { o.Object["data"] = data })
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

func (i *istiod) sortedRemotes() []*remote {
	out := make([]*remote, 0, len(i.remotes))
	for _, r := range i.remotes {
		out = append(out, r)
	}
	sortBy(out, func(r *remote) string { return r.id })
	return out
}

// podGet answers for the pods that have a port.
func (c *Cluster) podGet(ref object.Ref, port int, path string) ([]byte, error) {
	p := c.get(ref)
	if p == nil {
		return nil, notFound(ref)
	}
	i := c.istiods[p.GetUID()]
	if i == nil || !podReady(p) || port != 15014 && port != 8080 {
		return nil, refusal(object.ServerFault, ref, "connection refused")
	}
	if path != "/debug/clusterz" {
		return nil, refusal(object.ServerFault, ref, "the pod answered 404 Not Found")
	}
	list := []map[string]string{{"id": i.id, "syncStatus": synced}}
	for _, r := range i.sortedRemotes() {
		list = append(list, map[string]string{"id": r.id, "secretName": r.secret, "syncStatus": r.state})
	}
	return json.Marshal(list)
}
