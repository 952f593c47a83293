package check

import (
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		10 * time.Minute: "10 min", 16 * time.Hour: "16 h", 24*time.Hour - time.Second: "24 h", 71 * time.Hour: "71 h", 72 * time.Hour: "3 d", desired.TokenLifetime: "365 d",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
