package dataplane

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"istio.io/istio/pkg/workloadapi"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// hbonePort is the one that ambient gateways listen on, and node proxies tunnel to.
// https://istio.io/latest/docs/ambient/architecture/hbone/
const hbonePort = 15008

// told is all that an istiod of the cluster tells ztunnels now.
func (n network) told(ctx context.Context) (xds.Addresses, error) {
	dial := func(ctx context.Context, hostPort string) (net.Conn, error) { return n.dial(ctx, hostPort) }
	conn, err := grpc.NewClient("passthrough:///istiod.istio-system.svc:15010", grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return nil, fmt.Errorf("ask istiod as a ztunnel: %w", err)
	}
	defer conn.Close()
	spec := n.cluster.Spec()
	node, err := xds.ZtunnelNode("istio-system", spec.Name, spec.Network)
	if err != nil {
		return nil, err
	}
	var all xds.Addresses
	err = xds.FollowAddresses(ctx, conn, node, func(a xds.Addresses) bool { all = a; return true })
	return all, err
}

// tunnel connects an enrolled pod to an address as the ztunnel of its node does, by what istiod says of it, in plaintext: to
// a pod of a network nearby, or through the gateway of another one. An address of which istiod says nothing is dialled.
func (n network) tunnel(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	all, err := n.told(ctx)
	if err != nil {
		return nil, err
	}
	for name, a := range all {
		s := a.GetService()
		for _, vip := range s.GetAddresses() {
			if bytes.Equal(vip.Address, to.Addr().AsSlice()) {
				return n.toService(ctx, all, name, s.Hostname, to.Port(), true)
			}
		}
	}
	return n.dial(ctx, to.String())
}

// toService connects to one of the workloads of a service, with far through gateways as well.
func (n network) toService(ctx context.Context, all xds.Addresses, name, host string, port uint16, far bool) (net.Conn, error) {
	w, target := choose(all, name, port, far)
	if w == nil {
		return nil, fmt.Errorf("istiod says of no workload behind port %d of %s: %w", port, name, syscall.ECONNREFUSED)
	}
	if len(w.Addresses) > 0 {
		at, _ := netip.AddrFromSlice(w.Addresses[0])
		return n.dial(ctx, netip.AddrPortFrom(at, target).String())
	}
	gateway := w.GetNetworkGateway()
	at := gateway.GetHostname().GetHostname()
	if a, ok := netip.AddrFromSlice(gateway.GetAddress().GetAddress()); ok {
		at = a.String()
	}
	conn, err := n.dial(ctx, net.JoinHostPort(at, strconv.Itoa(int(gateway.GetHboneMtlsPort()))))
	if err != nil {
		return nil, err
	}
	if err := connect(conn, net.JoinHostPort(host, strconv.Itoa(int(port)))); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// choose takes a workload of a service by chance, by how many pods each stands for, and its port.
func choose(all xds.Addresses, service string, port uint16, far bool) (*workloadapi.Workload, uint16) {
	var chosen *workloadapi.Workload
	var target uint16
	pods := 0
	for _, a := range all {
		w := a.GetWorkload()
		if len(w.GetAddresses()) == 0 && !far {
			continue
		}
		for _, p := range w.GetServices()[service].GetPorts() {
			if p.ServicePort != uint32(port) {
				continue
			}
			weight := int(max(w.GetCapacity().GetValue(), 1))
			if pods += weight; rand.IntN(pods) < weight {
				chosen, target = w, uint16(p.TargetPort)
			}
		}
	}
	return chosen, target
}

// connect asks a gateway for a service, as HBONE does but for HTTP/2 and TLS.
func connect(conn net.Conn, to string) error {
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", to, to); err != nil {
		return fmt.Errorf("ask the gateway for %s: %w", to, err)
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(oneByOne{conn}, 16), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("ask the gateway for %s: %w", to, err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the gateway for %s: it answers %s", to, answer.Status)
	}
	return nil
}

// oneByOne reads no more than is needed, so that what follows the header is left.
type oneByOne struct{ net.Conn }

func (o oneByOne) Read(b []byte) (int, error) { return o.Conn.Read(b[:min(1, len(b))]) }
