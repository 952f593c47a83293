package manifest

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/spec"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
	"github.com/setup-mesh/setup-mesh/pkg/topology/legacy"
)

// The two kinds that base.yaml may be, with their only versions.
const (
	KindControlPlane = "IstioControlPlane"
	KindOperator     = "IstioOperator"

	VersionControlPlane = "install.istio.io/v1alpha2"
	VersionOperator     = "install.istio.io/v1alpha1"
)

// A Decision is what became of a setting of another time.
type Decision = spec.Decision

// A Base is base.yaml: how to install Istio on every cluster.
type Base struct {
	File string
	Kind string         // KindControlPlane or KindOperator
	Spec map[string]any // in today's terms; never nil
	// Decisions are what became of settings of other times, in the order of the file.
	Decisions []Decision

	spec     *tree.Tree
	specAt   topology.Position
	metadata *tree.Tree
	cut      []string // paths below the spec of what [Rest] left out
}

// At returns where the value at path, such as spec.values.pilot.traceSampling, is
// written, or else the nearest of its parents. The leading spec may be left out.
func (b *Base) At(path string) topology.Position {
	return b.spec.Locate(b.specAt, belowSpec(path))
}

func belowSpec(path string) string {
	if path == "spec" {
		return ""
	}
	return strings.TrimPrefix(path, "spec.")
}

// ParseBase reads base.yaml, an IstioControlPlane (install.istio.io/v1alpha2) or
// an IstioOperator (v1alpha1). name is what messages call the file. Both kinds have
// the same spec: today's fields, and of Istio 1.4 values.global.mtls.enabled and
// values.security.selfSigned. Only the outer keys are judged here; the charts judge
// the contents of values, meshConfig and the components. All mistakes are returned
// together, as [topology.Problems].
func ParseBase(name string, data []byte) (*Base, error) {
	b, ps := parseBase(name, data)
	if err := ps.Err(); err != nil {
		return nil, err
	}
	return b, nil
}

// Rest is a base.yaml without the parts that [ParseBase] finds wrong, so that what is
// left can be judged in the same run; nil where nothing is.
func Rest(name string, data []byte) *Base {
	b, ps := parseBase(name, data)
	if b == nil {
		return nil
	}
	b.spec = b.spec.Clone()
	for _, p := range ps {
		b.cut = append(b.cut, belowSpec(p.Path))
		b.spec.Cut(belowSpec(p.Path))
	}
	b.Spec = b.spec.Map()
	return b
}

// lacks says that the value at keys is not known: it, or what it was written in, was
// wrong.
func (b *Base) lacks(keys ...string) bool {
	path := pathOf(keys)
	return slices.ContainsFunc(b.cut, func(cut string) bool { return cut == path || strings.HasPrefix(path, cut+".") })
}

// Operator returns the spec as the charts take it: see [Manifest.Operator]. The caller
// owns the map.
func (b *Base) Operator() map[string]any { return operator(b.spec) }

// Problem is [Manifest.Problem] for a base.yaml by itself.
func (b *Base) Problem(path, message, hint string, known ...string) topology.Problem {
	return topology.Problem{Position: b.At(path), Path: path, Message: message, Hint: hintFor(path, hint, known)}
}

func parseBase(name string, data []byte) (*Base, topology.Problems) {
	t, ps := readDocument(name, data)
	if t == nil || len(ps) > 0 {
		return nil, ps
	}
	b := &Base{File: name, spec: tree.NewMapping(), metadata: tree.NewMapping(), specAt: t.At}
	b.Kind = checkKind(t, &ps)
	known := []string{"apiVersion", "kind", "metadata", "spec", "status"}
	for _, k := range t.Keys() {
		v, at := t.Get(k), t.KeyAt(k)
		switch {
		case k == "apiVersion" || k == "kind":
		case k == "status": // a server wrote it
		case k != "metadata" && k != "spec" && spec.Known(k):
			ps.Add(at, tree.Join("", k), "indent it by two more, below spec", "belongs under spec")
		case legacy.KnownValue(k):
			ps.Add(at, tree.Join("", k), "indent it by four more, below spec and values", "belongs under spec.values")
		case k != "metadata" && k != "spec":
			ps.Add(at, tree.Join("", k), names.OneOf(k, known), "unknown key")
		case v.IsNull():
		case v.Kind != tree.Mapping:
			ps.MustBe(tree.AMapping, v, k)
		case k == "metadata":
			b.metadata = v
			checkMetadata(v, &ps)
		default:
			b.specAt = at
			b.spec, b.Decisions = spec.Read(v, "spec", false, &ps)
		}
	}
	b.Spec = b.spec.Map()
	return b, ps
}

// readDocument reads the one document of a base.yaml, which is a mapping.
func readDocument(name string, data []byte) (*tree.Tree, topology.Problems) {
	t, ps := tree.Read(name, data)
	for i := range ps {
		if ps[i].Message == tree.SecondDocument {
			ps[i].Hint = "base.yaml holds one control plane. Leave out documents of other kinds, and one for " + spec.EastWestGateway +
				": setup-mesh makes that gateway. Add other gateways to components.ingressGateways of the control plane"
		}
	}
	if t != nil && len(ps) == 0 && t.Kind != tree.Mapping {
		ps.Add(t.At, "", "setup-mesh prep writes one to start from", "is not an %s", KindControlPlane)
	}
	return t, ps
}

func checkKind(t *tree.Tree, ps *topology.Problems) string {
	versions := map[string]string{KindControlPlane: VersionControlPlane, KindOperator: VersionOperator}
	kinds := []string{KindControlPlane, KindOperator}
	wanted := "kind: " + KindControlPlane + " with apiVersion: " + VersionControlPlane
	kind, ok := t.Get("kind").Literal()
	if !ok {
		ps.Add(t.At, "kind", wanted, "is required")
		return ""
	}
	if versions[kind] == "" {
		hint := names.DidYouMean(kind, kinds)
		if hint == "" {
			hint = wanted
		}
		ps.Add(t.Get("kind").At, "kind", hint, "%s is neither %s nor %s", names.Quote(kind), kinds[0], kinds[1])
		return ""
	}
	version, ok := t.Get("apiVersion").Literal()
	switch {
	case !ok:
		ps.Add(t.At, "apiVersion", "apiVersion: "+versions[kind], "is required")
	case version != versions[kind]:
		ps.Add(t.Get("apiVersion").At, "apiVersion", "apiVersion: "+versions[kind], "%s is not a version of %s", names.Quote(version), kind)
	}
	return kind
}

// served are what an API server keeps beside what users write, as in the output of
// kubectl get -o yaml.
var served = []string{
	"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers", "generateName", "generation",
	"managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid", "clusterName",
}

func checkMetadata(t *tree.Tree, ps *topology.Problems) {
	known := []string{"name", "namespace", "labels", "annotations"}
	for _, k := range t.Keys() {
		v, path := t.Get(k), tree.Join("metadata", k)
		wantMapping := k == "labels" || k == "annotations"
		switch {
		case slices.Contains(served, k):
		case k != "name" && k != "namespace" && !wantMapping:
			ps.Add(t.KeyAt(k), path, names.OneOf(k, known), "unknown key")
		case v.IsNull():
		case wantMapping && v.Kind != tree.Mapping:
			ps.MustBe(tree.AMapping, v, path)
		case !wantMapping && v.Kind != tree.Scalar:
			ps.MustBe(tree.AText, v, path)
		}
	}
}
