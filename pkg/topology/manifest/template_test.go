package manifest_test

import (
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// TestTemplateExample puts the example in the place of the spec.
func TestTemplateExample(t *testing.T) {
	text := string(manifest.Template())
	_, after, ok := strings.Cut(text, "#   spec:\n")
	example, _, ok2 := strings.Cut(after, "#\n")
	if !ok || !ok2 {
		t.Fatalf("no example in\n%s", text)
	}
	head, _, _ := strings.Cut(text, "\nspec:\n")
	b, err := manifest.ParseBase("base.yaml", []byte(head+"\nspec:\n"+strings.ReplaceAll(example, "#   ", "")))
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Spec) != 4 {
		t.Errorf("got %v", b.Spec)
	}
}
