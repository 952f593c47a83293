package applytest

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// An istiod of an ambient mesh makes a workload and a Service of each Gateway between
// networks of its own cluster, and says where it is reached.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/config/kube/gatewaycommon/deploymentcontroller.go

const (
	gatewayController = "istio.io/gateway-controller"
	classEastWest     = "istio-east-west"
	classRemote       = "istio-remote"
)

var (
	gatewayKind = schema.GroupKind{Group: object.GatewayAPIGroup, Kind: "Gateway"}
	classKind   = schema.GroupKind{Group: object.GatewayAPIGroup, Kind: "GatewayClass"}
)

// gatewaysChanged has istiods of c look at Gateways.
func (c *Cluster) gatewaysChanged(ref object.Ref) {
	switch {
	case ref.Group == object.GatewayAPIGroup, object.IsGatewayAPI(ref):
	case ref.Kind == "Service", ref.Kind == "Deployment", ref.Kind == "Pod", ref.Kind == "ServiceAccount":
		if len(c.objects[gatewayKind]) == 0 && len(c.objects[classKind]) > 0 {
			return
		}
	default:
		return
	}
	if _, served := c.resource(classKind); served && len(c.istiods) > 0 {
		c.later(c.settings.Delays.Istiod, "gateways", c.gateways)
	}
}

// gateways is what the istiod that leads in its own cluster does about Gateways.
func (c *Cluster) gateways() {
	i := c.ambientIstiod()
	if i == nil {
		return
	}
	if _, served := c.resource(classKind); !served {
		return
	}
	for _, class := range []string{"istio", classRemote, classEastWest, "istio-waypoint"} {
		o := object.New(object.GatewayAPIGroup+"/v1", "GatewayClass", "", class, nil, map[string]any{"spec": map[string]any{"controllerName": "istio.io/" + class}})
		if c.get(object.RefOf(o)) == nil {
			c.tolerate(c.create(pilot, o, createOptions{}))
		}
	}
	for _, g := range c.list(gatewayKind, "", nil) {
		switch {
		case g.GetDeletionTimestamp() != nil:
		case text(g, "spec", "gatewayClassName") == classEastWest:
			c.deployGateway(g)
			c.programGateway(g)
		case text(g, "spec", "gatewayClassName") == classRemote:
			c.gatewayStatus(g, "True", items(g, "spec", "addresses"))
		}
	}
}

// ambientIstiod is the istiod of an ambient mesh that leads in c, nil for none.
func (c *Cluster) ambientIstiod() *istiod {
	for _, i := range c.sortedIstiods() {
		if i.ambient && c.serving(i.pod.Namespace) == i {
			return i
		}
	}
	return nil
}

// deployGateway makes what belongs to a Gateway, and leaves what has its name and is
// somebody else's.
func (c *Cluster) deployGateway(g Object) {
	ns, name := g.GetNamespace(), g.GetName()
	labels := map[string]any{object.LabelManaged: "istio.io-eastwest-controller", "gateway.networking.k8s.io/gateway-name": name}
	given, own := fields(g, "spec", "infrastructure", "labels"), labelsOf(g)[object.LabelNetwork]
	for k, v := range given {
		labels[k] = v
	}
	if own != "" {
		labels[object.LabelNetwork] = own
	}
	meta := func() map[string]any {
		return map[string]any{"labels": labels, "ownerReferences": []any{map[string]any{
			"apiVersion": g.GetAPIVersion(), "kind": "Gateway", "name": name, "uid": string(g.GetUID()),
		}}}
	}
	selector := map[string]any{"gateway.networking.k8s.io/gateway-name": name}
	for _, o := range []Object{
		object.New("v1", "ServiceAccount", ns, name, meta(), nil),
		object.New("v1", "Service", ns, name, meta(), map[string]any{"spec": map[string]any{
			"type": "LoadBalancer", "selector": selector, "ports": []any{map[string]any{"name": "mesh", "port": object.HBONEPort, "protocol": "TCP"}},
		}}),
		object.New("apps/v1", "Deployment", ns, name, meta(), map[string]any{"spec": map[string]any{
			"selector": map[string]any{"matchLabels": selector},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"gateway.networking.k8s.io/gateway-name": name, "sidecar.istio.io/inject": "false"}},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": proxyContainer, "image": proxyImage}}},
			},
		}}),
	} {
		live := c.get(object.RefOf(o))
		if live == nil || labelsOf(live)[object.LabelManaged] != "" && live.GetDeletionTimestamp() == nil {
			c.tolerate(c.apply(gatewayController, o, object.ApplyOptions{Force: true}))
		}
	}
}

// programGateway says where a Gateway is reached. While its load balancer is pending that
// is the ClusterIP of its Service, and an address that was written is never taken away.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/config/kube/gateway/conversion.go (reportGatewayStatus)
func (c *Cluster) programGateway(g Object) {
	service := c.get(object.ServiceRef(g.GetNamespace(), g.GetName()))
	addresses, programmed := items(g, "status", "addresses"), "False"
	workload := c.get(object.Ref{Group: "apps", Kind: "Deployment", Namespace: g.GetNamespace(), Name: g.GetName()})
	if service != nil && workload != nil && slices.ContainsFunc(c.podsOf(workload), podReady) {
		var external []any
		for _, in := range records(items(service, "status", "loadBalancer", "ingress")) {
			external = append(external, map[string]any{"type": "IPAddress", "value": str(in, "ip")})
		}
		if len(external) > 0 {
			addresses, programmed = external, "True"
		} else {
			addresses = []any{map[string]any{"type": "IPAddress", "value": text(service, "spec", "clusterIP")}}
		}
	}
	c.gatewayStatus(g, programmed, addresses)
}

func (c *Cluster) gatewayStatus(g Object, programmed string, addresses []any) {
	now := c.now()
	c.edit(pilot, object.RefOf(g), "status", func(o Object) {
		conditions := []any{condition("Accepted", "True", "Accepted", "", now), condition("Programmed", programmed, "Programmed", "", now)}
		for _, one := range records(conditions) {
			one["observedGeneration"] = o.GetGeneration()
		}
		status := map[string]any{"conditions": keepTimes(conditions, items(o, "status", "conditions"))}
		if len(addresses) > 0 {
			status["addresses"] = addresses
		}
		o.Object["status"] = status
	})
}

// tolerate is for what an actor tries again when something changes.
func (c *Cluster) tolerate(_ Object, err error) {
	if err != nil && object.ClassOf(err) == object.Unclassified {
		panic("applytest: " + err.Error())
	}
}
