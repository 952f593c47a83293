package legacy

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

var strict = []string{"values", "global", "mtls", "enabled"}

// meshMTLS judges what asks for mutual TLS everywhere, which setup-mesh carries out.
func meshMTLS(t *translation) {
	policy := []string{"values", "security", "createMeshPolicy"}
	if v := t.spec.Get(policy...); v != nil && v.Value == true {
		t.move(policy, strict)
	} else if v != nil {
		t.take(policy, Note, "", "asks for nothing today")
	}
	if v := t.spec.Get(strict...); !v.IsNull() {
		if _, ok := v.Value.(bool); !ok {
			t.take(strict, Mistake, tree.HowToWrite(tree.ABoolean, v), "must be true or false")
		}
	}
	signed := []string{"values", "security", "selfSigned"}
	if v := t.spec.Get(signed...); !v.IsNull() && v.Value != false {
		t.take(signed, Warning, "take it out, or set it to false", "has no effect: every cluster's CA is signed by the mesh's root")
	}
	known := []string{"enabled", "auto"}
	block := t.spec.Get(strict[:3]...)
	if block != nil && block.Kind != tree.Mapping && !block.IsNull() {
		t.take(strict[:3], Mistake, tree.HowToWrite(tree.AMapping, block), "must be a mapping")
	}
	for _, k := range slices.Clone(block.Keys()) {
		if !slices.Contains(known, k) {
			t.take(append(slices.Clone(strict[:3]), k), Mistake, names.OneOf(k, known), "unknown key")
		}
	}
}

// StrictMTLS says whether a translated spec asks for mutual TLS everywhere in the
// mesh.
func StrictMTLS(spec *tree.Tree) bool {
	v := spec.Get(strict...)
	return v != nil && v.Value == true
}

// DropUnderstood takes out of a translated spec what setup-mesh itself carries out:
// the charts do not know it.
func DropUnderstood(spec *tree.Tree) {
	spec.Get("values", "global").Drop("mtls")
	if security := spec.Get("values", "security"); security != nil && security.Kind == tree.Mapping {
		security.Drop("selfSigned")
		if len(security.Keys()) == 0 {
			spec.Get("values").Drop("security")
		}
	}
}

// has says whether the text of a setting holds a part.
func has(v *tree.Tree, part string) bool {
	text, ok := v.Literal()
	return ok && strings.Contains(text, part)
}
