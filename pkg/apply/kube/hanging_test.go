package kube

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// hanging answers nothing until it is closed, whatever becomes of a request.
type hanging chan struct{}

func (h hanging) RoundTrip(*http.Request) (*http.Response, error) {
	<-h
	return nil, io.EOF
}

// An auth provider that hangs knows of no context.
func TestHangingAuthProvider(t *testing.T) {
	tests := map[string]struct {
		deadline time.Duration // the caller's; 0 for none
		want     time.Duration
	}{
		"the caller's deadline": {deadline: time.Second, want: time.Second},
		"that of a request":     {want: 30 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hang := make(hanging)
				c := &Cluster{context: "east", transport: transport.New(hang, 30*time.Second)}
				ctx, cancel := context.WithCancel(t.Context())
				if tt.deadline != 0 {
					ctx, cancel = context.WithTimeout(t.Context(), tt.deadline)
				}
				defer cancel()
				r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://x", nil)
				start := time.Now()
				_, err := c.transport.RoundTrip(r)
				if got := time.Since(start); got != tt.want {
					t.Errorf("returned after %v, want %v", got, tt.want)
				}
				if err = c.failed(ctx, "read", object.Ref{}, err); object.ClassOf(err) != object.Timeout {
					t.Errorf("got %v", err)
				}
				close(hang)
			})
		})
	}
}
