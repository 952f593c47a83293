package desired

import (
	"net/netip"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// EnrolledNamespace is a namespace whose pods are in the mesh through the proxies of their
// nodes, created where there is none.
func EnrolledNamespace(name string) *unstructured.Unstructured {
	return object.New("v1", "Namespace", "", name, map[string]any{
		"labels":      map[string]any{object.LabelDataplane: object.DataplaneAmbient},
		"annotations": map[string]any{object.AnnotationCreated: "true"},
	}, nil)
}

// AmbientGateway is the Gateway through which ambient pods of other networks reach those
// of a member's, as samples/multicluster/gen-eastwest-gateway.sh --ambient makes it, for
// our revision. istiod makes a Deployment and a Service of it, and labels these as
// infrastructure.labels say, or else like the Gateway itself, our label included. Where
// topology.yaml has addresses for it, it has no network label: peers would take it for a
// second gateway of the network.
// https://github.com/istio/istio/blob/1.31.0/samples/multicluster/gen-eastwest-gateway.sh
func AmbientGateway(m record.Member, g topology.Gateway) *unstructured.Unstructured {
	labels := map[string]any{object.LabelRevision: "default"}
	infrastructure := map[string]any{"labels": map[string]any{object.LabelRevision: "default"}}
	if len(g.Addresses) == 0 {
		labels[object.LabelNetwork] = m.Network
	}
	if len(g.Annotations) > 0 {
		notes := map[string]any{}
		for k, v := range g.Annotations {
			notes[k] = v
		}
		infrastructure["annotations"] = notes
	}
	return object.New(object.GatewayAPIGroup+"/v1", "Gateway", m.Namespace, object.AmbientGateway, map[string]any{"labels": labels}, map[string]any{"spec": map[string]any{
		"gatewayClassName": manifest.EastWestClass,
		"infrastructure":   infrastructure,
		"listeners":        []any{listener(object.HBONEPort, "Terminate")},
	}})
}

// Unfound is an ambient gateway without the label by which istiods of other clusters find it.
func Unfound(gateway *unstructured.Unstructured) *unstructured.Unstructured {
	out := gateway.DeepCopy()
	unstructured.RemoveNestedField(out.Object, "metadata", "labels", object.LabelNetwork)
	return out
}

// PeerGateway tells node proxies of a cluster whose Istio is in namespace where the
// gateway of another one is, and as whom it proves itself.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/ambient/networks.go (localK8sGatewayToNetworkGateways)
func PeerGateway(namespace string, of record.Member, g topology.Gateway) *unstructured.Unstructured {
	var addresses []any
	for _, a := range g.Addresses {
		kind := "Hostname"
		if _, err := netip.ParseAddr(a); err == nil {
			kind = "IPAddress"
		}
		addresses = append(addresses, map[string]any{"type": kind, "value": a})
	}
	return object.New(object.GatewayAPIGroup+"/v1", "Gateway", namespace, object.PeerGatewayPrefix+of.Name, map[string]any{
		"labels":      map[string]any{object.LabelNetwork: of.Network, object.LabelRevision: "default"},
		"annotations": map[string]any{object.AnnotationAccount: object.AmbientGateway},
	}, map[string]any{"spec": map[string]any{
		"gatewayClassName": manifest.RemoteClass,
		"addresses":        addresses,
		"listeners":        []any{listener(int64(g.HBONEPort()), "Passthrough")},
	}})
}

// listener is one of HBONE, which is not among the protocols of the Gateway API.
func listener(port int64, mode string) any {
	tls := map[string]any{"mode": mode}
	if mode == "Terminate" {
		tls["options"] = map[string]any{"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"}
	}
	return map[string]any{"name": "mesh", "port": port, "protocol": "HBONE", "tls": tls}
}
