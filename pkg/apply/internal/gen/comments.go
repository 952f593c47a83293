package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
)

// sources are the packages whose comments say what Istio's settings mean. Protocol
// buffers' descriptors have no comments at run time.
var sources = []string{"istio.io/api/mesh/v1alpha1", "istio.io/istio/operator/pkg/apis"}

// comments maps "Type.key" to the first paragraph that the sources say about a key.
func comments() (map[string]string, error) {
	found := map[string]string{}
	for _, path := range sources {
		dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", path).Output()
		if err != nil {
			return nil, fmt.Errorf("find the sources of %s: %w", path, err)
		}
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*.go"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("read the sources of %s: none there", path)
		}
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if t, ok := n.(*ast.TypeSpec); ok {
					fieldComments(found, t)
				}
				return true
			})
		}
	}
	return found, nil
}

func fieldComments(found map[string]string, t *ast.TypeSpec) {
	s, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range s.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 {
			continue
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
		key, _, _ := strings.Cut(tag.Get("json"), ",")
		proto := tag.Get("protobuf")
		for _, part := range strings.Split(proto, ",") {
			if name, ok := strings.CutPrefix(part, "name="); ok {
				key = name
			}
		}
		for _, part := range strings.Split(proto, ",") {
			if name, ok := strings.CutPrefix(part, "json="); ok {
				key = name
			}
		}
		holder := t.Name.Name
		if strings.HasSuffix(proto, ",oneof") { // the one field of a wrapper
			holder = strings.TrimSuffix(holder, "_"+f.Names[0].Name)
		}
		if words := paragraph(f.Doc.Text()); words != "" {
			found[holder+"."+key] = words
		}
	}
}

// paragraph is the first paragraph of a comment on one line, without marks for tools.
func paragraph(comment string) string {
	if strings.Contains(comment, "$hide_from_docs") {
		return ""
	}
	var words []string
	for _, line := range strings.Split(comment, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" && len(words) > 0:
			return strings.Join(words, " ")
		case line == "" || line[0] == '+' || line[0] == '$' || strings.HasPrefix(line, "Deprecated: Marked as deprecated in "):
		default:
			words = append(words, strings.Fields(line)...)
		}
	}
	return strings.Join(words, " ")
}
