package applytest

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// call is a webhook's verdict at the endpoint that the API server happens to take.
func (c *Cluster) call(hook map[string]any) Verdict {
	all := c.verdicts(hook)
	return all[c.f.random.IntN(len(all))]
}

// A Verdict is what comes of calling a webhook at one of its endpoints.
type Verdict struct {
	Webhook string
	Address string // of the endpoint; empty where there is none at all
	Port    int64
	Served  bool
	By      string // the cluster whose istiod answers
	Cluster string // the cluster name that an injected pod is given
	Network string // the network that it is given
	Reason  string // why it is not served
}

// Injection says what would come of a pod in a namespace that is labelled for
// injection: a verdict for each endpoint of each webhook that would be asked. None
// is that nobody would inject it.
func (w World) Injection(cluster, namespace string) []Verdict {
	return w.f.clusters[cluster].injection(namespace)
}

// Injection is [World.Injection] for one cluster.
func (c *Cluster) Injection(namespace string) []Verdict {
	defer c.f.hold()()
	return c.injection(namespace)
}

func (c *Cluster) injection(namespace string) []Verdict {
	pod := object.New("v1", "Pod", namespace, "any", map[string]any{"labels": map[string]any{"sidecar.istio.io/inject": "true"}}, nil)
	var out []Verdict
	for _, config := range c.list(mutatingKind, "", nil) {
		for _, hook := range records(items(config, "webhooks")) {
			if c.wants(hook, createVerb, pod) {
				out = append(out, c.verdicts(hook)...)
			}
		}
	}
	return out
}

// verdicts calls a webhook at each of its endpoints; there is always a verdict.
func (c *Cluster) verdicts(hook map[string]any) []Verdict {
	v := Verdict{Webhook: str(hook, "name")}
	service := mapOf(hook, "clientConfig", "service")
	if service == nil {
		v.Reason = "it names no Service"
		return []Verdict{v}
	}
	ref := object.ServiceRef(str(service, "namespace"), str(service, "name"))
	number, _ := number(service, "port")
	endpoints, why := c.resolve(ref, number)
	if why != "" {
		v.Reason = why
		return []Verdict{v}
	}
	bundle, _ := base64.StdEncoding.DecodeString(str(hook, "clientConfig", "caBundle"))
	out := make([]Verdict, len(endpoints))
	for i, e := range endpoints {
		v := v
		v.Address, v.Port = e.address, e.port
		from, why := c.dial(e)
		switch {
		case why != "":
			v.Reason = why
		case !strings.Contains(string(bundle), signer(from.root)):
			v.Reason = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
		default:
			v.Served, v.By = true, from.c.name
			v.Cluster, v.Network = from.tells(str(service, "path"))
		}
		out[i] = v
	}
	return out
}

// An endpoint is where a connection to a Service ends.
type endpoint struct {
	address string
	port    int64
}

// resolve is where a Service's port leads: kube-proxy takes any endpoint of any
// slice with the Service's name.
func (c *Cluster) resolve(ref object.Ref, port int64) ([]endpoint, string) {
	s := c.get(ref)
	if s == nil {
		return nil, fmt.Sprintf("service %q not found", ref.Name)
	}
	i := slices.IndexFunc(records(items(s, "spec", "ports")), func(p map[string]any) bool {
		n, _ := number(p, "port")
		return n == port
	})
	if i < 0 {
		return nil, fmt.Sprintf("no service port %d found for service %q", port, ref.Name)
	}
	name := str(records(items(s, "spec", "ports"))[i], "name")
	if host := text(s, "spec", "externalName"); text(s, "spec", "type") == "ExternalName" {
		return []endpoint{{host, port}}, ""
	}
	if text(s, "spec", "clusterIP") == "None" {
		return nil, fmt.Sprintf("cluster IP of service %q is None", ref.Name)
	}
	var out []endpoint
	for _, slice := range c.list(sliceKind, ref.Namespace, nil) {
		if labelsOf(slice)[labelService] != ref.Name {
			continue
		}
		for _, p := range records(items(slice, "ports")) {
			if str(p, "name") == name {
				n, _ := number(p, "port")
				out = append(out, addresses(slice, n)...)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Sprintf("no endpoints available for service %q", ref.Name)
	}
	return out, ""
}

func addresses(slice Object, port int64) []endpoint {
	var out []endpoint
	for _, e := range records(items(slice, "endpoints")) {
		if ready, ok := at(e, "conditions", "ready").(bool); ok && !ready {
			continue
		}
		l, _ := e["addresses"].([]any)
		for _, a := range l {
			if s, ok := a.(string); ok {
				out = append(out, endpoint{s, port})
			}
		}
	}
	return out
}

// dial is the istiod that answers at an endpoint, or why none does.
func (c *Cluster) dial(e endpoint) (i *istiod, why string) {
	nobody := fmt.Sprintf("dial tcp %s:%d: connect: connection refused", e.address, e.port)
	for _, p := range c.list(podKind, "", nil) {
		if text(p, "status", "podIP") == e.address {
			if i := c.istiods[p.GetUID()]; i != nil && podReady(p) && e.port == object.WebhookPort {
				return i, ""
			}
			return nil, nobody
		}
	}
	other, s := c.f.balanced(e.address)
	if s == nil {
		return nil, fmt.Sprintf("dial tcp %s:%d: i/o timeout", e.address, e.port)
	}
	endpoints, why := other.resolve(object.RefOf(s), e.port)
	switch {
	case why != "":
		return nil, nobody
	case endpoints[0].port != object.WebhookPort || !other.exposes(s.GetNamespace()):
		return nil, "EOF: the gateway of " + other.name + " does not lead to istiod"
	}
	if i := other.serving(s.GetNamespace()); i != nil {
		return i, ""
	}
	return nil, "EOF: no istiod is up behind the gateway of " + other.name
}

// tells is of which cluster and network an istiod tells a pod that it is: what the
// path says that it was called by or, where that says nothing, its own.
// https://github.com/istio/istio/blob/1.31.0/pkg/kube/inject/webhook.go (parseInjectEnvs)
func (i *istiod) tells(path string) (cluster, network string) {
	cluster, network = i.id, i.network
	said := strings.Split(strings.Trim(path, "/"), "/")[1:]
	for k := 0; k+1 < len(said); k += 2 {
		switch value := strings.ReplaceAll(said[k+1], "--slash--", "/"); said[k] {
		case "cluster":
			cluster = value
		case "net":
			network = value
		}
	}
	return cluster, network
}

// exposes says whether the gateway of a namespace leads to istiod, for what
// samples/multicluster/expose-istiod.yaml makes: a Gateway and a VirtualService.
func (c *Cluster) exposes(namespace string) bool {
	const group = "networking.istio.io"
	return c.get(object.Ref{Group: group, Kind: "Gateway", Namespace: namespace, Name: object.IstiodGateway}) != nil &&
		c.get(object.Ref{Group: group, Kind: "VirtualService", Namespace: namespace, Name: object.IstiodRoutes}) != nil
}
