package envoy

import (
	"math/rand/v2"
	"net"
	"slices"
	"strconv"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// A host is an address of a cluster.
type host struct {
	address  string // "IP:port"
	weight   int
	priority uint32
	healthy  bool
	metadata *structpb.Struct // for the choice of a transport socket
	locality *core.Locality
}

func hostsOf(a *endpoint.ClusterLoadAssignment) []host {
	var out []host
	for _, l := range a.GetEndpoints() {
		for _, e := range l.GetLbEndpoints() {
			at := e.GetEndpoint().GetAddress().GetSocketAddress()
			out = append(out, host{
				address: net.JoinHostPort(at.GetAddress(), strconv.Itoa(int(at.GetPortValue()))),
				weight:  max(1, int(e.GetLoadBalancingWeight().GetValue())), priority: l.GetPriority(),
				healthy:  e.GetHealthStatus() == core.HealthStatus_UNKNOWN || e.GetHealthStatus() == core.HealthStatus_HEALTHY,
				metadata: e.GetMetadata().GetFilterMetadata()["envoy.transport_socket_match"], locality: l.GetLocality(),
			})
		}
	}
	return out
}

// usable are the healthy hosts of the first priority that has one.
func usable(hosts []host) []host {
	hosts = slices.DeleteFunc(slices.Clone(hosts), func(h host) bool { return !h.healthy })
	if len(hosts) == 0 {
		return nil
	}
	first := slices.MinFunc(hosts, func(a, b host) int { return int(a.priority) - int(b.priority) }).priority
	return slices.DeleteFunc(hosts, func(h host) bool { return h.priority != first })
}

// A deck deals the hosts of a cluster: each as often as its weight says, in an order of chance, before it begins again.
// Envoy's choice is of chance altogether; here, few calls are enough to see every host.
type deck struct {
	of    []host // what it was made from
	cards []host
}

// deal returns a host that is not among tried, if there is any such.
func (d *deck) deal(hosts []host, tried []string) (host, bool) {
	same := slices.EqualFunc(d.of, hosts, func(a, b host) bool { return a.address == b.address && a.weight == b.weight })
	if !same {
		d.of, d.cards = hosts, nil
	}
	if len(hosts) == 0 {
		return host{}, false
	}
	isNew := func(h host) bool { return !slices.Contains(tried, h.address) }
	if !slices.ContainsFunc(hosts, isNew) {
		isNew = func(host) bool { return true }
	}
	i := slices.IndexFunc(d.cards, isNew)
	if i < 0 {
		d.cards = append(d.cards, shuffled(hosts)...)
		i = slices.IndexFunc(d.cards, isNew)
	}
	h := d.cards[i]
	d.cards = slices.Delete(d.cards, i, i+1)
	return h, true
}

func shuffled(hosts []host) []host {
	share := 0
	for _, h := range hosts {
		share = divisor(share, h.weight)
	}
	var out []host
	for _, h := range hosts {
		out = append(out, slices.Repeat([]host{h}, h.weight/share)...)
	}
	rand.Shuffle(len(out), func(a, b int) { out[a], out[b] = out[b], out[a] })
	return out
}

// divisor is the greatest common one.
func divisor(a, b int) int {
	for a != 0 {
		a, b = b%a, a
	}
	return b
}

// socket is how a cluster wants a host to be spoken to: nil for as it is.
func socket(c *cluster.Cluster, h host) *core.TransportSocket {
	for _, m := range c.GetTransportSocketMatches() {
		fits := true
		for k, want := range m.GetMatch().GetFields() {
			fits = fits && h.metadata.GetFields()[k].GetStringValue() == want.GetStringValue()
		}
		if fits {
			return m.TransportSocket
		}
	}
	return c.GetTransportSocket()
}
