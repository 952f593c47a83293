// Package transport sends requests to an API server, again where that does no harm,
// and reads their answers up to a bound.
package transport

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/login"
)

// A Transport sends requests, repeats them where [again] says so, and returns
// when the request's context ends even if what is below does not: client-go's
// auth providers of older kubeconfigs know of no context.
type Transport struct {
	Next      http.RoundTripper
	Session   *Session      // in place of next, where a plugin has the credentials; else nil
	Timeout   time.Duration // of one attempt
	connected atomic.Bool   // an answer was received
	clock     atomic.Int64  // the server's clock minus ours, ns
	Requests  atomic.Int64
	Bytes     atomic.Int64
}

// New sends requests by next, each attempt of which may take timeout.
func New(next http.RoundTripper, timeout time.Duration) *Transport {
	return &Transport{Next: next, Timeout: timeout}
}

// A Failure is the error of a request without an answer. Its text is opaque,
// so that client-go does not recognise the cause and starts retries of its own.
type Failure struct {
	Err      error
	Attempts int
}

func (f *Failure) Error() string { return "no answer" }

// Now is the server's clock as of its latest answer.
func (t *Transport) Now() time.Time {
	return time.Now().Add(time.Duration(t.clock.Load())).UTC()
}

// Skew is how far the server's clock was ahead of ours in its latest answer, zero
// before any. The header Date leaves out what is less than a second.
func (t *Transport) Skew() time.Duration {
	return time.Duration(t.clock.Load()).Round(time.Second)
}

// RoundTrip implements [http.RoundTripper]. The answer's body is complete and
// in memory, except a watch's.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	mayRepeat := repeatable(r)
	for n := 1; ; n++ {
		resp, o := t.attempt(r)
		if !again(n, o, mayRepeat, t.connected.Load()) || r.Body != nil && r.GetBody == nil {
			if o.err != nil {
				return nil, &Failure{Err: o.err, Attempts: n}
			}
			if f := foreign(resp); f != nil {
				resp.Body.Close()
				return nil, &Failure{Err: f, Attempts: n}
			}
			resp.Header.Del("Retry-After") // done here, not once more in client-go
			return resp, nil
		}
		timer := time.NewTimer(Wait(n, o.retryAfter))
		select {
		case <-r.Context().Done():
			timer.Stop()
			return nil, &Failure{Err: r.Context().Err(), Attempts: n}
		case <-timer.C:
		}
	}
}

// attempt sends r once, after a login if one is due. It does not wait longer than
// the context of r, or for longer than one attempt may take.
func (t *Transport) attempt(r *http.Request) (*http.Response, outcome) {
	next, cred := t.Next, (*login.Credential)(nil)
	if t.Session != nil {
		var err error
		if next, cred, err = t.Session.sender(r.Context()); err != nil {
			return nil, outcome{err: err}
		}
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	slow := fmt.Errorf("no answer within %s: %w", t.Timeout, context.DeadlineExceeded)
	timer := time.AfterFunc(t.Timeout, func() { cancel(slow) })

	type result struct {
		resp     *http.Response
		o        outcome
		watching bool
	}
	done := make(chan result, 1)
	go func() {
		resp, o := t.send(ctx, next, r)
		if cred != nil && o.status == http.StatusUnauthorized {
			t.Session.Login.Refused(cred)
		}
		watching := resp != nil && isWatch(r, resp)
		if watching {
			resp.Body = &closing{resp.Body, func() { cancel(nil) }}
		}
		done <- result{resp, o, watching}
	}()
	select {
	case res := <-done:
		timer.Stop()
		if res.o.err != nil {
			if cause := context.Cause(ctx); cause != nil {
				res.o.err = cause
			}
		}
		if !res.watching {
			cancel(nil)
		}
		return res.resp, res.o
	case <-ctx.Done():
		timer.Stop()
		return nil, outcome{err: context.Cause(ctx)}
	}
}

// send blocks for as long as the transport below does.
func (t *Transport) send(ctx context.Context, next http.RoundTripper, r *http.Request) (*http.Response, outcome) {
	r = r.Clone(ctx)
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, outcome{err: err}
		}
		r.Body = body
	}
	t.Requests.Add(1)
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, outcome{err: err}
	}
	t.connected.Store(true)
	now := time.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		t.clock.Store(int64(date.Sub(now)))
	}
	o := outcome{status: resp.StatusCode, retryAfter: retryAfter(resp.Header, now)}
	if isWatch(r, resp) {
		return resp, o
	}
	limit := maxAnswer(r)
	o.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	resp.Body.Close()
	t.Bytes.Add(int64(len(o.body)))
	switch {
	case err != nil:
		return nil, outcome{err: err}
	case int64(len(o.body)) > limit:
		return nil, outcome{err: &LongAnswer{limit}}
	}
	resp.Body = io.NopCloser(bytes.NewReader(o.body))
	return resp, o
}

// isWatch says whether resp goes on for as long as the caller wants.
func isWatch(r *http.Request, resp *http.Response) bool {
	return r.URL.Query().Has("watch") && resp.StatusCode == http.StatusOK
}

// closing is a watch's body, which ends its attempt when it is closed.
type closing struct {
	io.ReadCloser
	end func()
}

func (c *closing) Close() error {
	defer c.end()
	return c.ReadCloser.Close()
}

// NoRedirect keeps the credentials, which client-go would add to any request,
// from where a server points to. API servers do not redirect.
func NoRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
