package status

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	end := time.Date(2027, 11, 21, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct{ got, want string }{
		"a class of errors":                   {Words("unauthorized"), "token refused"},
		"a class that says nothing":           {Words("other"), "error"},
		"a state that is not a class":         {Words("moved"), "gateway address changed"},
		"a state that says enough":            {Words("timeout in istiod-1"), "timeout in istiod-1"},
		"an intermediate that ends":           {Trust{State: "ok", NotAfter: end, Days: 365}.Words(), "ok, 365 d"},
		"a cluster without an intermediate":   {Trust{State: "ok"}.Words(), "ok"},
		"a cluster of which nothing is known": {Trust{}.Words(), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
