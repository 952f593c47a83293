package execute

import (
	"testing"
	"time"
)

// The API server keeps connections by name and port: one that another primary
// answered by must not be used for the next.
func TestProbePortIsNotUsedAgain(t *testing.T) {
	// https://pkg.go.dev/k8s.io/apimachinery/pkg/util/net#SetTransportDefaults
	const idle, primaries = 90 * time.Second, 32
	now := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	for range 24 * 60 {
		now = now.Add(time.Minute)
		first := firstProbePort(now)
		if first < 1024 || first+primaries > 65535 {
			t.Fatalf("port %d at %s", first, now)
		}
		for later := time.Second; later <= idle; later += time.Second {
			if next := firstProbePort(now.Add(later)); next < first+primaries && first < next+primaries {
				t.Fatalf("ports from %d are used again after %s, from %d", first, later, next)
			}
		}
	}
}
