// Package probe asks a process over HTTP whether it is ready, as a kubelet would.
package probe

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// timeout bounds one question: an answer is a matter of milliseconds, and there will be another question.
const timeout = 5 * time.Second

// Get returns nil if url answers 200.
func Get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: timeout}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", req.URL.Path, resp.Status)
	}
	return nil
}
