package jsonschema

import (
	"fmt"
	"slices"
	"strings"
)

// A Place is what a path leads to.
type Place struct {
	Path      string  // as it was asked for, without what names an item of a list
	Schema    *Schema // with what it refers to put in; not to be changed
	Reference string  // the nearest URL, "" for none
}

// An UnknownError says that nothing may stand at a key.
type UnknownError struct {
	Parent string   // the path as far as it is known, "" for the whole file
	Key    string   // that may not stand there
	Known  []string // keys that may, in their order
}

func (e *UnknownError) Error() string {
	if e.Parent == "" {
		return fmt.Sprintf("there is no key %q", e.Key)
	}
	return fmt.Sprintf("there is no key %q below %s", e.Key, e.Parent)
}

// Find returns what may stand at a path of the file that s is the schema of, such as
// spec.components.ingressGateways[name=x].k8s, where what names an item may be left out.
// The error is an [*UnknownError].
func (s *Schema) Find(path string) (Place, error) {
	var keys []string
	if path != "" {
		keys = strings.Split(withoutItems(path), ".")
	}
	return s.find(Place{Schema: s.Whole(s)}, keys)
}

func (s *Schema) find(at Place, keys []string) (Place, error) {
	for at.Schema.Items != nil && len(keys) > 0 {
		at = s.step(at, "", at.Schema.Items)
	}
	if len(keys) == 0 {
		return at, nil
	}
	if next := at.Schema.Properties.Get(keys[0]); next != nil {
		return s.find(s.step(at, keys[0], next), keys[1:])
	}
	rest := at.Schema.rest()
	if rest == nil {
		return Place{}, &UnknownError{Parent: at.Path, Key: keys[0], Known: at.Schema.Properties.Names()}
	}
	// A name of the user's may have dots: it is the shortest after which all is known.
	// But where keys of ours may follow it, the last word is one of these.
	var first error
	for n := 1; n <= len(keys); n++ {
		next := s.step(at, strings.Join(keys[:n], "."), rest)
		if n > 1 && n == len(keys) && len(next.Schema.Properties) > 0 {
			break
		}
		found, err := s.find(next, keys[n:])
		if err == nil {
			return found, nil
		}
		if first == nil {
			first = err
		}
	}
	return Place{}, first
}

// rest is what may stand at a key that is not among the properties, nil for nothing.
// What is free in a mapping that is deprecated is so for the same reason.
func (s *Schema) rest() *Schema {
	switch {
	case s.Rest != nil:
		return s.Rest.Schema
	case len(s.Enum) > 0 || len(s.Type) > 0 && !slices.Contains(s.Type, "object"):
		return nil
	case s.Deprecated:
		return &Schema{Deprecated: true, Description: s.Description}
	}
	return &Schema{}
}

// step is the place at a key below another, or where that is "" an item of its list.
func (s *Schema) step(at Place, key string, next *Schema) Place {
	out := Place{Path: at.Path, Schema: s.Whole(next), Reference: at.Reference}
	if key != "" {
		out.Path = strings.TrimPrefix(at.Path+"."+key, ".")
	}
	if out.Schema.Reference != "" {
		out.Reference = out.Schema.Reference
	}
	return out
}

// Whole is a schema below s with what it refers to put in, and null left out of what
// it may be. Words beside a reference go before those of what is referred to.
func (s *Schema) Whole(t *Schema) *Schema {
	for _, one := range t.OneOf {
		if len(one.Type) != 1 || one.Type[0] != "null" {
			return s.beside(t, one)
		}
	}
	if t.Ref == "" {
		return t
	}
	return s.beside(t, s.Defs[strings.TrimPrefix(t.Ref, "#/$defs/")])
}

func (s *Schema) beside(t, referred *Schema) *Schema {
	if referred == nil {
		return t
	}
	out := *s.Whole(referred)
	if t.Description != "" {
		out.Description = t.Description
	}
	if t.Default != nil {
		out.Default = t.Default
	}
	if len(t.Examples) > 0 {
		out.Examples = t.Examples
	}
	if t.Reference != "" {
		out.Reference = t.Reference
	}
	out.Deprecated = out.Deprecated || t.Deprecated
	out.ReadOnly = out.ReadOnly || t.ReadOnly
	return &out
}

// withoutItems leaves out of a path what is in brackets.
func withoutItems(path string) string {
	for {
		before, rest, ok := strings.Cut(path, "[")
		if !ok {
			return path
		}
		_, after, ok := strings.Cut(rest, "]")
		if !ok {
			return path
		}
		path = before + after
	}
}

// Ending returns the paths of mappings, at most seven keys long, that end in a key: the
// shortest first.
func (s *Schema) Ending(key string) []string {
	type node struct {
		path   string
		schema *Schema
	}
	var out []string
	for level := []node{{"", s.Whole(s)}}; len(level) > 0; {
		var next []node
		for _, n := range level {
			for _, p := range n.schema.Properties {
				path := strings.TrimPrefix(n.path+"."+p.Name, ".")
				if p.Name == key {
					out = append(out, path)
				}
				if strings.Count(path, ".") < 6 {
					next = append(next, node{path, s.Whole(p.Schema)})
				}
			}
		}
		level = next
	}
	return out
}
