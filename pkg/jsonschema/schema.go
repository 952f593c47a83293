// Package jsonschema holds what may stand in a YAML file as a JSON Schema: the part of
// draft 2020-12 that editors need to complete a file, and setup-mesh to explain one.
//
// https://json-schema.org/draft/2020-12
package jsonschema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// A Schema says what may stand at one place. The zero Schema allows anything.
type Schema struct {
	Version     string    `json:"$schema,omitempty"`
	Comment     string    `json:"$comment,omitempty"`
	Title       string    `json:"title,omitempty"`
	Ref         string    `json:"$ref,omitempty"` // #/$defs/NAME, beside which only words stand
	Type        Types     `json:"type,omitempty"`
	OneOf       []*Schema `json:"oneOf,omitempty"`
	Enum        []any     `json:"enum,omitempty"`
	Pattern     string    `json:"pattern,omitempty"`
	Description string    `json:"description,omitempty"` // paragraphs are lines
	Default     any       `json:"default,omitempty"`
	Examples    []any     `json:"examples,omitempty"`
	Deprecated  bool      `json:"deprecated,omitempty"`
	// ReadOnly: somebody else decides the value.
	ReadOnly bool `json:"readOnly,omitempty"`
	// Reference is the URL where this place, and what is below it, is documented.
	Reference  string     `json:"x-reference,omitempty"`
	Required   []string   `json:"required,omitempty"`
	Properties Properties `json:"properties,omitempty"`
	// Rest is for keys that are not among the properties; nil allows anything.
	Rest  *Rest              `json:"additionalProperties,omitempty"`
	Items *Schema            `json:"items,omitempty"`
	Defs  map[string]*Schema `json:"$defs,omitempty"`
}

// Types are the types of JSON that a value may have.
type Types []string

// UnmarshalJSON reads one type, or a list of them.
func (t *Types) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = Types{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}

// A Rest is what may stand at keys that nobody named: nothing, or what a schema allows.
type Rest struct{ Schema *Schema }

// MarshalJSON writes false, or the schema.
func (r Rest) MarshalJSON() ([]byte, error) {
	if r.Schema == nil {
		return []byte("false"), nil
	}
	return json.Marshal(r.Schema)
}

// UnmarshalJSON reads false, true or a schema.
func (r *Rest) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case "false":
		return nil
	case "true":
		r.Schema = &Schema{}
		return nil
	}
	return json.Unmarshal(data, &r.Schema)
}

// Properties are the keys of a mapping, in their order.
type Properties []Property

// A Property is one key of a mapping.
type Property struct {
	Name   string
	Schema *Schema
}

// Get is the schema of a key, nil for one that is not there.
func (p Properties) Get(name string) *Schema {
	for _, q := range p {
		if q.Name == name {
			return q.Schema
		}
	}
	return nil
}

// Names are the keys, in their order.
func (p Properties) Names() []string {
	var out []string
	for _, q := range p {
		out = append(out, q.Name)
	}
	return out
}

// Set adds a key, or replaces its schema.
func (p *Properties) Set(name string, s *Schema) {
	i := slices.IndexFunc(*p, func(q Property) bool { return q.Name == name })
	if i < 0 {
		*p = append(*p, Property{name, s})
		return
	}
	(*p)[i].Schema = s
}

// MarshalJSON writes an object with the keys in their order.
func (p Properties) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, q := range p {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(q.Name)
		if err != nil {
			return nil, err
		}
		s, err := json.Marshal(q.Schema)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(s)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// UnmarshalJSON reads an object, and keeps the order of its keys.
func (p *Properties) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var s *Schema
		if err := d.Decode(&s); err != nil {
			return fmt.Errorf("read the schema of %v: %w", name, err)
		}
		*p = append(*p, Property{fmt.Sprint(name), s})
	}
	return nil
}

// Encode returns s as JSON that people can read.
func (s *Schema) Encode() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(s)
	return out.Bytes(), err
}
