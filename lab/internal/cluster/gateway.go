package cluster

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Gateway says what a Service of type LoadBalancer gets in a cluster: load balancers of clouds differ in that.
type Gateway string

// The kinds of gateway address. The addresses are for documentation and never routed (RFC 5737).
const (
	GatewayIP        Gateway = "ip"        // 203.0.113.N
	GatewayIP2       Gateway = "ip2"       // 203.0.113.(100+N)
	GatewayIPs       Gateway = "ips"       // both
	GatewayHostname  Gateway = "hostname"  // NAME.elb.example.com, as the load balancers of AWS do
	GatewayHostname2 Gateway = "hostname2" // the same, but the name leads to 203.0.113.(100+N) alone
	GatewayPending   Gateway = "pending"   // none, ever
)

// Gateways are all kinds.
func Gateways() []Gateway {
	return []Gateway{GatewayIP, GatewayIP2, GatewayIPs, GatewayHostname, GatewayHostname2, GatewayPending}
}

// Check returns an error if g is no kind.
func (g Gateway) Check() error {
	if !slices.Contains(Gateways(), g) {
		return fmt.Errorf("gateway address %q is not one of %v", g, Gateways())
	}
	return nil
}

// Ingress is what the status of Services of type LoadBalancer says with a kind of gateway address.
func (s Spec) Ingress(g Gateway) []corev1.LoadBalancerIngress {
	first, second := corev1.LoadBalancerIngress{IP: s.GatewayIPs()[0]}, corev1.LoadBalancerIngress{IP: s.GatewayIPs()[1]}
	return map[Gateway][]corev1.LoadBalancerIngress{
		GatewayIP: {first}, GatewayIP2: {second}, GatewayIPs: {first, second},
		GatewayHostname: {{Hostname: s.GatewayHostname()}}, GatewayHostname2: {{Hostname: s.GatewayHostname()}},
	}[g]
}

// Resolve returns the addresses that the name of the cluster's gateway leads to. It leads somewhere with every kind,
// so that a name can be given to a gateway whose Service has none.
func (s Spec) Resolve(g Gateway) []string {
	if g == GatewayHostname2 {
		return s.GatewayIPs()[1:]
	}
	return s.GatewayIPs()
}

// GatewayIPs are the two addresses that load balancers of the cluster can have.
func (s Spec) GatewayIPs() []string {
	return []string{fmt.Sprintf("203.0.113.%d", s.Index), fmt.Sprintf("203.0.113.%d", 100+s.Index)}
}

// GatewayHostname is the name of the cluster's gateway.
func (s Spec) GatewayHostname() string { return s.Name + ".elb.example.com" }

// TranslatedIP is an address that nothing in the cluster knows: that of a router which passes on what it gets to the
// cluster's gateways.
func (s Spec) TranslatedIP() string { return fmt.Sprintf("198.51.100.%d", s.Index) }
