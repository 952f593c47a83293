package manifest

import (
	"reflect"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// checkMode reports what cannot be in an ambient mesh, or only with topology.yaml's leave.
// Of a mesh whose mode is not known it says nothing.
func (o *owner) checkMode(b *Base) {
	if b.lacks("profile") {
		return
	}
	ambient := slices.IndexFunc(o.mesh.Clusters, func(c topology.Cluster) bool { return isAmbient(b, c) })
	switch {
	case ambient < 0:
		o.notAmbient()
	case o.cluster.Remote():
		o.refuse(o.cluster.At("primaries"), o.context("primaries"),
			"take primaries out: the cluster gets a control plane of its own. Or take profile: ambient out of base.yaml",
			"an ambient mesh has no remote clusters: the primary would tell them of the network that it is on itself, and hide their own services")
	case !o.mode.Ambient:
		o.refuse(o.profileAt(b), o.profilePath(b), "give all clusters the same profile, in base.yaml",
			"%s is in ambient mode, and the whole mesh has to be: it changes what sidecars are told, too", o.mesh.Clusters[ambient].Name)
	default:
		o.checkAmbient(b)
	}
}

func (o *owner) checkAmbient(b *Base) {
	o.checkNodes()
	o.checkSidecars()
	o.checkNetwork()
	o.checkPlatform(b)
	o.checkGatewayService()
	o.checkScopes(b)
}

// notAmbient reports what is about ambient mode in a mesh of sidecars.
func (o *owner) notAmbient() {
	if at := o.mesh.At("ambient"); !at.IsZero() {
		o.refuse(at, "ambient", "write profile: ambient in base.yaml, or take ambient out", "no cluster has the ambient profile")
	}
	for _, keys := range [][]string{{"values", "profile"}, {"values", "global", "profile"}} {
		if name, _ := o.spec.Get(keys...).Literal(); spec.Ambient(name) {
			at := o.spec.Get(keys...).At
			o.refuse(at, o.path(at, pathOf(keys)), "write profile: "+name+" at the top of spec", "makes an ambient istiod without the proxies of nodes")
		}
	}
	keys := []string{"components", "ztunnel", "enabled"}
	if v := o.spec.Get(keys...); !v.IsNull() && v.Value != false {
		o.refuse(v.At, o.path(v.At, pathOf(keys)), "write profile: "+spec.ProfileAmbient+" at the top of spec, which brings all that it needs; or take it out",
			"runs the proxies of nodes, and the mesh is not in ambient mode")
	}
}

// checkNodes wants what the profile puts on every node: the proxies, and the agents that
// lead pods to them.
func (o *owner) checkNodes() {
	for _, component := range []string{"cni", "ztunnel"} {
		keys := []string{"components", component, "enabled"}
		if v := o.spec.Get(keys...); !v.IsNull() && v.Value == false {
			o.refuse(v.At, o.path(v.At, pathOf(keys)), "take it out, or take profile: ambient out",
				"no pod would be in the mesh: an ambient one needs it on every node")
		}
	}
}

// checkSidecars: calls between sidecars and ambient pods of other networks fail.
// https://github.com/istio/istio/issues/57877
// https://github.com/istio/istio/issues/57878
func (o *owner) checkSidecars() {
	const why = "calls between sidecars and ambient pods of another network fail (istio/istio #57877, #57878)"
	if o.mesh.Ambient.Sidecars {
		if len(o.cluster.Gateway.Addresses) > 0 && o.mesh.MultiNetwork() {
			o.refuse(o.cluster.At("gateway", "addresses"), o.context("gateway.addresses"), "take it out: both gateways are reached at the addresses of their Services",
				"the cluster has a gateway for sidecars and one for ambient, and it is not known whose these are")
		}
		o.warnings.Add(o.mesh.At("ambient", "experimental"), "ambient.experimental", "", "sidecars: %s", why)
		return
	}
	if at := o.mesh.At("injection"); !at.IsZero() {
		o.refuse(at, "injection", "list the namespaces in ambient.namespaces, or write ambient: {experimental: ["+topology.Sidecars+"]}",
			"the mesh is in ambient mode: %s", why)
	}
}

// checkNetwork: Istio has not tried several clusters on one network in ambient mode.
// https://istio.io/latest/docs/ambient/install/multicluster/
func (o *owner) checkNetwork() {
	c := o.cluster
	first := firstOn(o.mesh, c.Network)
	switch {
	case first.Context == c.Context:
	case !o.mesh.Ambient.SharedNetworks:
		o.refuse(c.At("network"), o.context("network"),
			"give each cluster a network of its own: gateways lead from one to the other. Or write ambient: {experimental: ["+topology.SharedNetworks+"]}",
			"%s is on %s, too, which Istio does not support in ambient mode", first.Name, names.Quote(c.Network))
	default:
		o.warnings.Add(c.At("network"), o.context("network"), "the ranges of Services must not overlap, either",
			"%s is on %s, too, which Istio has not tried in ambient mode", first.Name, names.Quote(c.Network))
	}
}

// checkPlatform: on OpenShift node proxies run in kube-system and are trusted there. With
// the other profile they run elsewhere, and istiod refuses to sign for them.
// https://istio.io/latest/docs/ambient/install/platform-prerequisites/#red-hat-openshift
func (o *owner) checkPlatform(b *Base) {
	profile, _ := profileOf(b, o.cluster).Literal()
	for _, keys := range [][]string{{"values", "global", "platform"}, {"values", "platform"}} {
		v := o.spec.Get(keys...)
		if platform, _ := v.Literal(); platform == "openshift" && profile != spec.ProfileOpenShiftAmbient {
			o.refuse(v.At, o.path(v.At, pathOf(keys)), "write profile: "+spec.ProfileOpenShiftAmbient+", and take this out",
				"istiod trusts node proxies in kube-system then, and profile %s has them elsewhere: none would get a certificate", profile)
		}
	}
}

// checkGatewayService: a Gateway that nobody outside reaches is called programmed, with
// its ClusterIP, and peers use that.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/config/kube/gateway/conversion.go (reportGatewayStatus)
func (o *owner) checkGatewayService() {
	if !o.mode.HBONE || len(o.cluster.Gateway.Addresses) > 0 {
		return
	}
	for _, values := range []string{"values", "unvalidatedValues"} {
		keys := []string{values, "gatewayClasses", EastWestClass, "service", "spec", "type"}
		v := o.spec.Get(keys...)
		if kind, ok := v.Literal(); ok && kind != "LoadBalancer" {
			o.refuse(v.At, o.path(v.At, pathOf(keys)), "take it out, or write down where other networks reach the gateway: contexts."+o.cluster.Context+".gateway.addresses",
				"other networks cannot reach a gateway whose Service is of type %s", kind)
		}
	}
}

// checkScopes: which Services are global, each istiod takes from its own configuration.
func (o *owner) checkScopes(b *Base) {
	for _, keys := range [][]string{{"meshConfig", "serviceScopeConfigs"}, {"values", "meshConfig", "serviceScopeConfigs"}} {
		mine := o.cluster.Written().Get(keys...)
		if !mine.IsNull() && !b.lacks(keys...) && !reflect.DeepEqual(mine.Plain(), b.spec.Get(keys...).Plain()) {
			o.refuse(mine.At, o.path(mine.At, pathOf(keys)), "write them in base.yaml",
				"a Service that is global for one cluster and not for another is there for some clients only: these have to be equal in all clusters")
		}
	}
}

func (o *owner) refuse(at topology.Position, path, remedy, format string, args ...any) {
	o.mistakes.Add(at, path, remedy, format, args...)
}

// context is the path of a key of the cluster's context.
func (o *owner) context(below string) string {
	return tree.Join("contexts", o.cluster.Context) + "." + below
}

// profileAt is where the profile of the cluster is written, or else where the cluster is.
func (o *owner) profileAt(b *Base) topology.Position {
	if v := profileOf(b, o.cluster); !v.IsNull() {
		return v.At
	}
	return o.cluster.Position
}

func (o *owner) profilePath(b *Base) string {
	if v := profileOf(b, o.cluster); !v.IsNull() {
		return o.path(v.At, "profile")
	}
	return tree.Join("contexts", o.cluster.Context)
}
