package topology

import "strings"

// owner sets the values that the topology decides and collects the warnings.
type owner struct {
	mesh     *Mesh
	cluster  Cluster
	spec     *tree
	warnings Problems
}

// set makes the value at keys so, and warns if the user has another there.
func (o *owner) set(value any, keys ...string) {
	o.warnUnless(fromPlain(value), o.spec.get(keys...), strings.Join(keys, "."))
	t := o.spec
	for _, k := range keys[:len(keys)-1] {
		if next := t.get(k); next == nil || next.kind != mapping {
			t.put(k, t.keyAt(k), newMapping())
		}
		t = t.get(k)
	}
	last := keys[len(keys)-1]
	want := fromPlain(value)
	if old := t.get(last); !old.isNull() && sameScalar(old, want) {
		old.value = want.value // the user's, with our type: true may mean "true"
		return
	}
	t.put(last, Position{}, want)
}

// setIfThere is set for a second place of an owned value, which may stay empty.
func (o *owner) setIfThere(value any, keys ...string) {
	if !o.spec.get(keys...).isNull() {
		o.set(value, keys...)
	}
}

// unset takes the value at keys out, with a warning that says why.
func (o *owner) unset(why string, keys ...string) {
	v := o.spec.get(keys...)
	if v == nil {
		return
	}
	parent, last := o.spec.get(keys[:len(keys)-1]...), keys[len(keys)-1]
	if !v.isNull() {
		o.warn(v.at, strings.Join(keys, "."), "is not used: %s", why)
	}
	parent.drop(last)
}

func (o *owner) warnUnless(want, have *tree, path string) {
	if have.isNull() || sameScalar(have, want) {
		return
	}
	if have.kind != scalar {
		o.warn(have.at, path, "is not used: setup-mesh sets %s", quote(want.text))
		return
	}
	o.warn(have.at, path, "%s is not used: setup-mesh sets %s", quote(have.text), quote(want.text))
}

func sameScalar(a, b *tree) bool {
	return a.kind == scalar && b.kind == scalar && a.text == b.text
}

// warn adds a warning about a value below the spec.
func (o *owner) warn(at Position, path, format string, args ...any) {
	o.warnings.add(at, o.path(at, path), "take it out", format, args...)
}

// path returns the path of a value below the spec as the file has it that it
// stands in.
func (o *owner) path(at Position, below string) string {
	if at.File == o.mesh.File {
		return join("contexts", o.cluster.Context, "overlay") + "." + below
	}
	return "spec." + below
}

// warnDifferent warns of every value in have that want has otherwise.
func (o *owner) warnDifferent(want, have *tree, path string) {
	want.walk("", func(below *trail, v *tree) {
		if v.kind == scalar {
			o.warnUnless(v, have.find(below.String()), path+"."+below.String())
		}
	})
}
