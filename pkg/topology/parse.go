package topology

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// ParseMesh reads topology.yaml. The name of the file is used in positions and
// messages only. A file without contexts is a Mesh without clusters and not an
// error: whether that is enough is for the caller to decide. contexts are the names
// of the contexts in the kubeconfig, and any other is a mistake; where they are
// not known they are nil, and any context is taken. All mistakes are returned
// together, as [Problems].
func ParseMesh(name string, data []byte, contexts []string) (*Mesh, error) {
	t, ps := tree.Read(name, data)
	if t == nil || len(ps) > 0 {
		return nil, ps.Err()
	}
	var f file.Topology
	tree.Decode(t, &f, &ps)
	if t.Kind != tree.Mapping {
		return nil, ps.Err()
	}
	p := meshParser{mesh: &Mesh{File: name, ID: f.MeshID, TrustDomain: f.TrustDomain, written: t}, problems: &ps, root: t, contexts: contexts}
	p.meshFields()
	for _, key := range t.Get("contexts").Keys() {
		p.cluster(key, f.Contexts[key])
	}
	p.together()
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return p.mesh, nil
}

// meshParser judges what was decoded, with the tree for positions.
type meshParser struct {
	mesh     *Mesh
	problems *Problems
	root     *tree.Tree
	contexts []string // in the kubeconfig; none if they are not known
	compared int      // primaries that were compared with all contexts
}

func (p *meshParser) meshFields() {
	p.name(p.root, "", "mesh_id", p.mesh.ID, "mesh ID", names.LabelValue)
	if p.root.Get("mesh_id").IsNull() && !misspelt(p.root, "mesh_id") {
		p.problems.Add(p.root.At, "mesh_id", "give the mesh a name: mesh_id: mymeshname", "is required")
	}
	if p.mesh.TrustDomain == "" && p.root.Get("trust_domain").IsNull() {
		p.mesh.TrustDomain = DefaultTrustDomain
	}
	p.name(p.root, "", "trust_domain", p.mesh.TrustDomain, "trust domain", names.TrustDomain)
}

// misspelt says that t has an unknown key that is close to key: one mistake, to
// be reported once.
func misspelt(t *tree.Tree, key string) bool {
	known := append(tree.KeysOf(reflect.TypeFor[file.Topology]()), tree.KeysOf(reflect.TypeFor[file.Context]())...)
	for _, k := range t.Keys() {
		if !slices.Contains(known, k) && names.Nearest(k, []string{key}) == key {
			return true
		}
	}
	return false
}

// name checks the text under a key of t, if the key is there.
func (p *meshParser) name(t *tree.Tree, path, key, text, noun string, rule names.Rule) {
	v := t.Get(key)
	if _, ok := v.Literal(); !ok || rule.Allows(text) {
		return
	}
	hint := rule.Hint(text)
	if text == "Kubernetes" {
		hint = rule.Words + `; an istiod without a name calls itself "Kubernetes" too`
	}
	p.problems.Add(v.At, tree.Join(path, key), hint, "%s is not a valid %s", names.Quote(text), noun)
}

func (p *meshParser) cluster(context string, f *file.Context) {
	t, at := p.root.Get("contexts", context), p.root.KeyAt("contexts", context)
	path := tree.Join("contexts", context)
	if f == nil {
		f = &file.Context{}
	}
	c := Cluster{
		Position: at, Context: context, Name: f.Name, Network: f.Network,
		Namespace: f.Namespace, ServiceAccountReader: f.ServiceAccountReader,
		DisableRegistryJoin: f.DisableRegistryJoin, written: t,
	}
	p.contextName(c, path)
	if t.IsNull() || t.Kind == tree.Mapping && t.Get("network").IsNull() && !misspelt(t, "network") {
		p.problems.Add(at, tree.Join(path, "network"),
			"clusters whose pods reach each other directly share a network: network: network-1", "is required")
	}
	p.name(t, path, "network", c.Network, "network name", names.LabelValue)
	p.name(t, path, "name", c.Name, "cluster name", names.DNSLabel)
	p.name(t, path, "namespace", c.Namespace, "namespace", names.DNSLabel)
	p.name(t, path, "serviceAccountReader", c.ServiceAccountReader, "service account name", names.DNSSubdomain)
	if t.Get("name").IsNull() && t.Get("network").IsNull() == (f.Network == "") {
		p.derivedName(&c, path)
	}
	p.defaults(&c, t)
	c.Gateway = p.gateway(t.Get("gateway"), f.Gateway, tree.Join(path, "gateway"))
	c.APIServer = p.apiServer(t.Get("apiServer"), f.APIServer, tree.Join(path, "apiServer"))
	c.overlay = tree.NewMapping()
	if o := t.Get("overlay"); !o.IsNull() && o.Kind == tree.Mapping {
		c.overlay, c.decisions = spec.Read(o, tree.Join(path, "overlay"), p.isRemote(context), p.problems)
	}
	c.Overlay = c.overlay.Map()
	p.mesh.Clusters = append(p.mesh.Clusters, c)
}

// otherContext helps to find the context that was meant, of those that owner has.
func otherContext(wrong string, contexts []string, owner string) string {
	const most = 6
	if near := names.Nearest(wrong, contexts); near != "" {
		return "did you mean " + near + "?"
	}
	if len(contexts) <= most {
		return owner + " has " + strings.Join(contexts, ", ")
	}
	return fmt.Sprintf("%s has %s and %d more", owner, strings.Join(contexts[:most], ", "), len(contexts)-most)
}

func (p *meshParser) contextName(c Cluster, path string) {
	switch mixed := names.Lookalike(c.Context); {
	case !names.Printable(c.Context):
		p.problems.Add(c.Position, path, "rename the context: kubectl config rename-context", "the context's name has characters that cannot be shown")
	case mixed != "":
		p.problems.Add(c.Position, path, "retype it, or rename the context: kubectl config rename-context",
			"the context's name %s mixes %s letters", names.Quote(c.Context), mixed)
	case len(p.contexts) > 0 && !slices.Contains(p.contexts, c.Context):
		p.problems.Add(c.Position, path, otherContext(c.Context, p.contexts, "the kubeconfig"), "not in the kubeconfig")
	}
}

func (p *meshParser) derivedName(c *Cluster, path string) {
	if c.Name = ClusterName(c.Context); c.Name == "" {
		p.problems.Add(c.Position, tree.Join(path, "name"), names.DNSLabel.Words+"; for example name: cluster-1",
			"is required: no valid cluster name can be derived from the context's name")
	}
}

func (p *meshParser) defaults(c *Cluster, t *tree.Tree) {
	if t.Get("namespace").IsNull() {
		c.Namespace = DefaultNamespace
	}
	if t.Get("serviceAccountReader").IsNull() {
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
	p.injection()
	p.ambient()
	byName := map[string]Cluster{}
	for i, c := range p.mesh.Clusters {
		path := tree.Join("contexts", c.Context)
		t := p.root.Get("contexts", c.Context)
		if first := p.mesh.Clusters[0]; i > 0 && c.Namespace != first.Namespace && names.DNSLabel.Allows(c.Namespace) {
			at := c.Position
			if v := t.Get("namespace"); !v.IsNull() {
				at = v.At
			}
			p.problems.Add(at, tree.Join(path, "namespace"), "install Istio into the same namespace of every cluster",
				"is %s, but %s has %s (line %d)", names.Quote(c.Namespace), tree.Join("contexts", first.Context), names.Quote(first.Namespace), first.Line)
		}
		if c.Name == "" {
			continue
		}
		before, taken := byName[c.Name]
		if !taken {
			byName[c.Name] = c
			continue
		}
		other := tree.Join("contexts", before.Context)
		if v := t.Get("name"); !v.IsNull() {
			p.problems.Add(v.At, tree.Join(path, "name"), "give each cluster its own name",
				"%s is already the name of %s (line %d)", names.Quote(c.Name), other, before.Line)
		} else {
			p.problems.Add(c.Position, tree.Join(path, "name"), "give one of the two a name: name: "+c.Name+"-2",
				"%s, derived from the context's name, is already the name of %s (line %d)", names.Quote(c.Name), other, before.Line)
		}
	}
}
