package manifest

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// owner sets the values that the topology decides and collects the warnings.
type owner struct {
	mesh     *topology.Mesh
	cluster  topology.Cluster
	mode     Mode
	spec     *tree.Tree
	warnings topology.Problems
	mistakes topology.Problems
}

// set sets the value at keys, and warns if the user has another there.
func (o *owner) set(value any, keys ...string) {
	want := tree.FromPlain(value)
	o.warnUnless(want, o.spec.Get(keys...), pathOf(keys))
	if old := o.spec.Get(keys...); !old.IsNull() && sameScalar(old, want) {
		old.Value = want.Value // the user's, with our type: true may mean "true"
		return
	}
	o.put(want, keys...)
}

// put sets what is at keys, in mappings that are made where they are not there.
func (o *owner) put(want *tree.Tree, keys ...string) {
	t, last := o.spec, len(keys)-1
	for _, k := range keys[:last] {
		if next := t.Get(k); next == nil || next.Kind != tree.Mapping {
			t.Put(k, t.KeyAt(k), tree.NewMapping())
		}
		t = t.Get(k)
	}
	t.Put(keys[last], topology.Position{}, want)
}

// pathOf joins keys to a path.
func pathOf(keys []string) string { return strings.Join(keys, ".") }

// agree reports a value of the user's that is not the topology's, where taking the
// topology's would change what the user has.
func (o *owner) agree(value, remedy string, keys ...string) {
	have := o.spec.Get(keys...)
	if text, ok := have.Literal(); ok && text != value {
		o.mistakes.Add(have.At, o.path(have.At, pathOf(keys)), remedy, "%s is not what topology.yaml says: %s", names.Quote(text), names.Quote(value))
		o.spec.Get(keys[:len(keys)-1]...).Drop(keys[len(keys)-1]) // it is told once
	}
}

// setIfThere is set for a second place of an owned value, which may be absent.
func (o *owner) setIfThere(value any, keys ...string) {
	if !o.spec.Get(keys...).IsNull() {
		o.set(value, keys...)
	}
}

// unset removes the value at keys, with a warning that says why.
func (o *owner) unset(why string, keys ...string) {
	v := o.spec.Get(keys...)
	if v == nil {
		return
	}
	parent, last := o.spec.Get(keys[:len(keys)-1]...), keys[len(keys)-1]
	if !v.IsNull() {
		o.warn(v.At, pathOf(keys), "is not used: %s", why)
	}
	parent.Drop(last)
}

// warnUnless warns if the user's value have is not the one that setup-mesh wants.
func (o *owner) warnUnless(want, have *tree.Tree, path string) {
	if have.IsNull() || sameScalar(have, want) {
		return
	}
	if have.Kind != tree.Scalar {
		o.warn(have.At, path, "is not used: setup-mesh sets %s", names.Quote(want.Text))
		return
	}
	o.warn(have.At, path, "%s is not used: setup-mesh sets %s", names.Quote(have.Text), names.Quote(want.Text))
}

func sameScalar(a, b *tree.Tree) bool {
	return a.Kind == tree.Scalar && b.Kind == tree.Scalar && a.Text == b.Text
}

// warn adds a warning about a value below the spec.
func (o *owner) warn(at topology.Position, path, format string, args ...any) {
	o.warnings.Add(at, o.path(at, path), "take it out", format, args...)
}

// path returns the path that a value below the spec has in its file.
func (o *owner) path(at topology.Position, below string) string {
	if at.File == o.mesh.File {
		return tree.Join("contexts", o.cluster.Context, "overlay") + "." + below
	}
	return "spec." + below
}

// warnDifferent warns of every value in have that differs from the one in want.
func (o *owner) warnDifferent(want, have *tree.Tree, path string) {
	want.Walk("", func(below *tree.Trail, v *tree.Tree) {
		if v.Kind == tree.Scalar {
			o.warnUnless(v, have.Find(below.String()), path+"."+below.String())
		}
	})
}
