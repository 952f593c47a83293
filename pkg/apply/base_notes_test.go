package apply

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"istio.io/istio/manifests"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
)

// TestBaseNotes sets each value that the notes of istiod's chart call deprecated or
// removed, which only Helm prints: a user hears of it here, too.
func TestBaseNotes(t *testing.T) {
	notes, err := fs.ReadFile(manifests.BuiltinOrDir(""), "charts/istio-control/istio-discovery/templates/NOTES.txt")
	if err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile(`(?m)^    "([\w.]+)"`).FindAllStringSubmatch(string(notes), -1)
	if len(paths) < 30 {
		t.Fatalf("%d values in the notes: they are written in another way", len(paths))
	}
	const head = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n"
	renderer := charts.New()
	plain, _ := outcome(t, renderer, head)
	for _, m := range paths {
		t.Run(m[1], func(t *testing.T) {
			value := `"1"`
			keys := strings.Split("spec.values."+m[1], ".")
			if keys[len(keys)-1] == "enabled" {
				value = "true"
			}
			for i := len(keys) - 1; i > 0; i-- {
				value = "{" + keys[i] + ": " + value + "}"
			}
			got, said := outcome(t, renderer, head+"spec: "+value)
			if accepted := said != nil; accepted && len(said) == 0 && got == plain {
				t.Error("it means nothing, and nobody says so")
			}
		})
	}
}
