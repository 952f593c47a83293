package e2e

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"istio.io/istio/pkg/workloadapi"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// hboneOfAll is the port of gateways of which istiod says none.
const hboneOfAll = 15008

// A ztunnel is one that asks the istiod of its cluster.
type ztunnel struct{ cluster, network string } // names in the mesh

// follow hears all that istiod says until heard is content.
func (z ztunnel) follow(ctx context.Context, istiod string, heard func(xds.Addresses) bool) error {
	conn, err := grpc.NewClient("passthrough:///"+istiod, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return err
	}
	defer conn.Close()
	node, err := xds.ZtunnelNode("istio-system", z.cluster, z.network)
	if err != nil {
		return err
	}
	return xds.FollowAddresses(ctx, conn, node, heard)
}

// wantTold waits until the ztunnel is told exactly what the model says, of services in these namespaces and of gateways.
func (z ztunnel) wantTold(t *testing.T, istiod string, m ambientMesh, namespaces ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	want := m.tells(z.cluster)
	var diff string
	err := z.follow(ctx, istiod, func(all xds.Addresses) bool {
		services, gateways := z.hears(all, namespaces)
		diff = cmp.Diff(want, services) + cmp.Diff(m.gateways(z.cluster), gateways)
		return diff == ""
	})
	if err != nil {
		t.Errorf("a ztunnel in %s is told otherwise than the model says (-want +got): %v\n%s", z.cluster, err, diff)
	}
}

// hears is what addresses say: services, by "NAMESPACE/NAME", and the gateways of networks.
func (z ztunnel) hears(all xds.Addresses, namespaces []string) (services map[string]told, gateways map[string]string) {
	services, gateways = map[string]told{}, map[string]string{}
	wanted := map[string]string{} // names, by those that istiod gives
	for _, n := range namespaces {
		for key, a := range all {
			if s := a.GetService(); s.GetNamespace() == n {
				wanted[key] = n + "/" + s.Name
				services[n+"/"+s.Name] = told{vips(s), map[string]int{}}
			}
		}
	}
	for _, a := range all {
		w := a.GetWorkload()
		if at, ok := strings.CutPrefix(w.GetUid(), "NetworkGateway/"+w.GetNetwork()+"/"); ok {
			gateways[w.Network] = strings.TrimPrefix(gateways[w.Network]+" "+gatewayAt(at), " ") // two of one network are a fault
		}
		for key := range w.GetServices() {
			if name, ok := wanted[key]; ok {
				services[name].Backends[z.backend(w)] += int(max(w.GetCapacity().GetValue(), 1))
			}
		}
	}
	return services, gateways
}

func vips(s *workloadapi.Service) map[string]string {
	out := map[string]string{}
	for _, a := range s.Addresses {
		out[a.Network] = ip(a.Address)
	}
	return out
}

func ip(b []byte) string {
	a, _ := netip.AddrFromSlice(b)
	return a.String()
}

// gatewayAt is "ADDRESS:PORT" of the "ADDRESS/PORT" in the name of a gateway. Port 0 is that of all gateways.
func gatewayAt(name string) string {
	host, port, _ := strings.Cut(name, "/")
	if port == "0" {
		port = strconv.Itoa(hboneOfAll)
	}
	return net.JoinHostPort(host, port)
}

// backend is the cluster of a pod that is called itself, or the gateway that leads to it, and what is wrong with either.
func (z ztunnel) backend(w *workloadapi.Workload) string {
	gateway := w.GetNetworkGateway()
	host := gateway.GetHostname().GetHostname()
	if a := gateway.GetAddress(); a != nil {
		host = ip(a.Address)
	}
	at := net.JoinHostPort(host, strconv.Itoa(int(gateway.GetHboneMtlsPort())))
	switch behind := strings.Contains(w.Uid, "/SplitHorizonWorkload/"); {
	case w.TunnelProtocol != workloadapi.TunnelProtocol_HBONE:
		return fmt.Sprintf("%s, not by HBONE but %s", w.Uid, w.TunnelProtocol)
	case behind && len(w.Addresses) == 0:
		return at
	case !behind && len(w.Addresses) > 0 && w.Network == z.network:
		return w.ClusterId
	}
	return fmt.Sprintf("%s at %v, network %s, gateway %s", w.Uid, w.Addresses, w.Network, at)
}
