package manifest

import (
	"bytes"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
	"github.com/setup-mesh/setup-mesh/pkg/topology/legacy"
)

// A Release names the images that go with the charts that are built in.
type Release struct {
	Hub string // such as docker.io/istio
	Tag string // such as 1.31.0
}

// A Manifest is the IstioControlPlane of one cluster: base.yaml, the cluster's
// overlay over it, and over both what the topology decides.
type Manifest struct {
	Cluster   string         // its name in the mesh
	Namespace string         // that Istio is in
	Spec      map[string]any // in today's terms, but for what setup-mesh carries out itself
	Mode      Mode

	// Mistakes are what the file says and the mesh does not, where one of them must
	// be wrong.
	Mistakes topology.Problems

	spec     *tree.Tree
	metadata *tree.Tree
	specAt   topology.Position
	mesh     string // the file that overlays are in
	context  string
}

// New merges b, c's overlay and the values that the topology owns. The same
// arguments always give the same manifest. The problems are warnings: the
// user's own settings of owned values, which are overruled.
func New(m *topology.Mesh, b *Base, c topology.Cluster, r Release) (*Manifest, topology.Problems) {
	base, overlay, o := b.spec, c.Written(), owner{mesh: m, cluster: c, mode: ModeOf(m, b, c)}
	if c.Remote() {
		base, overlay = o.withoutControlPlane(base, overlay)
	}
	o.spec = tree.Merge(base, overlay)
	o.warnings = slices.Concat(o.warnings, legacy.Problems(b.Decisions, legacy.Warning), legacy.Problems(c.Decisions(), legacy.Warning))
	o.namespaceOfBase(b)
	o.checkMode(b)
	o.own(r)
	o.warnings.Sort()
	spec := o.spec
	return &Manifest{
		Cluster: c.Name, Namespace: c.Namespace, Spec: spec.Map(), Mode: o.mode, Mistakes: o.mistakes,
		spec: spec, metadata: b.metadata, specAt: b.specAt, mesh: m.File, context: c.Context,
	}, o.warnings
}

// At returns which line of base.yaml or topology.yaml the value at path, such as
// spec.values.pilot.traceSampling, comes from, or else the nearest of its parents.
// The zero Position means that setup-mesh set it.
func (m *Manifest) At(path string) topology.Position {
	return m.spec.Locate(m.specAt, belowSpec(path))
}

// Problem returns a problem with the value at path, with the place that the value
// comes from and its path there: spec.values.x of base.yaml is
// contexts.east.overlay.values.x in topology.yaml.
//
// Without a hint, the key of known that is nearest to the last one of path is one; where
// there are some and none is near, it is to take the key out, and where there are none it
// is where to look up what path may be.
func (m *Manifest) Problem(path, message, hint string, known ...string) topology.Problem {
	p := topology.Problem{Position: m.At(path), Path: path, Message: message, Hint: hintFor(path, hint, known)}
	if p.File == m.mesh && p.File != "" {
		p.Path = tree.Join("contexts", m.context, "overlay") + strings.TrimPrefix(path, "spec")
	}
	return p
}

// hintFor is hint, or else the key of known that is nearest to the last one of path.
func hintFor(path, hint string, known []string) string {
	if hint != "" {
		return hint
	}
	if near := names.DidYouMean(path[strings.LastIndex(path, ".")+1:], known); near != "" {
		return near
	}
	switch {
	case len(known) > 0:
		return "take it out: today's Istio has no such key"
	case path == "spec":
		return "take settings out one by one until it is accepted: Istio does not say which one it refuses"
	default:
		return "setup-mesh explain " + path + " says what it may be"
	}
}

// StrictMTLS says whether values.global.mtls.enabled asks for mutual TLS
// everywhere in the mesh. It is false in a remote cluster: no control plane reads
// its root namespace. Today that value means a PeerAuthentication with mode STRICT
// in the root namespace:
// https://istio.io/latest/docs/reference/config/security/peer_authentication/
func (m *Manifest) StrictMTLS() bool {
	return legacy.StrictMTLS(m.spec)
}

// Operator returns the spec of today's IstioOperator, as the charts take it:
// without the values of 1.4 that setup-mesh carries out itself, and without a
// revision, which can only be the default one. The caller owns the map.
func (m *Manifest) Operator() map[string]any { return operator(m.spec) }

func operator(spec *tree.Tree) map[string]any {
	t := spec.Clone()
	legacy.DropUnderstood(t)
	t.Drop("revision")
	t.Get("values").Drop("revision")
	t.Get("values", "global").Drop("revision")
	return t.Map()
}

// YAML returns the manifest as an IstioControlPlane document with sorted keys.
func (m *Manifest) YAML() []byte {
	metadata := map[string]any{"name": m.Cluster, "namespace": m.Namespace}
	for _, k := range []string{"labels", "annotations"} {
		if v := m.metadata.Get(k); !v.IsNull() {
			metadata[k] = v.Plain()
		}
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	err := enc.Encode(struct {
		APIVersion string         `yaml:"apiVersion"`
		Kind       string         `yaml:"kind"`
		Metadata   map[string]any `yaml:"metadata"`
		Spec       map[string]any `yaml:"spec"`
	}{VersionControlPlane, KindControlPlane, metadata, m.spec.Map()})
	if err != nil { // only a failing writer or a type that Plain never makes
		return nil
	}
	return out.Bytes()
}
