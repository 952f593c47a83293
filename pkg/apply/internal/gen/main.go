// Command gen writes docs/checks.md from the registry of checks, and
// docs/base.schema.json from the charts and from what is known of settings that the
// topology decides and of those of other times. It runs in pkg/apply, by go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := generate(filepath.Join("..", "..", "docs")); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// generate writes the files into docs.
func generate(docs string) error {
	pages, err := render()
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
func render() (map[string][]byte, error) {
	base, err := baseSchema()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"checks.md": page(), "base.schema.json": base}, nil
}
