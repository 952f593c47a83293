package topology

import (
	"slices"
	"strings"
)

// owner sets the values that the topology decides and collects the warnings.
type owner struct {
	mesh     *Mesh
	cluster  Cluster
	spec     *tree
	warnings Problems
}

// own sets every owned value of the manifest.
//
// Mesh ID, cluster and network: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/.
func (o *owner) own(r Release) {
	c := o.cluster
	if o.spec.get("hub").isNull() && o.spec.get("values", "global", "hub").isNull() && r.Hub != "" {
		o.spec.put("hub", Position{}, fromPlain(r.Hub))
	}
	if o.spec.get("tag").isNull() && o.spec.get("values", "global", "tag").isNull() && r.Tag != "" {
		o.spec.put("tag", Position{}, fromPlain(r.Tag))
	}
	o.set(o.mesh.ID, "values", "global", "meshID")
	o.set(c.Name, "values", "global", "multiCluster", "clusterName")
	o.set(c.Network, "values", "global", "network")
	o.set(c.Namespace, "values", "global", "istioNamespace")
	o.setIfThere(c.Namespace, "namespace")
	o.meshNetworks()
	o.reader()
	if c.Remote() {
		o.ownRemote()
	} else {
		o.ownPrimary()
	}
	if o.mesh.HasGateway(c) {
		o.eastWestGateway()
	} else {
		o.noEastWestGateway()
	}
}

// ownPrimary sets the owned values of a control plane.
//
// The default revision's validating webhook is rendered by the base chart when
// values.defaultRevision is set, which the operator's profiles leave empty because
// istioctl makes that webhook in another way; no revision tag is needed beside
// it, because the injector of an istiod without revision serves the default one
// itself (manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml).
// ISTIO_MULTIROOT_MESH and PROXY_CONFIG_XDS_AGENT must be there from the first
// day for the mesh's root to be changed later without an outage.
// With externalIstiod, an istiod serves the remote clusters that name it in their
// annotation topology.istio.io/controlPlaneClusters
// (https://istio.io/latest/docs/setup/install/multicluster/primary-remote/).
func (o *owner) ownPrimary() {
	c := o.cluster
	o.set("default", "values", "defaultRevision")
	o.set(o.mesh.TrustDomain, "meshConfig", "trustDomain")
	o.set("true", "meshConfig", "defaultConfig", "proxyMetadata", "PROXY_CONFIG_XDS_AGENT")
	o.set("true", "values", "pilot", "env", "ISTIO_MULTIROOT_MESH")
	o.setIfThere(c.Namespace, "components", "pilot", "namespace")
	o.setIfThere(o.mesh.TrustDomain, "values", "meshConfig", "trustDomain")
	o.setIfThere("true", "values", "meshConfig", "defaultConfig", "proxyMetadata", "PROXY_CONFIG_XDS_AGENT")
	o.pilotEnvironment()
	if len(o.mesh.Remotes(c.Name)) > 0 {
		o.set(true, "values", "global", "externalIstiod")
	}
}

// set makes the value at keys so, and warns if the user has another there.
func (o *owner) set(value any, keys ...string) {
	o.warnUnless(fromPlain(value), o.spec.get(keys...), strings.Join(keys, "."))
	t := o.spec
	for _, k := range keys[:len(keys)-1] {
		if next := t.get(k); next == nil || next.kind != mapping {
			t.put(k, t.fields[k].key, newMapping())
		}
		t = t.get(k)
	}
	last := keys[len(keys)-1]
	want := fromPlain(value)
	if old := t.get(last); !old.isNull() && sameScalar(old, want) {
		old.value = want.value // the user's, with our type: true may mean "true"
		return
	}
	t.put(last, Position{}, want)
}

// setIfThere is set for a second place of an owned value, which may stay empty.
func (o *owner) setIfThere(value any, keys ...string) {
	if !o.spec.get(keys...).isNull() {
		o.set(value, keys...)
	}
}

// unset takes the value at keys out, with a warning that says why.
func (o *owner) unset(why string, keys ...string) {
	v := o.spec.get(keys...)
	if v == nil {
		return
	}
	parent, last := o.spec.get(keys[:len(keys)-1]...), keys[len(keys)-1]
	if !v.isNull() {
		o.warn(v.at, strings.Join(keys, "."), "is not used: %s", why)
	}
	parent.drop(last)
}

func (o *owner) warnUnless(want, have *tree, path string) {
	if have.isNull() || sameScalar(have, want) {
		return
	}
	if have.kind != scalar {
		o.warn(have.at, path, "is not used: setup-mesh sets %s", quote(want.text))
		return
	}
	o.warn(have.at, path, "%s is not used: setup-mesh sets %s", quote(have.text), quote(want.text))
}

func sameScalar(a, b *tree) bool {
	return a.kind == scalar && b.kind == scalar && a.text == b.text
}

// warn adds a warning about a value below the spec.
func (o *owner) warn(at Position, path, format string, args ...any) {
	o.warnings.add(at, o.path(at, path), "take it out", format, args...)
}

// path returns the path of a value below the spec as the file has it that it
// stands in.
func (o *owner) path(at Position, below string) string {
	if at.File == o.mesh.File {
		return join(join("contexts", o.cluster.Context), "overlay") + "." + below
	}
	return "spec." + below
}

func (o *owner) namespaceOfBase(b *Base) {
	v := b.metadata.get("namespace")
	if text, ok := v.literal(); ok && text != o.cluster.Namespace {
		o.warnings.add(v.at, "metadata.namespace", "set the namespace of each context in topology.yaml",
			"%s is not used: setup-mesh sets %s", quote(text), quote(o.cluster.Namespace))
	}
}

// pilotEnvironment keeps components.pilot.k8s.env, which is applied after the
// values, from undoing an owned variable.
func (o *owner) pilotEnvironment() {
	env := o.spec.get("components", "pilot", "k8s", "env")
	if item := env.named("ISTIO_MULTIROOT_MESH"); item != nil && item.kind == mapping {
		want := fromPlain("true")
		o.warnUnless(want, item.get("value"), "components.pilot.k8s.env[name=ISTIO_MULTIROOT_MESH].value")
		item.put("value", Position{}, want)
		item.drop("valueFrom")
	}
}

// reader names the service account that remote clusters read this one as. The
// charts make the default one themselves; a name of the user's binds their role
// to it instead, and they make no account (manifests/charts/base/values.yaml).
func (o *owner) reader() {
	if o.cluster.ServiceAccountReader == DefaultServiceAccountReader {
		o.unset("contexts."+o.cluster.Context+".serviceAccountReader names it", "values", "global", "readerServiceAccount")
		return
	}
	o.set(o.cluster.ServiceAccountReader, "values", "global", "readerServiceAccount", "name")
	o.set(o.cluster.Namespace, "values", "global", "readerServiceAccount", "namespace")
}

// eastWestGateway adds the gateway, or completes the user's entry of that name.
// It is rendered as an installation of its own, so the gateways of the profile
// stay as they are.
func (o *owner) eastWestGateway() {
	if c := o.spec.get("components"); c == nil || c.kind != mapping {
		o.spec.put("components", Position{}, newMapping())
	}
	components := o.spec.get("components")
	list := components.get("ingressGateways")
	if list == nil || list.kind != sequence {
		list = &tree{kind: sequence}
		components.put("ingressGateways", Position{}, list)
	}
	mine := list.named(EastWestGateway)
	want := eastWestGateway(o.cluster)
	if mine == nil {
		list.items = append(list.items, want)
		return
	}
	path := "components.ingressGateways[name=" + EastWestGateway + "]"
	o.warnDifferent(want, mine, path)
	if ns := mine.get("namespace"); !ns.isNull() {
		o.warn(ns.at, path+".namespace", "is not used: the gateway is in the namespace that Istio is in")
	}
	i := slices.Index(list.items, mine)
	list.items[i] = completeGateway(mine, want)
}

// noEastWestGateway takes the user's entry for the gateway out of a cluster that
// needs none. An entry of base.yaml may be for another cluster.
func (o *owner) noEastWestGateway() {
	list := o.spec.get("components", "ingressGateways")
	mine := list.named(EastWestGateway)
	if mine == nil {
		return
	}
	at := mine.at
	entry := o.cluster.overlay.get("components", "ingressGateways").named(EastWestGateway)
	if entry != nil {
		at = entry.at
	}
	if entry != nil || !slices.ContainsFunc(o.mesh.Clusters, o.mesh.HasGateway) {
		o.warnings.add(at, o.path(at, "components.ingressGateways[name="+EastWestGateway+"]"), "",
			"is not used: the mesh has one network, and the cluster serves no remote cluster")
	}
	if i := slices.Index(list.items, mine); len(list.items) > 1 {
		list.items = slices.Delete(list.items, i, i+1)
		return
	}
	o.spec.get("components").drop("ingressGateways") // an empty list would replace the profile's
}

// warnDifferent warns of every value in have that want has otherwise.
func (o *owner) warnDifferent(want, have *tree, path string) {
	want.walk("", func(below *trail, v *tree) {
		if v.kind == scalar {
			o.warnUnless(v, have.find(below.String()), path+"."+below.String())
		}
	})
}
