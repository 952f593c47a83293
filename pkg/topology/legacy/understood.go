package legacy

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// checkUnderstood judges the two values of 1.4 that are understood, which are
// what setup-mesh prep writes.
func checkUnderstood(t *tree.Tree, path string, ps *tree.Problems) {
	if v := t.Get("values", "global", "mtls", "enabled"); !v.IsNull() {
		if _, ok := v.Value.(bool); !ok {
			ps.Add(v.At, tree.Join(path, "values.global.mtls.enabled"), "", "must be true or false")
		}
	}
	if v := t.Get("values", "security", "selfSigned"); !v.IsNull() && v.Value != false {
		ps.Add(v.At, tree.Join(path, "values.security.selfSigned"), "leave it out, or set it to false",
			"must be false: every cluster's CA is signed by the mesh's root")
	}
	for _, parent := range [][]string{{"values", "global", "mtls"}, {"values", "security"}} {
		known := map[string]string{"mtls": "enabled", "security": "selfSigned"}[parent[len(parent)-1]]
		here := tree.Join(path, strings.Join(parent, "."))
		p := t.Get(parent...)
		if p != nil && p.Kind != tree.Mapping && !p.IsNull() {
			ps.Add(p.At, here, "", "must be a mapping")
			continue
		}
		for _, k := range p.Keys() {
			if k != known && !Has(strings.Join(parent, ".")+"."+k) {
				ps.Add(p.KeyAt(k), tree.Join(here, k), "", "is a value of Istio 1.4, not translated yet")
			}
		}
	}
}

// StrictMTLS says whether a spec asks for mutual TLS everywhere in the mesh.
func StrictMTLS(spec *tree.Tree) bool {
	v := spec.Get("values", "global", "mtls", "enabled")
	return v != nil && v.Value == true
}

// DropUnderstood takes the values that are understood out of a spec: the charts
// do not know them.
func DropUnderstood(spec *tree.Tree) {
	values := spec.Get("values")
	values.Drop("security")
	values.Get("global").Drop("mtls")
}
