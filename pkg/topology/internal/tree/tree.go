package tree

import "strconv"

// A Kind is what a YAML value is.
type Kind int

// The kinds. The zero Kind is a scalar.
const (
	Scalar Kind = iota
	Mapping
	Sequence
)

// A Tree is a YAML value that remembers where it was written. Values that
// setup-mesh adds have zero positions. A tree is not changed once it is shared:
// [Merge] returns a new one, and what sets values works on a [Tree.Clone].
type Tree struct {
	Kind   Kind
	At     Position // of the value
	Text   string   // scalar: as written
	Value  any      // scalar: nil, bool, int64, float64 or string
	Quoted bool     // scalar: written in quotes, or as a block
	Items  []*Tree  // sequence
	keys   []string // mapping: in the order of the file
	fields map[string]field
}

type field struct {
	key   Position
	value *Tree
}

// Literal returns the text of a scalar as it was written, and false for null and for
// anything that is not a scalar.
func (t *Tree) Literal() (string, bool) {
	if t == nil || t.Kind != Scalar || t.Value == nil {
		return "", false
	}
	return t.Text, true
}

// IsNull says that t is absent, or written as null.
func (t *Tree) IsNull() bool { return t == nil || t.Kind == Scalar && t.Value == nil }

// Get follows keys through mappings, and returns nil where one is absent.
func (t *Tree) Get(keys ...string) *Tree {
	for _, k := range keys {
		if t == nil || t.Kind != Mapping {
			return nil
		}
		t = t.fields[k].value
	}
	return t
}

// KeyAt returns where the last of keys is written, and the zero Position where it
// is absent.
func (t *Tree) KeyAt(keys ...string) Position {
	last := len(keys) - 1
	if t = t.Get(keys[:last]...); t == nil {
		return Position{}
	}
	return t.fields[keys[last]].key
}

// Keys returns the keys of a mapping in the order of the file, and
// none for anything else. The caller must not change them.
func (t *Tree) Keys() []string {
	if t == nil {
		return nil
	}
	return t.keys
}

// List returns the items of a sequence, and none for anything else.
func (t *Tree) List() []*Tree {
	if t == nil {
		return nil
	}
	return t.Items
}

// Named returns the item of a sequence whose field name is name, or nil.
func (t *Tree) Named(name string) *Tree {
	if t == nil {
		return nil
	}
	for _, item := range t.Items {
		if n, _ := item.Get("name").Literal(); n == name {
			return item
		}
	}
	return nil
}

// Put sets a key of a mapping, at the end if it is new.
func (t *Tree) Put(key string, at Position, value *Tree) {
	if _, ok := t.fields[key]; !ok {
		t.keys = append(t.keys, key)
	}
	t.fields[key] = field{key: at, value: value}
}

// Drop removes a key of a mapping. It does nothing where there is no such key.
func (t *Tree) Drop(key string) {
	if t == nil {
		return
	}
	if _, ok := t.fields[key]; !ok {
		return
	}
	delete(t.fields, key)
	for i, k := range t.keys {
		if k == key {
			t.keys = append(t.keys[:i:i], t.keys[i+1:]...)
			return
		}
	}
}

// NewMapping returns a mapping without keys.
func NewMapping() *Tree { return &Tree{Kind: Mapping, fields: map[string]field{}} }

// Clone returns a copy of t that shares nothing with it.
func (t *Tree) Clone() *Tree {
	if t == nil {
		return nil
	}
	c := *t
	c.keys = append([]string(nil), t.keys...)
	if t.fields != nil {
		c.fields = make(map[string]field, len(t.fields))
		for k, f := range t.fields {
			c.fields[k] = field{key: f.key, value: f.value.Clone()}
		}
	}
	c.Items = nil
	for _, item := range t.Items {
		c.Items = append(c.Items, item.Clone())
	}
	return &c
}

// Plain returns t as maps, slices and scalars, as a JSON decoder with int64
// would. The caller owns it.
func (t *Tree) Plain() any {
	switch {
	case t == nil:
		return nil
	case t.Kind == Mapping:
		m := make(map[string]any, len(t.keys))
		for k, f := range t.fields {
			m[k] = f.value.Plain()
		}
		return m
	case t.Kind == Sequence:
		l := make([]any, 0, len(t.Items))
		for _, item := range t.Items {
			l = append(l, item.Plain())
		}
		return l
	}
	return t.Value
}

// Map is [Tree.Plain] of a mapping; anything else, nil included, gives an empty
// map.
func (t *Tree) Map() map[string]any {
	if m, ok := t.Plain().(map[string]any); ok {
		return m
	}
	return map[string]any{}
}

// FromPlain is the opposite of [Tree.Plain], without positions. It takes the types
// that setup-mesh's own values have; anything else becomes null.
func FromPlain(v any) *Tree {
	switch v := v.(type) {
	case map[string]any:
		t := NewMapping()
		for _, k := range sortedKeys(v) {
			t.Put(k, Position{}, FromPlain(v[k]))
		}
		return t
	case []any:
		t := &Tree{Kind: Sequence}
		for _, item := range v {
			t.Items = append(t.Items, FromPlain(item))
		}
		return t
	case string:
		return &Tree{Text: v, Value: v}
	case bool:
		return &Tree{Text: strconv.FormatBool(v), Value: v}
	case int64:
		return &Tree{Text: strconv.FormatInt(v, 10), Value: v}
	}
	return &Tree{Text: "null"}
}
