package dataplane

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
	"github.com/setup-mesh/setup-mesh/lab/internal/curl"
)

// A network is what pods of a cluster have of it: names of Services, and ways to addresses. No address is dialled but
// those on loopback that the cluster's table knows.
type network struct {
	cluster   *cluster.Cluster
	namespace string // of the pod
}

// dial reaches "HOST:PORT", by the name or the address of a Service or a pod, as kube-proxy and DNS would lead there. An
// address behind which is nothing is unreachable at once.
func (n network) dial(ctx context.Context, hostPort string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	at := hostPort
	if _, known := n.cluster.Table.Lookup(hostPort); !known {
		s, err := n.service(ctx, host)
		if err != nil && !errors.Is(err, curl.ErrUnknownHost) {
			return nil, err
		}
		if s != nil {
			if at, err = n.endpoint(ctx, s, port); err != nil {
				return nil, err
			}
		}
	}
	to, ok := n.cluster.Table.Lookup(at)
	if !ok {
		return nil, fmt.Errorf("nothing is at %s: %w", at, syscall.EHOSTUNREACH)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", to)
}

// resolve is what DNS says of a host: the address of a Service, or that of one of its pods where it has none.
func (n network) resolve(ctx context.Context, host, port string) (netip.AddrPort, error) {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port %s: %w", port, err)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(a, uint16(number)), nil
	}
	s, err := n.service(ctx, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if a, err := netip.ParseAddr(s.Spec.ClusterIP); err == nil {
		return netip.AddrPortFrom(a, uint16(number)), nil
	}
	at, err := n.endpoint(ctx, s, port)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.ParseAddrPort(at)
}

// service returns the Service of a name or a cluster IP. No Service is [curl.ErrUnknownHost].
// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#namespaces-of-services
func (n network) service(ctx context.Context, host string) (*corev1.Service, error) {
	services := n.cluster.Client().CoreV1().Services
	if _, err := netip.ParseAddr(host); err == nil {
		list, err := services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{FieldSelector: "spec.clusterIP=" + host})
		if err != nil {
			return nil, err
		}
		if len(list.Items) == 0 {
			return nil, fmt.Errorf("%s: %w", host, curl.ErrUnknownHost)
		}
		return &list.Items[0], nil
	}
	short := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(host, "."), ".cluster.local"), ".svc")
	name, namespace, ok := strings.Cut(short, ".")
	if !ok {
		namespace = n.namespace
	}
	if strings.Contains(namespace, ".") {
		return nil, fmt.Errorf("%s: %w", host, curl.ErrUnknownHost)
	}
	s, err := services(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("%s: %w", host, curl.ErrUnknownHost)
	}
	return s, err
}

// endpoint returns "IP:port" of a ready endpoint of a Service's port, by chance; it is unreachable when there is none.
func (n network) endpoint(ctx context.Context, s *corev1.Service, port string) (string, error) {
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return net.JoinHostPort(s.Spec.ExternalName, port), nil
	}
	list, err := n.cluster.Client().DiscoveryV1().EndpointSlices(s.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + s.Name,
	})
	if err != nil {
		return "", err
	}
	var all []string
	for _, p := range s.Spec.Ports {
		if strconv.Itoa(int(p.Port)) == port {
			all = append(all, endpointsOf(list.Items, p.Name)...)
		}
	}
	if len(all) == 0 {
		return "", fmt.Errorf("nothing is behind port %s of Service %s/%s: %w", port, s.Namespace, s.Name, syscall.ECONNREFUSED)
	}
	return all[rand.IntN(len(all))], nil
}

func endpointsOf(slices []discoveryv1.EndpointSlice, port string) []string {
	var out []string
	for _, s := range slices {
		for _, p := range s.Ports {
			if p.Port == nil || p.Name != nil && *p.Name != port {
				continue
			}
			for _, e := range s.Endpoints {
				if e.Conditions.Ready != nil && !*e.Conditions.Ready {
					continue
				}
				for _, a := range e.Addresses {
					out = append(out, net.JoinHostPort(a, strconv.Itoa(int(*p.Port))))
				}
			}
		}
	}
	return out
}
