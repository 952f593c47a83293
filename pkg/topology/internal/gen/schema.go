package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/file"
)

// schema reflects the types of package file. Their comments, read from the
// sources in dir, are the descriptions.
func schema(dir string) (*jsonschema.Schema, error) {
	comments, err := comments(dir)
	if err != nil {
		return nil, err
	}
	r := jsonschema.Reflector{
		RequiredFromJSONSchemaTags: true,
		Anonymous:                  true,
		CommentMap:                 comments,
	}
	s := r.Reflect(&file.Topology{})
	s.Title = "topology.yaml"
	s.Description = "The clusters of one Istio mesh and the networks they are on, for setup-mesh."
	if err := finish(s); err != nil {
		return nil, err
	}
	overlay, _ := s.Definitions["Context"].Properties.Get("overlay") // finish has found it
	overlay.Ref = "base.schema.json#/properties/spec"                // which stands beside it
	return s, nil
}

// comments maps "package.Type" and "package.Type.Field" to their comments, whole
// and on one line.
func comments(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("read the sources in %s: none there", dir)
	}
	pkg := reflect.TypeFor[file.Topology]().PkgPath()
	found := map[string]string{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				return true
			}
			spec := decl.Specs[0].(*ast.TypeSpec)
			key := pkg + "." + spec.Name.Name
			found[key] = oneLine(decl.Doc)
			if st, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range st.Fields.List {
					found[key+"."+field.Names[0].Name] = oneLine(field.Doc)
				}
			}
			return true
		})
	}
	return found, nil
}

func oneLine(c *ast.CommentGroup) string {
	return strings.Join(strings.Fields(c.Text()), " ")
}

// finish adds the examples, and moves what is said about a key that may be null to
// where editors look for it.
func finish(s *jsonschema.Schema) error {
	for name, t := range types {
		for i := range t.NumField() {
			f := t.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			p, ok := s.Definitions[name].Properties.Get(key)
			if !ok {
				return fmt.Errorf("no key %s in the schema of %s", key, name)
			}
			var example any
			if err := yaml.Unmarshal([]byte(f.Tag.Get("example")), &example); err != nil {
				return fmt.Errorf("example of %s.%s: %w", name, key, err)
			}
			if example == nil {
				return fmt.Errorf("%s.%s has no example", name, key)
			}
			p.Examples = []any{example}
			if len(p.OneOf) > 0 {
				p.Description, p.OneOf[0].Description = p.OneOf[0].Description, ""
			}
		}
	}
	return nil
}

// types are the definitions of the schema, by name.
var types = map[string]reflect.Type{
	"Topology":  reflect.TypeFor[file.Topology](),
	"Injection": reflect.TypeFor[file.Injection](),
	"Ambient":   reflect.TypeFor[file.Ambient](),
	"Context":   reflect.TypeFor[file.Context](),
	"Gateway":   reflect.TypeFor[file.Gateway](),
	"APIServer": reflect.TypeFor[file.APIServer](),
}

func encode(s *jsonschema.Schema) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(s)
	return out.Bytes(), err
}
