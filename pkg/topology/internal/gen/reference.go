package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"text/template"

	"github.com/invopop/jsonschema"
)

//go:embed topology.md.tmpl
var pageTemplate string

// A row is one key in a table of the reference.
type row struct{ Key, Type, Default, Meaning, Example string }

// reference returns the page about topology.yaml. Its tables come from s, the
// text around them from the template.
func reference(s *jsonschema.Schema) ([]byte, error) {
	tables := map[string][]row{}
	for name, t := range types {
		for i := range t.NumField() {
			r, err := rowOf(s.Definitions[name], t.Field(i))
			if err != nil {
				return nil, err
			}
			tables[name] = append(tables[name], r)
		}
	}
	page, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, tables)
	return out.Bytes(), err
}

func rowOf(def *jsonschema.Schema, f reflect.StructField) (row, error) {
	key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	p, ok := def.Properties.Get(key)
	if !ok {
		return row{}, fmt.Errorf("no key %s in the schema", key)
	}
	r := row{Key: "`" + key + "`", Type: typeWords(f.Type), Meaning: p.Description}
	r.Example = "`" + key + ": " + f.Tag.Get("example") + "`"
	if slices.Contains(def.Required, key) {
		r.Default = "required"
	}
	if p.Default != nil {
		text, err := json.Marshal(p.Default)
		if err != nil {
			return row{}, err
		}
		r.Default = "`" + strings.Trim(string(text), `"`) + "`"
	}
	return r, nil
}

func typeWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "`true` or `false`"
	case reflect.Int:
		return "number"
	case reflect.Slice:
		return "list of text"
	case reflect.Map, reflect.Pointer:
		return "mapping"
	}
	return "text"
}
