package topology

import "strconv"

type kind int

const (
	scalar kind = iota
	mapping
	sequence
)

// A tree is a YAML value that remembers where it was written. Values that
// setup-mesh adds have zero positions. A tree is not changed once it is shared:
// what merges or sets works on a clone.
type tree struct {
	kind   kind
	at     Position // of the value
	text   string   // scalar: as written
	value  any      // scalar: nil, bool, int64, float64 or string
	quoted bool     // scalar: written in quotes, or as a block
	keys   []string // mapping: in the order of the file
	fields map[string]field
	items  []*tree
}

type field struct {
	key   Position
	value *tree
}

// literal returns the text of a scalar as it was written, and whether t is one
// (null is none).
func (t *tree) literal() (string, bool) {
	if t == nil || t.kind != scalar || t.value == nil {
		return "", false
	}
	return t.text, true
}

func (t *tree) isNull() bool { return t == nil || t.kind == scalar && t.value == nil }

// get follows keys through mappings, and returns nil where one is absent.
func (t *tree) get(keys ...string) *tree {
	for _, k := range keys {
		if t == nil || t.kind != mapping {
			return nil
		}
		t = t.fields[k].value
	}
	return t
}

// keyAt returns where the last of keys is written, and the zero Position where it
// is absent.
func (t *tree) keyAt(keys ...string) Position {
	last := len(keys) - 1
	if t = t.get(keys[:last]...); t == nil {
		return Position{}
	}
	return t.fields[keys[last]].key
}

// sortedAsWritten returns the keys of a mapping in the order of the file, and
// none for anything else. The caller must not change them.
func (t *tree) sortedAsWritten() []string {
	if t == nil {
		return nil
	}
	return t.keys
}

// list returns the items of a sequence, and none for anything else.
func (t *tree) list() []*tree {
	if t == nil {
		return nil
	}
	return t.items
}

// named returns the item of a sequence whose field name is name, or nil.
func (t *tree) named(name string) *tree {
	if t == nil {
		return nil
	}
	for _, item := range t.items {
		if n, _ := item.get("name").literal(); n == name {
			return item
		}
	}
	return nil
}

// put sets a key of a mapping, at the end if it is new.
func (t *tree) put(key string, at Position, value *tree) {
	if _, ok := t.fields[key]; !ok {
		t.keys = append(t.keys, key)
	}
	t.fields[key] = field{key: at, value: value}
}

// drop removes a key of a mapping, and does nothing where there is none.
func (t *tree) drop(key string) {
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

func newMapping() *tree { return &tree{kind: mapping, fields: map[string]field{}} }

func (t *tree) clone() *tree {
	if t == nil {
		return nil
	}
	c := *t
	c.keys = append([]string(nil), t.keys...)
	if t.fields != nil {
		c.fields = make(map[string]field, len(t.fields))
		for k, f := range t.fields {
			c.fields[k] = field{key: f.key, value: f.value.clone()}
		}
	}
	c.items = nil
	for _, item := range t.items {
		c.items = append(c.items, item.clone())
	}
	return &c
}

// plain returns t as maps, slices and scalars, as a JSON decoder with int64
// would. The caller owns it.
func (t *tree) plain() any {
	switch {
	case t == nil:
		return nil
	case t.kind == mapping:
		m := make(map[string]any, len(t.keys))
		for k, f := range t.fields {
			m[k] = f.value.plain()
		}
		return m
	case t.kind == sequence:
		l := make([]any, 0, len(t.items))
		for _, item := range t.items {
			l = append(l, item.plain())
		}
		return l
	}
	return t.value
}

// spec is plain for a mapping; a nil or empty tree gives an empty map.
func (t *tree) spec() map[string]any {
	if m, ok := t.plain().(map[string]any); ok {
		return m
	}
	return map[string]any{}
}

// fromPlain is the opposite of plain, without positions. It takes the types
// that setup-mesh's own values have; anything else becomes null.
func fromPlain(v any) *tree {
	switch v := v.(type) {
	case map[string]any:
		t := newMapping()
		for _, k := range sortedKeys(v) {
			t.put(k, Position{}, fromPlain(v[k]))
		}
		return t
	case []any:
		t := &tree{kind: sequence}
		for _, item := range v {
			t.items = append(t.items, fromPlain(item))
		}
		return t
	case string:
		return &tree{text: v, value: v}
	case bool:
		return &tree{text: strconv.FormatBool(v), value: v}
	case int64:
		return &tree{text: strconv.FormatInt(v, 10), value: v}
	}
	return &tree{text: "null"}
}
