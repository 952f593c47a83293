package object

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSegments(t *testing.T) {
	tests := map[string][]string{
		"spec.type":                            {"spec", "type"},
		"spec.containers[name=a].image":        {"spec", "containers", "*", "image"},
		"metadata.labels[app.kubernetes.io/x]": {"metadata", "labels", "app.kubernetes.io/x"},
		"data[a.b][c=d][e.f]":                  {"data", "a.b", "*", "e.f"},
		"":                                     nil,
		"broken[":                              {"broken"},
	}
	for path, want := range tests {
		if diff := cmp.Diff(want, Segments(path)); diff != "" {
			t.Errorf("Segments(%q) (-want +got):\n%s", path, diff)
		}
	}
}
