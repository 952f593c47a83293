// Command gen writes docs/checks.md from the registry of checks. It runs in
// pkg/apply, by go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := os.WriteFile(filepath.Join("..", "..", "docs", "checks.md"), page(), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
