package topology

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
)

// ParseMesh reads topology.yaml. The name of the file is used in positions and
// messages only. A file without contexts is a Mesh without clusters and no error:
// whether that will do is the caller's to decide. contexts are the names of the
// contexts that the kubeconfig has, and any other is a mistake; nil where they are
// not known, and then any context will do. All mistakes are returned together,
// as [Problems].
func ParseMesh(name string, data []byte, contexts []string) (*Mesh, error) {
	t, ps := readTree(name, data)
	if t == nil || len(ps) > 0 {
		return nil, ps.err()
	}
	var f file.Topology
	decodeInto(t, &f, &ps)
	if t.kind != mapping {
		return nil, ps.err()
	}
	p := meshParser{mesh: &Mesh{File: name, ID: f.MeshID, TrustDomain: f.TrustDomain}, problems: &ps, root: t, contexts: contexts}
	p.meshFields()
	for _, key := range t.get("contexts").sortedAsWritten() {
		p.cluster(key, f.Contexts[key])
	}
	p.together()
	if err := ps.err(); err != nil {
		return nil, err
	}
	return p.mesh, nil
}

// meshParser judges what decode has read, with the tree for positions.
type meshParser struct {
	mesh     *Mesh
	problems *Problems
	root     *tree
	contexts []string // that exist; none if that is not known
	compared int      // primaries that were compared with all contexts
}

func (p *meshParser) meshFields() {
	p.name(p.root, "", "mesh_id", p.mesh.ID, "mesh ID", labelValue)
	if p.root.get("mesh_id").isNull() && !misspelt(p.root, "mesh_id") {
		p.problems.add(p.root.at, "mesh_id", "give the mesh a name: mesh_id: mymeshname", "is required")
	}
	if p.mesh.TrustDomain == "" && p.root.get("trust_domain").isNull() {
		p.mesh.TrustDomain = DefaultTrustDomain
	}
	p.name(p.root, "", "trust_domain", p.mesh.TrustDomain, "trust domain", trustDomain)
}

// misspelt says that t has an unknown key that is close to key: one mistake, to
// be reported once.
func misspelt(t *tree, key string) bool {
	known := append(keysOf(reflect.TypeFor[file.Topology]()), keysOf(reflect.TypeFor[file.Context]())...)
	for _, k := range t.sortedAsWritten() {
		if !slices.Contains(known, k) && nearest(k, []string{key}) == key {
			return true
		}
	}
	return false
}

// name checks the text under a key of t, if the key is there.
func (p *meshParser) name(t *tree, path, key, text, noun string, rule nameRule) {
	v := t.get(key)
	if _, ok := v.literal(); !ok || rule.allows(text) {
		return
	}
	hint := rule.hint(text)
	if text == "Kubernetes" {
		hint = rule.words + `; "Kubernetes" is also what an istiod calls itself that was given no name`
	}
	p.problems.add(v.at, join(path, key), hint, "%s is no %s", quote(text), noun)
}

func (p *meshParser) cluster(context string, f *file.Context) {
	t, at := p.root.get("contexts", context), p.root.keyAt("contexts", context)
	path := join("contexts", context)
	if f == nil {
		f = &file.Context{}
	}
	c := Cluster{
		Position: at, Context: context, Name: f.Name, Network: f.Network,
		Namespace: f.Namespace, ServiceAccountReader: f.ServiceAccountReader,
		DisableRegistryJoin: f.DisableRegistryJoin,
	}
	p.contextName(c, path)
	if t.isNull() || t.kind == mapping && t.get("network").isNull() && !misspelt(t, "network") {
		p.problems.add(at, join(path, "network"),
			"clusters whose pods reach each other directly share a network: network: network-1", "is required")
	}
	p.name(t, path, "network", c.Network, "network name", labelValue)
	p.name(t, path, "name", c.Name, "cluster name", dnsLabel)
	p.name(t, path, "namespace", c.Namespace, "namespace", dnsLabel)
	p.name(t, path, "serviceAccountReader", c.ServiceAccountReader, "service account name", dnsSubdomain)
	if t.get("name").isNull() && t.get("network").isNull() == (f.Network == "") {
		p.derivedName(&c, path)
	}
	p.defaults(&c, t)
	c.Gateway = p.gateway(t.get("gateway"), f.Gateway, join(path, "gateway"))
	c.APIServer = p.apiServer(t.get("apiServer"), f.APIServer, join(path, "apiServer"))
	c.overlay = newMapping()
	if o := t.get("overlay"); !o.isNull() && o.kind == mapping {
		c.overlay = readSpec(o, join(path, "overlay"), p.isRemote(context), p.problems)
	}
	c.Overlay = c.overlay.spec()
	p.mesh.Clusters = append(p.mesh.Clusters, c)
}

// otherContext helps to find the context that was meant.
func (p *meshParser) otherContext(wrong string) string {
	const most = 6
	if near := nearest(wrong, p.contexts); near != "" {
		return "did you mean " + near + "?"
	}
	if len(p.contexts) <= most {
		return "it has " + strings.Join(p.contexts, ", ")
	}
	return fmt.Sprintf("it has %s and %d more", strings.Join(p.contexts[:most], ", "), len(p.contexts)-most)
}

func (p *meshParser) contextName(c Cluster, path string) {
	switch mixed := lookalike(c.Context); {
	case !printable(c.Context):
		p.problems.add(c.Position, path, "", "the context's name has characters that cannot be shown")
	case mixed != "":
		p.problems.add(c.Position, path, "type it anew, or rename the context: kubectl config rename-context",
			"the context's name %s mixes %s letters", quote(c.Context), mixed)
	case len(p.contexts) > 0 && !slices.Contains(p.contexts, c.Context):
		p.problems.add(c.Position, path, p.otherContext(c.Context), "not in the kubeconfig")
	}
}

func (p *meshParser) derivedName(c *Cluster, path string) {
	if c.Name = ClusterName(c.Context); c.Name == "" {
		p.problems.add(c.Position, join(path, "name"), dnsLabel.words+": name: cluster-1",
			"is required: no cluster name can be derived from the context's")
	}
}

func (p *meshParser) defaults(c *Cluster, t *tree) {
	if t.get("namespace").isNull() {
		c.Namespace = DefaultNamespace
	}
	if t.get("serviceAccountReader").isNull() {
		c.ServiceAccountReader = DefaultServiceAccountReader
	}
}

// together checks what must hold between clusters: names are unique, and Istio
// is in the same namespace everywhere. That namespace is the root namespace of
// the mesh's configuration, and is named in the certificates of istiod
// (https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/, rootNamespace);
// that it is one for the whole mesh is this project's rule.
func (p *meshParser) together() {
	p.primaries()
	p.sharedServices()
	byName := map[string]Cluster{}
	for i, c := range p.mesh.Clusters {
		path := join("contexts", c.Context)
		t := p.root.get("contexts", c.Context)
		if first := p.mesh.Clusters[0]; i > 0 && c.Namespace != first.Namespace && dnsLabel.allows(c.Namespace) {
			at := c.Position
			if v := t.get("namespace"); !v.isNull() {
				at = v.at
			}
			p.problems.add(at, join(path, "namespace"), "install Istio into the same namespace of every cluster",
				"is %s, but %s of %s (line %d)", quote(c.Namespace), quote(first.Namespace), join("contexts", first.Context), first.Line)
		}
		if c.Name == "" {
			continue
		}
		before, taken := byName[c.Name]
		if !taken {
			byName[c.Name] = c
			continue
		}
		other := join("contexts", before.Context)
		if v := t.get("name"); !v.isNull() {
			p.problems.add(v.at, join(path, "name"), "give each cluster its own name",
				"%s is already %s (line %d)", quote(c.Name), other, before.Line)
		} else {
			p.problems.add(c.Position, join(path, "name"), "give one of the two a name: name: "+c.Name+"-2",
				"%s, derived from the context's name, is already %s (line %d)", quote(c.Name), other, before.Line)
		}
	}
}
