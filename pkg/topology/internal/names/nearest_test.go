package names_test

import (
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
)

func TestNearest(t *testing.T) {
	candidates := []string{"network", "namespace", "name"}
	tests := map[string]string{
		"netwrok":   "network", // two neighbours swapped
		"NETWORK":   "network",
		"names":     "name",
		"namspace":  "namespace",
		"gateway":   "",
		"":          "",
		"net":       "",
		"nettworks": "network",
	}
	for in, want := range tests {
		if got := names.Nearest(in, candidates); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHint(t *testing.T) {
	const words = `lower case letters, digits and "-", at most 63 characters`
	tests := map[string]string{
		"East_1": words + "; for example east-1",
		"":       words,
		"東京":     words, // lower-casing would lose everything
	}
	for in, want := range tests {
		if got := names.DNSLabel.Hint(in); got != want {
			t.Errorf("Hint(%q) = %q, want %q", in, got, want)
		}
	}
}
