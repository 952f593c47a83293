package main

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/jsonschema"
	"github.com/setup-mesh/setup-mesh/pkg/topology/legacy"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// An annotator writes into a spec's schema what the charts do not know.
type annotator struct {
	spec *jsonschema.Schema
	made map[*jsonschema.Schema]bool // mappings of other times, on the way to a setting
}

// settings says what became of settings of other times, and allows them.
func (a annotator) settings(r legacy.Row) {
	for _, path := range r.Paths {
		for _, s := range a.at(path) {
			a.past(s, r)
		}
	}
	if r.To == "" {
		return
	}
	for _, s := range a.at(r.To) {
		say(s, "Istio 1.4: "+r.From+".")
	}
}

// past marks a setting as one of another time.
func (a annotator) past(s *jsonschema.Schema, r legacy.Row) {
	const begin = "Of another time. "
	if !r.Stays { // it is taken out before today's rules see it
		*s = jsonschema.Schema{Description: s.Description, Properties: s.Properties}
		delete(a.made, s)
	}
	if !strings.HasPrefix(s.Description, begin) { // what it did then
		s.Description = ""
	}
	s.Deprecated = true
	say(s, begin+"Today: "+strings.ReplaceAll(r.Today, "`", "")+".")
}

// owned says that the topology decides a setting.
func (a annotator) owned(o manifest.Owned) {
	path, item, isItem := strings.Cut(o.Path, "[name=")
	by := "setup-mesh"
	if o.By != "" {
		by = "topology.yaml: " + o.By
	}
	for _, s := range a.at(path) {
		if isItem {
			say(s, "The item "+strings.TrimSuffix(item, "]")+" is set by "+by+" ("+o.Why+").")
			continue
		}
		s.ReadOnly = !o.Some
		say(s, "Set by "+by+" ("+o.Why+").")
	}
}

// close refuses unknown keys in the mappings of other times, as [legacy.Translate] does.
func (a annotator) close() {
	for s := range a.made {
		s.Type, s.Deprecated = jsonschema.Types{"object", "null"}, true
		if s.Rest == nil {
			s.Rest = &jsonschema.Rest{}
		}
	}
}

// say adds a paragraph to the description.
func say(s *jsonschema.Schema, words string) {
	switch {
	case s.Description == "":
		s.Description = words
	case !strings.Contains(s.Description, words):
		s.Description += "\n" + words
	}
}

// at are the schemas of the places that a path of [legacy.Row] stands for. They are made
// where nothing is known of them.
func (a annotator) at(path string) []*jsonschema.Schema {
	places := []*jsonschema.Schema{a.spec}
	keys := strings.Split(path, ".")
	for i, key := range keys {
		var next []*jsonschema.Schema
		for _, s := range places {
			next = append(next, a.below(a.resolve(s), key, i == len(keys)-1)...)
		}
		places = next
	}
	return places
}

// below are the places at a key, made where there are none. "*" stands for keys that
// have no schema, and on the way to a setting also for the mappings that have one.
func (a annotator) below(s *jsonschema.Schema, key string, last bool) []*jsonschema.Schema {
	if key != "*" {
		if s.Properties.Get(key) == nil {
			s.Properties.Set(key, a.place(last))
		}
		return []*jsonschema.Schema{s.Properties.Get(key)}
	}
	var out []*jsonschema.Schema
	for _, p := range s.Properties {
		if !last && len(p.Schema.Properties) > 0 {
			out = append(out, p.Schema)
		}
	}
	if s.Rest == nil {
		s.Rest = &jsonschema.Rest{Schema: a.place(last)}
	}
	if s.Rest.Schema != nil {
		out = append(out, s.Rest.Schema)
	}
	return out
}

func (a annotator) place(last bool) *jsonschema.Schema {
	s := &jsonschema.Schema{}
	if !last {
		a.made[s] = true
	}
	return s
}

func (a annotator) resolve(s *jsonschema.Schema) *jsonschema.Schema {
	if s.Ref == "" {
		return s
	}
	return a.spec.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
}
