package topology

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
