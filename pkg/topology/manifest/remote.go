package manifest

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// controlPlaneOnly are the settings that a remote cluster has no use for: those of
// a control plane, and those of the whole mesh, which istiod reads in the primaries.
// Those below values may stand below unvalidatedValues too. The network plugin does
// not belong to them: where the primaries have it, their injector counts on it.
var controlPlaneOnly = []string{
	"meshConfig",
	"components.pilot", "components.ztunnel", "components.istiodRemote",
	"values.base", "values.pilot", "values.ztunnel",
	"values.meshConfig", "values.defaultRevision", "values.profile", "values.configMap", "values.telemetry",
	"values.global.profile", "values.global.externalIstiod",
	"values.global.mtls", "values.security",
}

// ownedInRemotes are the settings by which setup-mesh makes a cluster a remote one.
// base.yaml is written for the primaries and may set them.
var ownedInRemotes = []string{"profile", "components.base"}

// wiring is how a remote cluster finds its control plane, for charts other than
// ours: here the Service istiod leads to the gateways of the primaries.
var wiring = []string{
	"values.istiodRemote.injectionURL", "values.istiodRemote.enabledLocalInjectorIstiod",
	"values.global.remotePilotAddress", "values.global.configCluster",
}

// withoutControlPlane returns base.yaml's spec and the cluster's overlay without what
// only a control plane needs. Of what it leaves out, only settings of the overlay
// are warned of. Its arguments are not changed.
func (o *owner) withoutControlPlane(base, overlay *tree.Tree) (remoteBase, remoteOverlay *tree.Tree) {
	base, overlay = base.Clone(), overlay.Clone()
	keepPlugin(base)
	for _, path := range slices.Concat(controlPlaneOnly, ownedInRemotes, wiring, unvalidated()) {
		keys := strings.Split(path, ".")
		if parent := base.Get(keys[:len(keys)-1]...); parent != nil && parent.Kind == tree.Mapping {
			parent.Drop(keys[len(keys)-1])
		}
	}
	why := "this cluster is served by the control plane of " + strings.Join(o.cluster.Primaries, ", ")
	o.spec = overlay
	for _, path := range slices.Concat(controlPlaneOnly, wiring, unvalidated()) {
		o.unset(why, strings.Split(path, ".")...)
	}
	if v := overlay.Get("components", "base"); v != nil && v.Kind == tree.Mapping {
		for _, key := range slices.Clone(v.Keys()) {
			if key != "enabled" {
				o.unset(why, "components", "base", key)
			}
		}
	}
	return base, overlay
}

// keepPlugin makes explicit what the profile of the primaries puts on every node,
// since a remote cluster has another profile:
// https://github.com/istio/istio/blob/1.31.0/manifests/profiles/openshift.yaml
func keepPlugin(base *tree.Tree) {
	if profile, _ := base.Get("profile").Literal(); profile != "openshift" {
		return
	}
	merged := tree.Merge(tree.FromPlain(map[string]any{
		"components": map[string]any{"cni": map[string]any{"enabled": true, "namespace": "kube-system"}},
		"values":     map[string]any{"global": map[string]any{"platform": "openshift"}},
	}), base)
	*base = *merged
}

// unvalidated are the settings that must not come back by way of
// unvalidatedValues, which are merged over values.
func unvalidated() []string {
	var paths []string
	for _, path := range slices.Concat(controlPlaneOnly, wiring, []string{"values.istiodRemote"}) {
		if below, ok := strings.CutPrefix(path, "values."); ok {
			paths = append(paths, "unvalidatedValues."+below)
		}
	}
	return paths
}

// ownRemote sets what makes the cluster a remote one. The injection webhook calls
// the Service istiod with a path that tells the primary's injector where the pod
// is (https://istio.io/latest/docs/setup/install/multicluster/primary-remote/).
func (o *owner) ownRemote() {
	o.set(spec.ProfileRemote, "profile")
	o.set(false, "components", "base", "enabled")
	o.setIfThere(true, "values", "istiodRemote", "enabled")
	o.set("/inject/cluster/"+o.cluster.Name+"/net/"+o.cluster.Network, "values", "istiodRemote", "injectionPath")
	o.injectGateways("ingressGateways", "istio-ingressgateway")
	o.injectGateways("egressGateways", "istio-egressgateway")
}

// injectGateways lets the injector of the primaries fill in the proxies of gateways
// other than the east-west one. Otherwise they would look for the mesh's
// configuration in their own cluster.
// https://istio.io/latest/docs/setup/install/external-controlplane/#deploy-the-istio-ingress-gateway
func (o *owner) injectGateways(component, values string) {
	enabled, _ := o.spec.Get("values", "gateways", values, "enabled").Literal()
	others := slices.ContainsFunc(o.spec.Get("components", component).List(), func(item *tree.Tree) bool {
		name, _ := item.Get("name").Literal()
		return name != spec.EastWestGateway
	})
	if (others || enabled == "true") && o.spec.Get("values", "gateways", values, "injectionTemplate").IsNull() {
		o.set("gateway", "values", "gateways", values, "injectionTemplate")
	}
}
