// Command gen writes docs/topology.schema.json and docs/topology.md from the types
// that topology.yaml is decoded into and their comments, and docs/base.md from what is
// known of settings of other times. It runs in
// pkg/topology, by go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := generate("internal/file", filepath.Join("..", "..", "docs")); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate reads the sources in types and writes the files into docs.
func generate(types, docs string) error {
	pages, err := render(types)
	if err != nil {
		return err
	}
	for name, data := range pages {
		if err := os.WriteFile(filepath.Join(docs, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// render returns the contents of the files by their names.
func render(types string) (map[string][]byte, error) {
	s, err := schema(types)
	if err != nil {
		return nil, err
	}
	text, err := encode(s)
	if err != nil {
		return nil, err
	}
	page, err := reference(s)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"topology.schema.json": text, "topology.md": page, "base.md": settings()}, nil
}
