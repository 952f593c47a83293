package topology

import (
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

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

// drop removes a key of a mapping.
func (t *tree) drop(key string) {
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

// walk calls f for t and everything in it with its path, parents first, in the
// order of the file.
func (t *tree) walk(path string, f func(path string, t *tree)) {
	if t == nil {
		return
	}
	f(path, t)
	for _, k := range t.keys {
		t.fields[k].value.walk(join(path, k), f)
	}
	for i, item := range t.items {
		item.walk(itemPath(path, i, item), f)
	}
}

// join appends a key to a path. Keys that a terminal could not show as they are
// get quoted.
func join(path, key string) string {
	if !printable(key) {
		key = strconv.QuoteToASCII(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// itemPath names an item of a list by its field name where it has one, else by
// its index.
func itemPath(path string, i int, item *tree) string {
	if name, ok := item.get("name").literal(); ok && printable(name) {
		return path + "[name=" + name + "]"
	}
	return path + "[" + strconv.Itoa(i) + "]"
}

// locate follows path from t as far as it exists and returns the position of
// the key or item reached, or of t itself.
func (t *tree) locate(at Position, path string) Position {
	for t != nil {
		next, key, rest := t.step(path)
		if next == nil {
			return at
		}
		t, at, path = next, key, rest
	}
	return at
}

// find returns what is at path, or nil.
func (t *tree) find(path string) *tree {
	for t != nil && path != "" {
		t, _, path = t.step(path)
	}
	return t
}

// step takes the first element off path. Keys may hold dots, so the longest key
// that path begins with is taken; a list's item is written [0], .0, [name=x] or
// [name:x].
func (t *tree) step(path string) (next *tree, at Position, rest string) {
	path = strings.TrimPrefix(path, ".")
	if path == "" {
		return nil, Position{}, ""
	}
	if t.kind == sequence {
		return t.stepItem(path)
	}
	longest := -1
	for _, k := range t.keys {
		shown := strings.TrimPrefix(join("", k), ".")
		tail, ok := strings.CutPrefix(path, shown)
		if ok && (tail == "" || tail[0] == '.' || tail[0] == '[') && len(shown) > longest {
			longest, rest = len(shown), tail
			next, at = t.fields[k].value, t.fields[k].key
		}
	}
	return next, at, rest
}

func (t *tree) stepItem(path string) (next *tree, at Position, rest string) {
	element := path
	if inner, ok := strings.CutPrefix(path, "["); ok {
		element, rest, _ = strings.Cut(inner, "]")
	} else if i := strings.IndexAny(path, ".["); i >= 0 {
		element, rest = path[:i], path[i:]
	}
	if name, ok := strings.CutPrefix(strings.Replace(element, ":", "=", 1), "name="); ok {
		next = t.named(name)
	} else if i, err := strconv.Atoi(element); err == nil && i >= 0 && i < len(t.items) {
		next = t.items[i]
	}
	if next == nil {
		return nil, Position{}, ""
	}
	return next, next.at, rest
}

// builder turns yaml nodes into a tree and collects what is wrong with them.
type builder struct {
	file     string
	aliased  bool // that there are aliases has been reported
	problems Problems
}

func (b *builder) build(n *yaml.Node, path string, depth int) *tree {
	t := &tree{at: Position{b.file, n.Line, n.Column}}
	if depth > maxDepth {
		b.problems.add(t.at, "", "", "is nested deeper than %d levels", maxDepth)
		return t
	}
	if (n.Kind == yaml.AliasNode || n.Anchor != "") && !b.aliased {
		b.aliased = true // once a file: a bomb has thousands
		b.problems.add(t.at, path, "write the values out", "anchors and aliases (& and *) are not read here")
	}
	if n.Kind == yaml.AliasNode {
		return t
	}
	if n.Style&yaml.TaggedStyle != 0 || n.Tag != "" && !standardTags[n.ShortTag()] {
		b.problems.add(t.at, path, "take it out", "the tag %s is not read here", strconv.QuoteToASCII(n.Tag))
	}
	switch n.Kind {
	case yaml.MappingNode:
		b.buildMapping(t, n, path, depth)
	case yaml.SequenceNode:
		t.kind = sequence
		for i, c := range n.Content {
			t.items = append(t.items, b.build(c, path+"["+strconv.Itoa(i)+"]", depth+1))
		}
	default:
		b.buildScalar(t, n)
	}
	return t
}

var standardTags = map[string]bool{
	"!!map": true, "!!seq": true, "!!str": true, "!!int": true, "!!float": true, "!!bool": true,
	"!!null": true, "!!timestamp": true, "!!merge": true,
}

func (b *builder) buildMapping(t *tree, n *yaml.Node, path string, depth int) {
	t.kind, t.fields = mapping, map[string]field{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		at := Position{b.file, k.Line, k.Column}
		switch {
		case k.Kind != yaml.ScalarNode || k.Anchor != "" || k.Style&yaml.TaggedStyle != 0:
			b.problems.add(at, path, "", "a key must be plain text")
			continue
		case k.ShortTag() == "!!merge":
			b.problems.add(at, path, "write the keys out", "merge keys (<<) are not read here")
			continue
		case k.Value == "":
			b.problems.add(at, path, "", "a key is empty")
			continue
		}
		if before, ok := t.fields[k.Value]; ok {
			b.problems.add(at, join(path, k.Value), "", "is already on line %d", before.key.Line)
			b.build(v, join(path, k.Value), depth+1)
			continue
		}
		t.put(k.Value, at, b.build(v, join(path, k.Value), depth+1))
	}
}

func (b *builder) buildScalar(t *tree, n *yaml.Node) {
	t.text, t.value = n.Value, n.Value
	t.quoted = n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch n.ShortTag() {
	case "!!null":
		t.value = nil
	case "!!bool":
		var v bool
		if n.Decode(&v) == nil {
			t.value = v
		}
	case "!!int":
		var v int64
		if n.Decode(&v) == nil {
			t.value = v
		}
	case "!!float":
		var v float64
		if n.Decode(&v) == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			t.value = v // what JSON cannot hold stays text
		}
	}
}
