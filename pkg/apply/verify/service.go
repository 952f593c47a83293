package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// ServiceFormat is the version of a [ServiceReport]'s JSON.
const ServiceFormat = "setup-mesh.io/verify-service/v1"

// A ServiceReport says which pods of a service the proxies of each cluster are told of.
type ServiceReport struct {
	Format    string          `json:"format"`
	Mesh      string          `json:"mesh"`
	Service   string          `json:"service"` // NAMESPACE/NAME
	Ambient   bool            `json:"ambient,omitempty"`
	Clusters  []ServiceMember `json:"clusters"`
	Knowledge []Knows         `json:"knowledge"`
	Problems  []Problem       `json:"problems"`
}

// A ServiceMember is one cluster.
type ServiceMember struct {
	Name    string `json:"name"`
	Network string `json:"network"`
	Ready   int    `json:"ready"` // pods of the service in the cluster
	// Asked is the pod whose proxy was asked, as NAMESPACE/NAME; in an ambient mesh the istiod,
	// which tells all ztunnels of the cluster the same.
	Asked string `json:"asked,omitempty"`
	// Global says, in an ambient mesh, that other clusters are told of the Service, too.
	Global bool   `json:"global,omitempty"`
	Error  string `json:"error,omitempty"` // why nothing is known of it
	there  bool   // the cluster has a Service of the name
}

// Knows is at which addresses the proxies of one cluster find the pods of another.
type Knows struct {
	From      string   `json:"from"`
	To        string   `json:"to"`
	Expected  bool     `json:"expected"` // by the topology, and by the pods that are ready
	Addresses []string `json:"addresses,omitempty"`
}

// OK says whether everything is as it should be.
func (r *ServiceReport) OK() bool { return len(r.Problems) == 0 }

// Service asks a proxy in each cluster, of a pod that is there anyway, at which addresses
// it finds a service; in an ambient mesh an istiod, what it tells ztunnels. Nothing is put
// into a cluster, and no call is made.
func Service(ctx context.Context, m *topology.Mesh, open func(context string) (Cluster, error), namespace, name string, ambient bool) *ServiceReport {
	v := opened(m, open)
	v.options.Ambient = ambient
	v.sent, v.gateways = make([]map[string]upstream, len(v.places)), make([]map[string]bool, len(v.places))
	members := make([]ServiceMember, len(v.places))
	v.each(func(i int, p *place) {
		v.gateways[i] = p.gateways(ctx, m.Clusters[i], ambient)
		if v.errs[i] = p.has(ctx, namespace, name, &members[i], ambient); v.errs[i] == nil {
			v.sent[i], v.errs[i] = p.told(ctx, namespace, name, &members[i], ambient)
		}
	})
	return v.serviceReport(namespace+"/"+name, members)
}

// has reads what a cluster has of a service.
func (p *place) has(ctx context.Context, namespace, name string, m *ServiceMember, ambient bool) error {
	found, err := p.Get(ctx, object.ServiceRef(namespace, name))
	if err != nil && !errors.Is(err, object.ErrNotFound) {
		return err
	}
	if m.there = err == nil; m.there && ambient {
		space, err := p.Get(ctx, object.NamespaceRef(namespace))
		if err != nil {
			return err
		}
		if m.Global, err = p.global(ctx, found, space.GetLabels()); err != nil {
			return err
		}
	}
	slices, err := p.List(ctx, schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}, namespace, "kubernetes.io/service-name="+name)
	if err != nil {
		return err
	}
	for _, ip := range readyIn(slices) {
		p.servers = append(p.servers, pod{ip: ip})
	}
	m.Ready = len(p.servers)
	return nil
}

// told is what one of the proxies of a cluster is told of a service.
func (p *place) told(ctx context.Context, namespace, name string, m *ServiceMember, ambient bool) (map[string]upstream, error) {
	if ambient {
		told, asked, err := p.toldByIstiod(ctx, namespace, name)
		m.Asked = p.home + "/" + asked
		return told, err
	}
	asked, in, err := p.somebody(ctx, namespace)
	if err != nil {
		return nil, err
	}
	m.Asked = in + "/" + asked
	clusters, err := p.proxySays(ctx, in, asked, "clusters")
	if err != nil {
		return nil, err
	}
	return upstreamsOf(clusters, name+"."+namespace+".svc."), nil
}

// somebody is a pod with a proxy: one of the namespace, or else of any.
func (p *place) somebody(ctx context.Context, namespace string) (name, in string, err error) {
	for _, at := range []string{namespace, ""} {
		// https://istio.io/latest/docs/reference/config/labels/#SecurityTLSMode
		pods, err := p.List(ctx, schema.GroupKind{Kind: "Pod"}, at, "security.istio.io/tlsMode=istio")
		if err != nil {
			return "", "", err
		}
		for _, one := range pods {
			phase, _, _ := unstructured.NestedString(one.Object, "status", "phase")
			if phase == "Running" && one.GetDeletionTimestamp() == nil && hasProxy(one) {
				return one.GetName(), one.GetNamespace(), nil
			}
		}
	}
	return "", "", errors.New("no pod with a proxy runs in the cluster, whom one could ask")
}

// readyIn are the addresses of ready endpoints, sorted, each once.
func readyIn(endpointSlices []*unstructured.Unstructured) []string {
	out := map[string]bool{}
	for _, s := range endpointSlices {
		all, _, _ := unstructured.NestedSlice(s.Object, "endpoints")
		for _, e := range all {
			m, _ := e.(map[string]any)
			ready, told, _ := unstructured.NestedBool(m, "conditions", "ready")
			addresses, _, _ := unstructured.NestedStringSlice(m, "addresses")
			for _, a := range addresses {
				if ready || !told {
					out[a] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(out))
}

func (v *verification) serviceReport(service string, members []ServiceMember) *ServiceReport {
	r := &ServiceReport{Format: ServiceFormat, Mesh: v.mesh.ID, Service: service, Ambient: v.options.Ambient, Clusters: members, Knowledge: []Knows{}, Problems: []Problem{}}
	ready := 0
	for i, c := range v.mesh.Clusters {
		members[i].Name, members[i].Network = c.Name, c.Network
		ready += members[i].Ready
		if err := v.errs[i]; err != nil {
			members[i].Error = err.Error()
			r.Problems = append(r.Problems, Problem{From: c.Name, Message: fmt.Sprintf("what %s knows of %s could not be had: %v", c.Name, service, err), Hint: object.HintOf(err)})
		}
	}
	if ready == 0 {
		r.Problems = append(r.Problems, Problem{Message: fmt.Sprintf("no cluster has a ready pod of %s", service), Hint: "is its namespace and name right? write --service NAMESPACE/NAME"})
	}
	expected := pairsOf(v.mesh)
	for i, from := range members {
		if v.errs[i] != nil {
			continue
		}
		if !from.there && ready > 0 {
			r.Problems = append(r.Problems, Problem{From: from.Name, Message: fmt.Sprintf("%s has no Service %s: its pods cannot resolve the name", from.Name, service),
				Hint: "list its namespace in sharedServices of topology.yaml, or create it there too"})
		}
		for j, to := range members {
			k := Knows{From: from.Name, To: to.Name, Expected: expected[Pair{from.Name, to.Name}] && to.Ready > 0 && v.reachable(from, to), Addresses: v.addresses(i, j, false)}
			r.Knowledge = append(r.Knowledge, k)
			if k.Expected && len(k.Addresses) == 0 {
				r.Problems = append(r.Problems, v.untold(k, from, to, service))
			}
		}
	}
	return r
}

// reachable says whether pods of one cluster are to be told of those of another that are
// behind a Service: in an ambient mesh, if it is global for both.
func (v *verification) reachable(from, to ServiceMember) bool {
	return !v.options.Ambient || from.Name == to.Name || from.Global && to.Global
}

// untold is that nobody in one cluster is told of the pods of a service in another.
func (v *verification) untold(k Knows, from, to ServiceMember, service string) Problem {
	p := Problem{
		From: k.From, To: k.To, Hint: "setup-mesh status says what is wrong between the two; a Sidecar resource or exportTo may hide the service too",
		Message: fmt.Sprintf("the proxy of pod %s in %s is told no address of %s in %s, which has %d", from.Asked, k.From, service, k.To, to.Ready),
	}
	if v.options.Ambient {
		p.Message = fmt.Sprintf("%s tells the ztunnels of %s no address of %s in %s, which has %d", from.Asked, k.From, service, k.To, to.Ready)
		p.Hint = explained(k.From, k.To)
	}
	return p
}
