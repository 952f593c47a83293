package topology

import (
	"reflect"
	"slices"
	"strings"
)

// remoteProfile is the charts' profile for a cluster without control plane:
// https://istio.io/latest/docs/setup/install/multicluster/primary-remote/
const remoteProfile = "remote"

// ofControlPlane are the parts of a spec that say what a control plane is and
// does. In a remote cluster there is none for them: base.yaml's are its
// primaries' business, and an overlay's are of no use. Network plugin and gateways
// are not among them, for they run in the remote cluster.
var ofControlPlane = [][]string{
	{"profile"}, {"meshConfig"},
	{"components", "base"}, {"components", "pilot"}, {"components", "ztunnel"},
	{"values", "base"}, {"values", "pilot"}, {"values", "meshConfig"}, {"values", "defaultRevision"}, {"values", "telemetry"},
	{"values", "security"}, {"values", "ztunnel"},
	{"values", "global", "mtls"}, {"values", "global", "meshNetworks"}, {"values", "global", "externalIstiod"},
}

// withoutControlPlane is a spec without what a remote cluster has no use for.
func withoutControlPlane(spec *tree) *tree {
	out := spec.clone()
	for _, keys := range ofControlPlane {
		out.prune(keys)
	}
	return out
}

// prune takes the value at keys out, and every mapping that is empty then.
func (t *tree) prune(keys []string) {
	parent := t.get(keys[:len(keys)-1]...)
	if parent == nil || parent.kind != mapping || parent.get(keys[len(keys)-1]) == nil {
		return
	}
	parent.drop(keys[len(keys)-1])
	if len(keys) > 1 && len(parent.keys) == 0 {
		t.prune(keys[:len(keys)-1])
	}
}

// remoteSpec is the spec of a remote cluster before the owned values are set, with
// a warning for everything in its own overlay that its primaries decide.
func (o *owner) remoteSpec(base, overlay *tree) {
	for _, keys := range ofControlPlane {
		if v := overlay.get(keys...); !v.isNull() && v.text != remoteProfile {
			o.warn(v.at, strings.Join(keys, "."), "is not used: the control plane is that of %s", strings.Join(o.cluster.Primaries, ", "))
		}
	}
	o.spec = merge(withoutControlPlane(base), withoutControlPlane(overlay))
	profile, _ := base.get("profile").literal()
	if profile == "openshift" {
		o.openshift()
	}
}

// openshift keeps what that profile puts on nodes: the injected pods of its
// primaries' configuration need the network plugin
// (manifests/profiles/openshift.yaml).
func (o *owner) openshift() {
	for _, d := range []struct {
		value any
		keys  []string
	}{
		{"openshift", []string{"values", "global", "platform"}},
		{true, []string{"components", "cni", "enabled"}},
		{"kube-system", []string{"components", "cni", "namespace"}},
	} {
		if o.spec.get(d.keys...).isNull() {
			o.set(d.value, d.keys...)
		}
	}
}

// ownRemote sets the values of a remote cluster. There is no base chart: nobody
// reads Istio's own resources in the cluster. Where its istiod is, no chart has to
// know: remotePilotAddress takes one address, and primaries may have several.
// The path tells an istiod whose pods it injects:
// https://istio.io/latest/docs/setup/install/multicluster/primary-remote_multi-network/#configure-cluster2-as-a-remote
func (o *owner) ownRemote() {
	o.set(remoteProfile, "profile")
	o.set(false, "components", "base", "enabled")
	o.set("/inject/cluster/"+o.cluster.Name+"/net/"+o.cluster.Network, "values", "istiodRemote", "injectionPath")
}

// expose lets an istiod serve other clusters than its own:
// https://istio.io/latest/docs/setup/install/multicluster/primary-remote/#configure-cluster1-as-a-primary
func (o *owner) expose() {
	if len(o.mesh.Remotes(o.cluster.Name)) > 0 {
		o.set(true, "values", "global", "externalIstiod")
	}
}

// meshNetworks declares the gateways whose addresses the topology knows and their
// Services do not, in every primary. All others are found by label.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks
func (o *owner) meshNetworks() {
	keys := []string{"values", "global", "meshNetworks"}
	want := fromPlain(o.mesh.declaredGateways())
	if reflect.DeepEqual(o.spec.get(keys...).plain(), want.plain()) {
		return
	}
	o.unset("networks are those of topology.yaml, and so are their gateways", keys...)
	if len(want.keys) > 0 {
		o.put(want, keys...)
	}
}

// declaredGateways are the networks that have gateways with addresses of the
// topology's, as MeshNetworks has them; none where there is one network.
func (m *Mesh) declaredGateways() map[string]any {
	gateways := map[string][]any{}
	for _, c := range m.Clusters {
		for _, a := range c.Gateway.Addresses {
			gateways[c.Network] = append(gateways[c.Network], map[string]any{"address": a, "port": int64(c.Gateway.Port)})
		}
	}
	networks := map[string]any{}
	for network, list := range gateways {
		if m.MultiNetwork() {
			networks[network] = map[string]any{"gateways": list}
		}
	}
	return networks
}

// annotate adds the annotations of the gateway's Service to its entry.
func (c Cluster) annotate(gateway *tree) {
	if len(c.Gateway.Annotations) == 0 {
		return
	}
	notes := map[string]any{}
	for k, v := range c.Gateway.Annotations {
		notes[k] = v
	}
	gateway.get("k8s").put("serviceAnnotations", Position{}, fromPlain(notes))
}

// profileHint is how to get what a profile that is not supported is for.
func profileHint(name string) string {
	if name == remoteProfile {
		return "list the cluster's primaries in topology.yaml instead: primaries: [context-of-a-primary]"
	}
	return "one of " + strings.Join(slices.Sorted(slices.Values(profiles)), ", ")
}
