package world

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestAmbientGatewayState(t *testing.T) {
	type m = map[string]any
	gateway := func(programmed m, addresses ...string) *unstructured.Unstructured {
		var says []any
		for _, a := range addresses {
			says = append(says, m{"type": "IPAddress", "value": a})
		}
		accepted := m{"type": "Accepted", "status": "True", "observedGeneration": int64(2)}
		return object.New("gateway.networking.k8s.io/v1", "Gateway", "i", object.AmbientGateway, m{"generation": int64(2)},
			m{"status": m{"addresses": says, "conditions": []any{accepted, programmed}}})
	}
	condition := func(status string, generation int64) m {
		return m{"type": "Programmed", "status": status, "observedGeneration": generation, "reason": "AddressNotAssigned", "message": "address pending"}
	}
	service := func(kind string, external []any, ingress ...any) *unstructured.Unstructured {
		return object.New("v1", "Service", "i", object.AmbientGateway, m{"labels": m{"gateway.istio.io/managed": "istio.io-eastwest-controller"}},
			m{"spec": m{"type": kind, "clusterIP": "10.96.0.9", "externalIPs": external}, "status": m{"loadBalancer": m{"ingress": ingress}}})
	}
	balanced := service("LoadBalancer", nil, m{"ip": "192.0.2.1"}, m{"hostname": "lb.example.com"})
	unmanaged := object.New("v1", "Service", "i", object.AmbientGateway, nil, nil)
	tests := map[string]struct {
		gateway, service *unstructured.Unstructured
		addressed        bool
		want             GatewayState
	}{
		"nothing":             {nil, nil, false, GatewayState{Waits: "ambient gateway: there is no Gateway istio-eastwestgateway-ambient"}},
		"no Service":          {gateway(condition("False", 2)), nil, false, GatewayState{Waits: "ambient gateway: istiod has not made its Service yet"}},
		"reached":             {gateway(condition("True", 2), "192.0.2.1"), balanced, false, GatewayState{}},
		"by a host name":      {gateway(condition("True", 2), "lb.example.com", "192.0.2.1"), balanced, false, GatewayState{}},
		"by external IPs":     {gateway(condition("True", 2), "192.0.2.7"), service("ClusterIP", []any{"192.0.2.7"}), false, GatewayState{}},
		"an older generation": {gateway(condition("True", 1), "192.0.2.1"), balanced, false, GatewayState{Waits: "ambient gateway: istiod has not seen its last change yet"}},
		"pending": {
			gateway(condition("False", 2), "10.96.0.9"), service("LoadBalancer", nil), false,
			GatewayState{Waits: "ambient gateway: not programmed: AddressNotAssigned address pending"},
		},
		"programmed, with its ClusterIP": {
			gateway(condition("True", 2), "10.96.0.9"), balanced, false,
			GatewayState{Waits: "ambient gateway: it says 10.96.0.9, which is not an address of its load balancer"},
		},
		"an address that the load balancer has lost": {
			gateway(condition("True", 2), "192.0.2.9"), balanced, false,
			GatewayState{Waits: "ambient gateway: it says 192.0.2.9, which is not an address of its load balancer"},
		},
		"a Service inside the cluster": {
			gateway(condition("True", 2), "10.96.0.9"), service("ClusterIP", nil), false,
			GatewayState{Waits: "Service i/istio-eastwestgateway-ambient is of type ClusterIP, which has no external address", Never: true},
		},
		"the same, reached otherwise": {gateway(condition("True", 2), "10.96.0.9"), service("NodePort", nil), true, GatewayState{}},
		"somebody else's Service": {
			gateway(condition("False", 2)), unmanaged, false,
			GatewayState{Waits: "Service i/istio-eastwestgateway-ambient is not of a Gateway, so that istiod leaves it alone", Never: true, Taken: true},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, AmbientGatewayState(tt.gateway, tt.service, tt.addressed)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
