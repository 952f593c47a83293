package topology

import (
	"strconv"
	"strings"
)

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
