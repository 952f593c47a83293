package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDocsAreCurrent compares what is checked in with what would be generated.
func TestDocsAreCurrent(t *testing.T) {
	got, err := os.ReadFile("../../../../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page()), string(got)); diff != "" {
		t.Errorf("docs/checks.md is out of date: go generate ./pkg/apply (-generated +checked in):\n%s", diff)
	}
}
