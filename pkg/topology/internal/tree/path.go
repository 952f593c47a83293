package tree

import (
	"strconv"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
)

// A Trail is a path that becomes text only when asked for: while a hostile file
// is walked, writing every path out would take far more room than the file.
type Trail struct {
	up   *Trail
	text string // a path to begin with, or a key, or the name of an item
	kind trailKind
	item int
}

type trailKind int

const (
	trailText trailKind = iota
	trailKey
	trailName
	trailIndex
)

// Key is the trail to a key of the mapping at p.
func (p *Trail) Key(key string) *Trail { return &Trail{up: p, text: key, kind: trailKey} }

// at is the trail to an item of a list: by its field name where it has one, else
// by its index.
func (p *Trail) at(i int, item *Tree) *Trail {
	if name, ok := item.Get("name").Literal(); ok && names.Printable(name) {
		return &Trail{up: p, text: name, kind: trailName}
	}
	return &Trail{up: p, item: i, kind: trailIndex}
}

// String returns the path as messages have it.
func (p *Trail) String() string {
	switch {
	case p == nil:
		return ""
	case p.kind == trailKey:
		return Join(p.up.String(), p.text)
	case p.kind == trailName:
		return p.up.String() + "[name=" + names.Shown(p.text) + "]"
	case p.kind == trailIndex:
		return p.up.String() + "[" + strconv.Itoa(p.item) + "]"
	}
	return p.text
}

// Walk calls f for t and everything in it with its path, parents first, in the
// order of the file.
func (t *Tree) Walk(path string, f func(path *Trail, t *Tree)) {
	t.walkFrom(&Trail{text: path}, f)
}

func (t *Tree) walkFrom(path *Trail, f func(path *Trail, t *Tree)) {
	if t == nil {
		return
	}
	f(path, t)
	for _, k := range t.keys {
		t.fields[k].value.walkFrom(path.Key(k), f)
	}
	for i, item := range t.Items {
		item.walkFrom(path.at(i, item), f)
	}
}

// Join appends keys to a path, which may be empty.
func Join(path string, keys ...string) string {
	for _, key := range keys {
		if path == "" {
			path = names.Shown(key)
			continue
		}
		path += "." + names.Shown(key)
	}
	return path
}

// Indexed is the path of an item of a list that has no name.
func Indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// ItemPath is the path of an item of a list.
func ItemPath(path string, i int, item *Tree) string {
	return (&Trail{text: path}).at(i, item).String()
}

// Locate follows path from t as far as it exists and returns the position of
// the key or item reached, or of t itself.
func (t *Tree) Locate(at Position, path string) Position {
	for t != nil {
		next, key, rest := t.step(path)
		if next == nil {
			return at
		}
		t, at, path = next, key, rest
	}
	return at
}

// Find returns what is at path, or nil.
func (t *Tree) Find(path string) *Tree {
	for t != nil && path != "" {
		t, _, path = t.step(path)
	}
	return t
}

// Cut takes what is at path out of t, or, where there is nothing, does nothing. An item
// of a list leaves null behind: those after it keep their places.
func (t *Tree) Cut(path string) {
	for t != nil {
		next, _, rest := t.step(path)
		switch {
		case next == nil:
			return
		case rest != "" && rest != ".":
			t, path = next, rest
		case t.Kind == Mapping:
			for _, k := range t.keys {
				if t.fields[k].value == next {
					t.Drop(k)
					return
				}
			}
			return
		default:
			for i := range t.Items {
				if t.Items[i] == next {
					t.Items[i] = &Tree{At: next.At, Text: "null"}
				}
			}
			return
		}
	}
}

// step takes the first element off path. Keys may hold dots, so the longest key
// that path begins with is taken; a list's item is written [0], .0, [name=x] or
// [name:x].
func (t *Tree) step(path string) (next *Tree, at Position, rest string) {
	path = strings.TrimPrefix(path, ".")
	if path == "" {
		return nil, Position{}, ""
	}
	if t.Kind == Sequence {
		return t.stepItem(path)
	}
	longest := -1
	for _, k := range t.keys {
		tail, ok := strings.CutPrefix(path, names.Shown(k))
		if ok && (tail == "" || tail[0] == '.' || tail[0] == '[') && len(k) > longest {
			longest, rest = len(k), tail
			next, at = t.fields[k].value, t.fields[k].key
		}
	}
	return next, at, rest
}

func (t *Tree) stepItem(path string) (next *Tree, at Position, rest string) {
	element := path
	if inner, ok := strings.CutPrefix(path, "["); ok {
		element, rest, _ = strings.Cut(inner, "]")
	} else if i := strings.IndexAny(path, ".["); i >= 0 {
		element, rest = path[:i], path[i:]
	}
	if name, ok := strings.CutPrefix(strings.Replace(element, ":", "=", 1), "name="); ok {
		next = t.Named(name)
	} else if i, err := strconv.Atoi(element); err == nil && i >= 0 && i < len(t.Items) {
		next = t.Items[i]
	}
	if next == nil {
		return nil, Position{}, ""
	}
	return next, next.At, rest
}
