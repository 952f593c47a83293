package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An ambientMesh is what decides what ztunnels are told: a model of clusters that all read one another.
type ambientMesh struct {
	scopes   []scope
	clusters map[string]ambientCluster // by name
}

// A scope makes Services global that have all labels, in namespaces that have all labels.
type scope struct{ namespace, service map[string]string }

type ambientCluster struct {
	network  string
	gateway  string                    // "ADDRESS:PORT" at which other networks reach it
	services map[string]ambientService // by "NAMESPACE/NAME"
}

// An ambientService is a Service of one cluster, and what is behind it there.
type ambientService struct {
	labels, namespaceLabels map[string]string
	vip                     string
	pods                    int
}

// told is what a ztunnel knows of one service.
type told struct {
	VIPs     map[string]string // by network
	Backends map[string]int    // pods, by cluster or by the gateway that leads to them
}

// tells is what the istiod of a cluster tells ztunnels, by the name of the service. One of another cluster is there if the
// scopes make it global, and is one with that of the own cluster if they make that global as well. Pods of other networks
// are told as one backend behind the gateway of their network, with their number as its capacity.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/ambient/services.go (serviceServiceBuilder)
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/ambient/multicluster.go (mergeServiceInfosWithCluster)
func (m ambientMesh) tells(reader string) map[string]told {
	out := map[string]told{}
	add := func(name, cluster string, backend string) {
		c := m.clusters[cluster]
		s := c.services[name]
		if _, ok := out[name]; !ok {
			out[name] = told{map[string]string{}, map[string]int{}}
		}
		out[name].VIPs[c.network] = s.vip
		if s.pods > 0 {
			out[name].Backends[backend] = s.pods
		}
	}
	own := m.clusters[reader].services
	for name := range own {
		add(name, reader, reader)
	}
	for cluster, c := range m.clusters {
		for name, s := range c.services {
			here, isHere := own[name]
			if cluster != reader && m.global(s) && (!isHere || m.global(here)) {
				add(name, cluster, c.gateway)
			}
		}
	}
	return out
}

// global says whether a Service is, by any of the scopes.
func (m ambientMesh) global(s ambientService) bool {
	for _, one := range m.scopes {
		if holds(s.namespaceLabels, one.namespace) && holds(s.labels, one.service) {
			return true
		}
	}
	return false
}

func holds(labels, want map[string]string) bool {
	for k, v := range want {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// gateways are where ztunnels of a cluster are told that other networks are reached, by network.
func (m ambientMesh) gateways(reader string) map[string]string {
	out := map[string]string{}
	for name, c := range m.clusters {
		if name != reader {
			out[c.network] = c.gateway
		}
	}
	return out
}

var globalLabel = map[string]string{"istio.io/global": "true"}

func TestAmbientModel(t *testing.T) {
	shared := map[string]string{"team": "shared"}
	service := func(vip string, pods int, labels, namespace map[string]string) ambientService {
		return ambientService{labels: labels, namespaceLabels: namespace, vip: vip, pods: pods}
	}
	onlyHere := told{map[string]string{"n1": "10.1.0.1"}, map[string]int{"a": 2}}
	both := told{map[string]string{"n1": "10.1.0.1", "n2": "10.2.0.1"}, map[string]int{"a": 2, "192.0.2.2:15008": 3}}
	there := told{map[string]string{"n2": "10.2.0.1"}, map[string]int{"192.0.2.2:15008": 3}}
	tests := map[string]struct {
		a, b *ambientService
		want map[string]told // in a
	}{
		"neither is global":     {new(service("10.1.0.1", 2, nil, nil)), new(service("10.2.0.1", 3, nil, nil)), map[string]told{"shop/s": onlyHere}},
		"global here":           {new(service("10.1.0.1", 2, globalLabel, nil)), new(service("10.2.0.1", 3, nil, nil)), map[string]told{"shop/s": onlyHere}},
		"global there":          {new(service("10.1.0.1", 2, nil, nil)), new(service("10.2.0.1", 3, globalLabel, nil)), map[string]told{"shop/s": onlyHere}},
		"both are global":       {new(service("10.1.0.1", 2, globalLabel, nil)), new(service("10.2.0.1", 3, globalLabel, nil)), map[string]told{"shop/s": both}},
		"another value":         {new(service("10.1.0.1", 2, map[string]string{"istio.io/global": "yes"}, nil)), new(service("10.2.0.1", 3, globalLabel, nil)), map[string]told{"shop/s": onlyHere}},
		"both by the namespace": {new(service("10.1.0.1", 2, nil, shared)), new(service("10.2.0.1", 3, nil, shared)), map[string]told{"shop/s": both}},
		"one by its label, the other by its namespace": {
			new(service("10.1.0.1", 2, globalLabel, nil)), new(service("10.2.0.1", 3, nil, shared)), map[string]told{"shop/s": both}},
		"only there, and global":     {nil, new(service("10.2.0.1", 3, globalLabel, nil)), map[string]told{"shop/s": there}},
		"only there, and not global": {nil, new(service("10.2.0.1", 3, nil, nil)), map[string]told{}},
		"nothing is behind it there": {new(service("10.1.0.1", 2, globalLabel, nil)), new(service("10.2.0.1", 0, globalLabel, nil)),
			map[string]told{"shop/s": {both.VIPs, onlyHere.Backends}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := ambientMesh{scopes: []scope{{service: globalLabel}, {namespace: shared}}, clusters: map[string]ambientCluster{
				"a": {"n1", "192.0.2.1:15008", map[string]ambientService{}}, "b": {"n2", "192.0.2.2:15008", map[string]ambientService{}},
			}}
			for cluster, s := range map[string]*ambientService{"a": tt.a, "b": tt.b} {
				if s != nil {
					m.clusters[cluster].services["shop/s"] = *s
				}
			}
			if diff := cmp.Diff(tt.want, m.tells("a")); diff != "" {
				t.Errorf("told in a (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"n2": "192.0.2.2:15008"}, m.gateways("a")); diff != "" {
				t.Errorf("gateways told in a (-want +got):\n%s", diff)
			}
		})
	}
}
