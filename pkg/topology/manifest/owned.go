package manifest

import (
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// own sets every owned value of the manifest.
//
// Mesh ID, cluster and network: https://istio.io/latest/docs/setup/install/multicluster/multi-primary_multi-network/.
func (o *owner) own(r Release) {
	c := o.cluster
	if o.spec.Get("hub").IsNull() && o.spec.Get("values", "global", "hub").IsNull() && r.Hub != "" {
		o.spec.Put("hub", topology.Position{}, tree.FromPlain(r.Hub))
	}
	if o.spec.Get("tag").IsNull() && o.spec.Get("values", "global", "tag").IsNull() && r.Tag != "" {
		o.spec.Put("tag", topology.Position{}, tree.FromPlain(r.Tag))
	}
	o.set(o.mesh.ID, "values", "global", "meshID")
	o.set(c.Name, "values", "global", "multiCluster", "clusterName")
	o.set(c.Network, "values", "global", "network")
	o.set(c.Namespace, "values", "global", "istioNamespace")
	o.setIfThere(c.Namespace, "namespace")
	o.meshNetworks()
	o.environments()
	o.reader()
	if c.Remote() {
		o.ownRemote()
	} else {
		o.ownPrimary()
	}
	if o.mode.EastWest {
		o.eastWestGateway()
	} else {
		o.noEastWestGateway()
	}
}

// ownPrimary sets the owned values of a control plane.
//
// The default revision's validating webhook is rendered by the base chart when
// values.defaultRevision is set, which the operator's profiles leave empty because
// istioctl makes that webhook in another way. No revision tag is needed as well: the
// injector of an istiod without revision serves the default one itself (manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml).
// The mesh's root can be changed later without an outage only if ISTIO_MULTIROOT_MESH
// and PROXY_CONFIG_XDS_AGENT are there from the first day.
// With externalIstiod, an istiod serves the remote clusters that name it in their
// annotation topology.istio.io/controlPlaneClusters
// (https://istio.io/latest/docs/setup/install/multicluster/primary-remote/).
func (o *owner) ownPrimary() {
	c := o.cluster
	o.set("default", "values", "defaultRevision")
	for _, keys := range [][]string{{"meshConfig", "trustDomain"}, {"values", "meshConfig", "trustDomain"}} {
		if text, ok := o.spec.Get(keys...).Literal(); ok {
			o.agree(o.mesh.TrustDomain, "write trust_domain: "+names.Shown(text)+" in topology.yaml: identities keep their names. Or take it out, and all identities change", keys...)
		}
	}
	o.set(o.mesh.TrustDomain, "meshConfig", "trustDomain")
	o.set("true", "meshConfig", "defaultConfig", "proxyMetadata", "PROXY_CONFIG_XDS_AGENT")
	o.set("true", "values", "pilot", "env", "ISTIO_MULTIROOT_MESH")
	o.setIfThere(c.Namespace, "components", "pilot", "namespace")
	o.setIfThere(o.mesh.TrustDomain, "values", "meshConfig", "trustDomain")
	o.setIfThere("true", "values", "meshConfig", "defaultConfig", "proxyMetadata", "PROXY_CONFIG_XDS_AGENT")
	if o.mode.Ambient {
		o.ownAmbient()
	} else {
		o.setIfThere("false", "values", "pilot", "env", MultiNetwork)
	}
	if len(o.mesh.Remotes(c.Name)) > 0 {
		o.set(true, "values", "global", "externalIstiod")
	}
}

// namespaceOfBase warns of a namespace in base.yaml's metadata: the topology decides it.
func (o *owner) namespaceOfBase(b *Base) {
	v := b.metadata.Get("namespace")
	if text, ok := v.Literal(); ok && text != o.cluster.Namespace {
		o.warnings.Add(v.At, "metadata.namespace", "set the namespace of each context in topology.yaml",
			"%s is not used: setup-mesh sets %s", names.Quote(text), names.Quote(o.cluster.Namespace))
	}
}

// reader leaves the charts their own account to read the cluster as. One of the
// topology's is bound beside it, so that the account can be changed while tokens
// of the old one are in use.
func (o *owner) reader() {
	o.unset("contexts."+o.cluster.Context+".serviceAccountReader names the account", "values", "global", "readerServiceAccount")
}
