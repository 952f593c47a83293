package applytest

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

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

// readRemotes compares the remote secrets with what is known of them.
func (i *istiod) readRemotes() {
	seen := map[string]bool{}
	selector := labels.Set{labelMulti: "true"}.AsSelector()
	for _, s := range i.c.list(secretKind, i.pod.Namespace, selector) {
		for _, id := range slices.Sorted(maps.Keys(fields(s, "data"))) {
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
				i.c.later(i.c.settings.Delays.Discovery, fmt.Sprintf("discovery/%s/%s", i.pod, id), func() { i.sync(id) })
			}
		}
	}
	for id := range i.remotes {
		if !seen[id] {
			delete(i.remotes, id)
		}
	}
}

// sync tries the credential of a remote cluster that there is now. One that is not
// good is tried again whenever something changes that may be the reason.
func (i *istiod) sync(id string) {
	r := i.remotes[id]
	if r == nil || r.state == synced {
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

// shares says whether i leads in a cluster where an istiod of c does, too: one takes over
// from the other.
func (i *istiod) shares(c *Cluster) bool {
	for _, r := range i.remotes {
		for _, other := range c.istiods {
			for _, o := range other.remotes {
				if r.leads && o.leads && r.target == o.target {
					return true
				}
			}
		}
	}
	return false
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
	if proxy := c.proxies[p.GetUID()]; proxy != nil && port == proxyAdminPort && path == "/config_dump?resource=dynamic_active_secrets" {
		return json.Marshal(proxy.secrets())
	}
	i := c.istiods[p.GetUID()]
	if i == nil || !podReady(p) || port != 15014 && port != 8080 {
		return nil, refusal(object.ServerFault, ref, "connection refused")
	}
	switch path {
	case "/debug/clusterz":
	case "/debug/networkz":
		return json.Marshal(i.gateways())
	case "/debug/ambientz":
		return json.Marshal(i.ambientz())
	case "/debug/syncz":
		return json.Marshal(i.connected())
	default:
		return nil, refusal(object.ServerFault, ref, "the pod answered 404 Not Found")
	}
	list := []map[string]string{{"id": i.id, "syncStatus": synced}}
	for _, r := range i.sortedRemotes() {
		list = append(list, map[string]string{"id": r.id, "secretName": r.secret, "syncStatus": r.state})
	}
	return json.Marshal(list)
}

// podTLS answers for istiods that serve.
func (c *Cluster) podTLS(ref object.Ref, port int) ([]*x509.Certificate, error) {
	p := c.get(ref)
	if p == nil {
		return nil, notFound(ref)
	}
	i := c.istiods[p.GetUID()]
	if i == nil || !podReady(p) || port != 15012 {
		return nil, refusal(object.ServerFault, ref, "connection refused")
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode([]byte(i.chain)); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, refusal(object.ServerFault, ref, "its certificate cannot be parsed")
		}
		out = append(out, cert)
	}
	return out, nil
}

// meshConfigMap has what istiod reads of meshNetworks.
const meshConfigMap = "istio"

// meshNetworks are gateways by network, as far as they have addresses.
type meshNetworks struct {
	Networks map[string]struct {
		Gateways []struct {
			Address string `json:"address"`
			Port    int    `json:"port"`
		} `json:"gateways"`
	} `json:"networks"`
}

// readNetworks reads the gateways that the kubelet has brought into the pod by now.
func (i *istiod) readNetworks() {
	i.networks = meshNetworks{}
	if o := i.c.get(object.Ref{Kind: "ConfigMap", Namespace: i.pod.Namespace, Name: meshConfigMap}); o != nil {
		text, _, _ := unstructured.NestedString(o.Object, "data", "meshNetworks")
		_ = yaml.Unmarshal([]byte(text), &i.networks) // what it cannot read, istiod passes over
	}
}

// gateways are those of meshNetworks and, of the clusters that i reads, Services with
// the label of a network, as istiod lists them.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/network.go
func (i *istiod) gateways() []map[string]any {
	type member struct {
		id string
		c  *Cluster
	}
	members := []member{{i.id, i.c}}
	for _, r := range i.sortedRemotes() {
		if r.target != nil && r.state == synced {
			members = append(members, member{r.id, r.target})
		}
	}
	out := []map[string]any{}
	for _, network := range slices.Sorted(maps.Keys(i.networks.Networks)) {
		for _, g := range i.networks.Networks[network].Gateways {
			out = append(out, map[string]any{"Network": network, "Cluster": "", "Addr": g.Address, "Port": g.Port})
		}
	}
	for _, m := range members {
		for _, s := range m.c.list(object.ServiceRef("", "").GroupKind(), "", nil) {
			network := labelsOf(s)[object.LabelNetwork]
			for _, in := range records(items(s, "status", "loadBalancer", "ingress")) {
				if ip := str(in, "ip"); network != "" && ip != "" {
					out = append(out, map[string]any{"Network": network, "Cluster": m.id, "Addr": ip, "Port": object.GatewayPort})
				}
			}
		}
	}
	return out
}
