package observe

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// A NetworkGateway is where an istiod sends what is for another network.
type NetworkGateway struct {
	Network string
	Cluster string // "" for one that meshNetworks names
	Addr    string // an IP address: names are resolved
	Port    int
}

// parseNetworkz reads istiod's list of the gateways of networks, which has no tags
// for JSON:
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/model/network.go (NetworkGateway)
func parseNetworkz(body []byte) ([]NetworkGateway, error) {
	out := []NetworkGateway{}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, errors.New("read debug/networkz: it is not the list of gateways that istiod serves")
	}
	if out == nil { // null is what an istiod without gateways says
		out = []NetworkGateway{}
	}
	slices.SortFunc(out, func(a, b NetworkGateway) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Port, b.Port))
	})
	return out, nil
}

// A Proxy is one that is connected to an istiod, by what it said of itself.
type Proxy struct {
	Name    string // "pod.namespace"
	Cluster string
	Version string // of Istio
	Type    string // "sidecar", "router" for a gateway, or another that istiod serves
}

// parseSyncz reads istiod's list of proxies:
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/xds/debug.go (SyncStatus)
func parseSyncz(body []byte) ([]Proxy, error) {
	var list []struct {
		Proxy   string `json:"proxy"`
		Cluster string `json:"cluster_id"`
		Version string `json:"istio_version"`
		Type    string `json:"proxy_type"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, errors.New("read debug/syncz: it is not the list of proxies that istiod serves")
	}
	out := make([]Proxy, len(list))
	for i, p := range list {
		out[i] = Proxy{Name: p.Proxy, Cluster: p.Cluster, Version: p.Version, Type: p.Type}
	}
	slices.SortFunc(out, func(a, b Proxy) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}
