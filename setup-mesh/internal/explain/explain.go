// Package explain looks up what may stand at a path of topology.yaml or base.yaml, in
// the JSON Schemas of the two files.
package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/setup-mesh/setup-mesh/docs"
	"github.com/setup-mesh/setup-mesh/pkg/jsonschema"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// The two files, as they are called in answers and in front of paths.
const (
	Topology = "topology.yaml"
	Base     = "base.yaml"
)

// An Answer is what is known of a place in one of the files.
type Answer struct {
	File string
	jsonschema.Place
	Keys []Key // that may stand there, in their order
}

// A Key is one that may stand at a place.
type Key struct {
	Name   string // "NAME" for any name of the user's
	Schema *jsonschema.Schema
}

// An Error is a path that leads nowhere.
type Error struct {
	Err error
	Fix string
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap is what is unknown.
func (e *Error) Unwrap() error { return e.Err }

// Remedy is what was probably meant.
func (e *Error) Remedy() string { return e.Fix }

// Path explains what a path leads to, which is written as messages have it. A leading
// spec may be left out, and topology or base say which file is meant. Of no path at
// all, the answers are the two files.
func Path(path string) ([]Answer, error) {
	mesh, base, err := schemas()
	if err != nil {
		return nil, err
	}
	if path == "" {
		whole, _ := find(Topology, mesh, "")
		spec, err := find(Base, base, "spec")
		return []Answer{whole, spec}, err
	}
	file, path := fileOf(path, mesh, base)
	if file == Base {
		a, err := find(Base, base, path)
		if near := topology.Nearest(firstKey(strings.TrimPrefix(path, "spec.")), mesh.Whole(mesh).Properties.Names()); err != nil && near != "" {
			return nil, &Error{err, "did you mean " + near + "?"}
		}
		return one(a, err)
	}
	context, below, ok := strings.Cut(path, ".overlay.")
	if !ok || !strings.HasPrefix(context, "contexts.") {
		return one(find(Topology, mesh, path))
	}
	a, err := find(Base, base, "spec."+below)
	a.File, a.Place.Path = Topology, path
	return one(a, err)
}

func one(a Answer, err error) ([]Answer, error) {
	if err != nil {
		return nil, err
	}
	return []Answer{a}, nil
}

func schemas() (mesh, base *jsonschema.Schema, err error) {
	if err := json.Unmarshal(docs.TopologySchema(), &mesh); err != nil {
		return nil, nil, fmt.Errorf("read the schema of %s: %w", Topology, err)
	}
	if err := json.Unmarshal(docs.BaseSchema(), &base); err != nil {
		return nil, nil, fmt.Errorf("read the schema of %s: %w", Base, err)
	}
	return mesh, base, nil
}

// fileOf says which file a path is of, and the path in it from its first key on.
func fileOf(path string, mesh, base *jsonschema.Schema) (file, whole string) {
	for _, prefix := range []string{Topology, "topology"} {
		if rest, ok := below(prefix, path); ok {
			return Topology, rest
		}
	}
	if rest, ok := below(Base, path); ok {
		return Base, rest
	}
	first := firstKey(path)
	if rest, ok := below("base", path); ok && base.Properties.Get(firstKey(rest)) != nil {
		path, first = rest, firstKey(rest)
	}
	switch {
	case mesh.Whole(mesh).Properties.Get(first) != nil:
		return Topology, path
	case base.Properties.Get(first) != nil:
		return Base, path
	}
	return Base, "spec." + path
}

// below is the rest of a path after a prefix that is all of it, or ends at a dot.
func below(prefix, path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	return strings.TrimPrefix(rest, "."), ok && (rest == "" || rest[0] == '.')
}

func firstKey(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}

func find(file string, s *jsonschema.Schema, path string) (Answer, error) {
	p, err := s.Find(path)
	if unknown, ok := errors.AsType[*jsonschema.UnknownError](err); ok {
		return Answer{}, &Error{fmt.Errorf("explain %s of %s: %w", path, file, unknown), remedy(s, path, unknown)}
	}
	if err != nil {
		return Answer{}, err
	}
	a := Answer{File: file, Place: p}
	held := p.Schema
	for held.Items != nil {
		held = s.Whole(held.Items)
	}
	for _, q := range held.Properties {
		a.Keys = append(a.Keys, Key{q.Name, s.Whole(q.Schema)})
	}
	if held.Rest != nil && held.Rest.Schema != nil {
		a.Keys = append(a.Keys, Key{"NAME", s.Whole(held.Rest.Schema)})
	}
	return a, nil
}

// remedy names the key that is nearest to an unknown one, or the same key elsewhere.
func remedy(s *jsonschema.Schema, path string, e *jsonschema.UnknownError) string {
	if near := topology.Nearest(e.Key, e.Known); near != "" {
		return "did you mean " + strings.TrimPrefix(e.Parent+"."+near, ".") + "?"
	}
	if elsewhere := s.Ending(path[strings.LastIndex(path, ".")+1:]); len(elsewhere) > 0 {
		return "did you mean " + elsewhere[0] + "?"
	}
	return strings.TrimSpace("setup-mesh explain "+e.Parent) + " lists the keys"
}
