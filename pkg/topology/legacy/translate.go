package legacy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// Translate returns the spec that means today what the user's meant, and what was
// decided about each setting that is not in it as it was written. path is the
// spec's own: spec, or that of an overlay. The user's is left as it is; values keep
// the positions that they were written at.
//
// Two settings of 1.4 stay in the result, because setup-mesh itself carries them
// out: see [StrictMTLS].
func Translate(user *tree.Tree, path string) (*tree.Tree, []Decision) {
	t := &translation{spec: user.Clone(), path: path}
	if t.spec.Kind != tree.Mapping {
		return t.spec, nil
	}
	for _, step := range []func(*translation){
		spelling, profile, mixerPolicy, meshMTLS, nodeAgent, tracing,
		gatewayBlocks, gatewaySwitches, namelessGateways,
	} {
		step(t)
	}
	for _, table := range [][]rule{blockRules, componentRules, valueRules, meshRules} {
		for _, r := range table {
			r.apply(t)
		}
	}
	autoscaling(t)
	leftovers(t)
	slices.SortStableFunc(t.decisions, func(a, b Decision) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return t.spec, t.decisions
}

// A translation is under way.
type translation struct {
	spec      *tree.Tree
	path      string
	decisions []Decision
}

// tell notes a decision about the setting at keys, which stays.
func (t *translation) tell(level Level, keys []string, to, hint, format string, args ...any) {
	var ps tree.Problems
	ps.Add(t.spec.KeyAt(keys...), tree.Join(t.path, keys...), hint, format, args...)
	t.decisions = append(t.decisions, Decision{Problem: ps[0], Level: level, To: to})
}

// take takes the setting at keys out, and the mappings that are empty then.
func (t *translation) take(keys []string, level Level, hint, format string, args ...any) {
	t.tell(level, keys, "", hint, format, args...)
	t.drop(keys)
}

func (t *translation) drop(keys []string) {
	for n := len(keys); n > 0; n-- {
		parent := t.spec.Get(keys[:n-1]...)
		parent.Drop(keys[n-1])
		if len(parent.Keys()) > 0 {
			return
		}
	}
}

// move puts the setting at keys elsewhere. Where something stands there already,
// both have to say the same; of two switches, both have to be on.
func (t *translation) move(keys, to []string) {
	v, at := t.spec.Get(keys...), t.spec.KeyAt(keys...)
	have := t.spec.Get(to...)
	if merged, ok := bothSay(have, v); ok {
		t.tell(Note, keys, strings.Join(to, "."), "", "is %s today", strings.Join(to, "."))
		t.drop(keys)
		t.put(to, at, asText(to, merged))
		return
	}
	hint := "keep one of the two"
	if to[len(to)-1] == "namespace" && len(to) == 1 {
		hint = "one cluster has one control plane: set the namespace of each context in topology.yaml, and take both out"
	}
	t.take(keys, Mistake, hint, "is %s today, which is on line %d with another value", strings.Join(to, "."), t.spec.KeyAt(to...).Line)
}

// asText is a value as text, where only text may stand.
func asText(to []string, v *tree.Tree) *tree.Tree {
	if len(to) < 2 || v.Kind != tree.Scalar || !slices.Contains([]string{"proxyMetadata", "env"}, to[len(to)-2]) {
		return v
	}
	out := *v
	out.Value = v.Text
	return &out
}

// bothSay is what two settings of the same thing say together.
func bothSay(have, v *tree.Tree) (*tree.Tree, bool) {
	switch {
	case have.IsNull():
		return v, true
	case have.Kind == tree.Mapping && v.Kind == tree.Mapping:
		out := have.Clone()
		for _, k := range v.Keys() {
			one, ok := bothSay(have.Get(k), v.Get(k))
			if !ok {
				return nil, false
			}
			at := have.KeyAt(k)
			if have.Get(k) == nil {
				at = v.KeyAt(k)
			}
			out.Put(k, at, one)
		}
		return out, true
	case have.Kind != tree.Scalar || v.Kind != tree.Scalar:
		return nil, false
	case have.Text == v.Text:
		return have, true
	case have.Value == true && v.Value == false:
		return v, true
	case have.Value == false && v.Value == true:
		return have, true
	}
	return nil, false
}

// put sets what is at a path, and makes the mappings on the way.
func (t *translation) put(keys []string, at tree.Position, v *tree.Tree) {
	parent := t.spec
	for _, k := range keys[:len(keys)-1] {
		if next := parent.Get(k); next == nil || next.Kind != tree.Mapping {
			parent.Put(k, at, tree.NewMapping())
		}
		parent = parent.Get(k)
	}
	last := keys[len(keys)-1]
	if have := parent.KeyAt(last); !have.IsZero() {
		at = have
	}
	parent.Put(last, at, v)
}

// leftovers reports what no rule knows in the blocks that only Istio 1.4 had.
func leftovers(t *translation) {
	for _, root := range slices.Clone(t.spec.Keys()) {
		known := keysBelow(root)
		if len(known) == 0 {
			continue
		}
		v := t.spec.Get(root)
		if v.Kind == tree.Scalar || len(v.Keys()) == 0 {
			t.take([]string{root}, Note, "", "is empty, and asks for nothing")
			continue
		}
		for _, keys := range leaves(v, []string{root}) {
			last := keys[len(keys)-1]
			hint := names.DidYouMean(last, known)
			if hint == "" {
				hint = "take it out: Istio 1.4 had no such key here"
			}
			t.take(keys, Mistake, hint, "unknown key")
		}
	}
}

// keysBelow are the last keys of what the block tables know below a root.
func keysBelow(root string) []string {
	var out []string
	for _, r := range blockRules {
		keys := strings.Split(r.from, ".")
		if keys[0] == root && keys[len(keys)-1] != "*" {
			out = append(out, keys[len(keys)-1])
		}
	}
	return out
}

// leaves are the paths of all that is no mapping with keys, below at.
func leaves(v *tree.Tree, at []string) [][]string {
	if v.Kind != tree.Mapping || len(v.Keys()) == 0 {
		return [][]string{slices.Clone(at)}
	}
	var out [][]string
	for _, k := range v.Keys() {
		out = append(out, leaves(v.Get(k), append(slices.Clone(at), k))...)
	}
	return out
}
