package topology

import (
	"strconv"
	"strings"
)

// A trail is a path that becomes text only when asked for: while a hostile file
// is walked, writing every path out would take far more room than the file.
type trail struct {
	up   *trail
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

func (p *trail) key(key string) *trail { return &trail{up: p, text: key, kind: trailKey} }

// at is the trail to an item of a list: by its field name where it has one, else
// by its index.
func (p *trail) at(i int, item *tree) *trail {
	if name, ok := item.get("name").literal(); ok && printable(name) {
		return &trail{up: p, text: name, kind: trailName}
	}
	return &trail{up: p, item: i, kind: trailIndex}
}

func (p *trail) String() string {
	switch {
	case p == nil:
		return ""
	case p.kind == trailKey:
		return join(p.up.String(), p.text)
	case p.kind == trailName:
		return p.up.String() + "[name=" + shown(p.text) + "]"
	case p.kind == trailIndex:
		return p.up.String() + "[" + strconv.Itoa(p.item) + "]"
	}
	return p.text
}

// walk calls f for t and everything in it with its path, parents first, in the
// order of the file.
func (t *tree) walk(path string, f func(path *trail, t *tree)) {
	t.walkFrom(&trail{text: path}, f)
}

func (t *tree) walkFrom(path *trail, f func(path *trail, t *tree)) {
	if t == nil {
		return
	}
	f(path, t)
	for _, k := range t.keys {
		t.fields[k].value.walkFrom(path.key(k), f)
	}
	for i, item := range t.items {
		item.walkFrom(path.at(i, item), f)
	}
}

// join appends keys to a path, which may be empty.
func join(path string, keys ...string) string {
	for _, key := range keys {
		if path == "" {
			path = shown(key)
			continue
		}
		path += "." + shown(key)
	}
	return path
}

// indexed is the path of an item of a list that has no name.
func indexed(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// itemPath is the path of an item of a list.
func itemPath(path string, i int, item *tree) string {
	return (&trail{text: path}).at(i, item).String()
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
		tail, ok := strings.CutPrefix(path, shown(k))
		if ok && (tail == "" || tail[0] == '.' || tail[0] == '[') && len(k) > longest {
			longest, rest = len(k), tail
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
