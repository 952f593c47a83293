package spec

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
	"github.com/setup-mesh/setup-mesh/pkg/topology/legacy"
)

// Today's keys of an IstioOperator spec and of its components. Everything below
// them is judged by the charts' own schemas.
// https://istio.io/latest/docs/reference/config/istio.operator.v1alpha1/
var (
	specKeys = []string{
		"profile", "installPackagePath", "hub", "tag", "namespace", "revision", "compatibilityVersion",
		"meshConfig", "components", "values", "unvalidatedValues",
	}
	componentKeys = []string{
		"base", "pilot", "cni", "ztunnel", "istiodRemote", "ingressGateways", "egressGateways",
	}
)

// textKeys are the keys whose value is text however it looks, such as tag: 1.20.
var textKeys = map[string]bool{
	"profile": true, "installPackagePath": true, "hub": true, "tag": true, "namespace": true, "revision": true,
	"compatibilityVersion": true, "meshID": true, "network": true, "clusterName": true, "trustDomain": true,
	"istioNamespace": true, "defaultRevision": true, "rootNamespace": true,
}

// A Decision is what became of a setting of another time.
type Decision = legacy.Decision

// Known says whether a key stands in a spec.
func Known(key string) bool { return slices.Contains(specKeys, key) }

// Read returns a spec, base.yaml's or a cluster's overlay at path, as setup-mesh
// takes it: in today's terms. It reports what cannot be honoured, and returns what
// was decided about the settings of other times. What makes a cluster a remote one is
// refused unless the spec is a remote cluster's.
func Read(t *tree.Tree, path string, remote bool, ps *tree.Problems) (*tree.Tree, []Decision) {
	today, decisions := legacy.Translate(literals(t), path)
	*ps = append(*ps, legacy.Problems(decisions, legacy.Mistake)...)
	check(today, path, remote, ps)
	return today, decisions
}

// literals returns t with the values of textKeys as the text that was written.
func literals(t *tree.Tree) *tree.Tree {
	out := t.Clone()
	out.Walk("", func(_ *tree.Trail, t *tree.Tree) {
		for _, k := range t.Keys() {
			if v := t.Get(k); textKeys[k] && v.Kind == tree.Scalar && v.Value != nil {
				v.Value = v.Text
			}
		}
	})
	return out
}

func check(t *tree.Tree, path string, remote bool, ps *tree.Problems) {
	for _, k := range t.Keys() {
		if slices.Contains(specKeys, k) {
			continue
		}
		ps.Add(t.KeyAt(k), tree.Join(path, k), names.OneOf(k, specKeys), "unknown key")
	}
	checkAmbiguous(t, path, ps)
	checkShape(t, path, ps)
	checkProfile(t.Get("profile"), tree.Join(path, "profile"), remote, ps)
	checkComponents(t.Get("components"), tree.Join(path, "components"), ps)
	checkUnsupported(t, path, ps)
	if !remote {
		checkRemoteOnly(t, path, ps)
	}
	checkOwnedParents(t, path, ps)
	checkImages(t, path, ps)
}

// checkAmbiguous refuses the words that Helm's YAML takes for booleans and
// YAML 1.2 for text.
func checkAmbiguous(t *tree.Tree, path string, ps *tree.Problems) {
	t.Walk(path, func(path *tree.Trail, t *tree.Tree) {
		if t.Kind != tree.Scalar || t.Quoted {
			return
		}
		if text, ok := t.Value.(string); ok && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(text)) {
			ps.Add(t.At, path.String(), "write true or false, or put it in quotes if it is text",
				"%s may be read as a boolean or as text", t.Text)
		}
	})
}

func checkShape(t *tree.Tree, path string, ps *tree.Problems) {
	for _, k := range t.Keys() {
		v := t.Get(k)
		wantMapping := slices.Contains([]string{"meshConfig", "components", "values", "unvalidatedValues"}, k)
		switch {
		case v.IsNull() || !slices.Contains(specKeys, k):
		case wantMapping && v.Kind != tree.Mapping:
			ps.MustBe(tree.AMapping, v, tree.Join(path, k))
		case !wantMapping && v.Kind != tree.Scalar:
			ps.MustBe(tree.AText, v, tree.Join(path, k))
		}
	}
}
