package observe

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A Tunnel is where an istiod has node proxies send what is for another network.
type Tunnel struct {
	Network string
	Addr    string // an IP address or a host name
	Port    int
	// Service is what a workload that stands for pods of that network serves,
	// "namespace/hostname"; "" for the gateway itself.
	Service string
}

// An ambientWorkload is one of the page, as far as it is read.
// https://github.com/istio/istio/blob/1.31.0/pkg/workloadapi/workload.proto
type ambientWorkload struct {
	UID     string `json:"uid"`
	Gateway struct {
		Port int `json:"hboneMtlsPort"`
	} `json:"networkGateway"`
}

var errNotAmbientz = errors.New("read debug/ambientz: it is not what istiod tells node proxies")

// parseAmbientz reads of what an istiod tells node proxies that which leads to other
// networks, sorted. What of it is where, UIDs say: addresses of the page are base64 of
// text, or of bytes.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/xds/debug.go (ambientz)
func parseAmbientz(body []byte) ([]Tunnel, error) {
	var page struct {
		Workloads *[]ambientWorkload `json:"workloads"`
		Services  json.RawMessage    `json:"services"` // all pages have it
	}
	if json.Unmarshal(body, &page) != nil || page.Services == nil {
		return nil, errNotAmbientz
	}
	out := []Tunnel{}
	if page.Workloads == nil { // null is what an istiod without workloads says
		return out, nil
	}
	for _, w := range *page.Workloads {
		if t, ok := tunnelOf(w); ok {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b Tunnel) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.Port, b.Port))
	})
	return out, nil
}

// tunnelOf reads the UID of a workload: NetworkGateway/network/address/port, or
// network/SplitHorizonWorkload/namespace/gateway/address/namespace/hostname. Any other is
// of a pod of the network, or is no pod's. A gateway's port is 0 where it has the usual one.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/ambient/helpers.go
func tunnelOf(w ambientWorkload) (Tunnel, bool) {
	parts := strings.Split(w.UID, "/")
	t := Tunnel{Port: int(object.HBONEPort)}
	switch {
	case len(parts) == 4 && parts[0] == "NetworkGateway":
		t.Network, t.Addr = parts[1], parts[2]
		port, err := strconv.ParseUint(parts[3], 10, 16)
		if err != nil {
			return Tunnel{}, false
		}
		t.Port = cmp.Or(int(port), t.Port)
	case len(parts) == 7 && parts[1] == "SplitHorizonWorkload":
		t.Network, t.Addr, t.Service = parts[0], parts[4], parts[5]+"/"+parts[6]
		t.Port = cmp.Or(w.Gateway.Port, t.Port)
	default:
		return Tunnel{}, false
	}
	return t, t.Addr != ""
}

// ServiceAddresses are where an istiod has node proxies send what is for a Service, by its page
// debug/ambientz, sorted: pods by their own addresses and ports, those of other networks by
// their gateways.
func ServiceAddresses(body []byte, namespace, name string) ([]string, error) {
	var page struct {
		Workloads []struct {
			ambientWorkload
			Addresses []string `json:"addresses"` // base64 of text, or of bytes
			Services  map[string]struct {
				Ports []struct {
					Target int `json:"targetPort"`
				} `json:"ports"`
			} `json:"services"`
		} `json:"workloads"`
		Services json.RawMessage `json:"services"` // all pages have it
	}
	if json.Unmarshal(body, &page) != nil || page.Services == nil {
		return nil, errNotAmbientz
	}
	var out []string
	for _, w := range page.Workloads {
		for key, s := range w.Services {
			if !strings.HasPrefix(key, namespace+"/"+name+"."+namespace+".svc.") {
				continue
			}
			if t, ok := tunnelOf(w.ambientWorkload); ok {
				out = append(out, net.JoinHostPort(t.Addr, strconv.Itoa(t.Port)))
				continue
			}
			for _, a := range w.Addresses {
				for _, p := range s.Ports {
					out = append(out, net.JoinHostPort(addressOf(a), strconv.Itoa(p.Target)))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// addressOf is an IP address of the page as text.
func addressOf(encoded string) string {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return encoded
	}
	if a, ok := netip.AddrFromSlice(raw); ok && !isText(raw) {
		return a.String()
	}
	return string(raw)
}

// isText says whether bytes are an address as it is written.
func isText(raw []byte) bool { _, err := netip.ParseAddr(string(raw)); return err == nil }
