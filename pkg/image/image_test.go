package image_test

import (
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/image"
)

func TestFloating(t *testing.T) {
	tests := map[string]bool{
		"latest": true, "latest-distroless": true, "latest-debug": true, "testing": true,
		"1.31.0": false, "1.31.0-distroless": false, "my-latest": false, "": false,
	}
	for tag, want := range tests {
		if got := image.Floating(tag); got != want {
			t.Errorf("Floating(%q) = %v, want %v", tag, got, want)
		}
	}
}

func TestDevelopment(t *testing.T) {
	tests := map[string]bool{
		"registry.istio.io/testing": true, "gcr.io/istio-testing": true, "gcr.io/istio-testing/pilot": true,
		"registry.istio.io/release": false, "docker.io/istio": false, "example.com/testing-mirror": false, "": false,
	}
	for repository, want := range tests {
		if got := image.Development(repository); got != want {
			t.Errorf("Development(%q) = %v, want %v", repository, got, want)
		}
	}
}
