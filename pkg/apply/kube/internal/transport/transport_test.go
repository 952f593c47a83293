package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// answers is a server below a transport: one function per attempt, the last
// one for all that follow.
type answers []func(*http.Request) (*http.Response, error)

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	f := (*a)[0]
	if len(*a) > 1 {
		*a = (*a)[1:]
	}
	return f(r)
}

func status(code int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func fails(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

func TestRetries(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	reset := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	const apply = "application/apply-patch+yaml"
	tests := map[string]struct {
		method    string // GET if empty
		path      string
		mediaType string
		connected bool
		answers   answers
		want      int   // status; 0 for an error
		wantErr   error // then
		requests  int64
		least     time.Duration // that passed
		most      time.Duration
	}{
		"a good answer":                          {answers: answers{status(200, "")}, want: 200, requests: 1},
		"not found is an answer":                 {answers: answers{status(404, "")}, want: 404, requests: 1},
		"credentials are refused for good":       {answers: answers{status(401, "")}, want: 401, requests: 1},
		"a server that was never there":          {answers: answers{fails(refused)}, wantErr: syscall.ECONNREFUSED, requests: 3, most: 750 * time.Millisecond},
		"a server that restarts":                 {connected: true, answers: answers{fails(refused), fails(refused), fails(io.EOF), status(503, ""), status(200, "")}, want: 200, requests: 5, most: 5 * time.Second},
		"a server that went away":                {connected: true, answers: answers{fails(refused)}, wantErr: syscall.ECONNREFUSED, requests: 10, least: 13 * time.Second, most: 30 * time.Second},
		"a creation while it restarts":           {method: "POST", connected: true, answers: answers{fails(refused), status(201, "")}, want: 201, requests: 2, most: time.Second},
		"a creation that may have been seen":     {method: "POST", connected: true, answers: answers{fails(io.EOF)}, wantErr: io.EOF, requests: 1},
		"a creation that was turned away":        {method: "POST", answers: answers{status(429, "", "Retry-After", "2"), status(201, "")}, want: 201, requests: 2, least: 2 * time.Second, most: 2 * time.Second},
		"a question that creates nothing":        {method: "POST", path: AccessReviews, answers: answers{fails(reset), status(201, "")}, want: 201, requests: 2, most: time.Second},
		"a dry run of a creation":                {method: "POST", path: "/x?dryRun=All", answers: answers{fails(reset), status(201, "")}, want: 201, requests: 2, most: time.Second},
		"an apply whose answer was lost":         {method: "PATCH", mediaType: apply, answers: answers{fails(reset), status(200, "")}, want: 200, requests: 2, most: time.Second},
		"another patch whose answer was lost":    {method: "PATCH", mediaType: "application/json-patch+json", answers: answers{fails(reset)}, wantErr: syscall.ECONNRESET, requests: 1},
		"an update whose answer was lost":        {method: "PUT", answers: answers{fails(io.ErrUnexpectedEOF)}, wantErr: io.ErrUnexpectedEOF, requests: 1},
		"a new leader of etcd":                   {method: "DELETE", answers: answers{status(500, "etcdserver: leader changed"), status(200, "")}, want: 200, requests: 2, most: time.Second},
		"a webhook that is down":                 {method: "PATCH", mediaType: apply, answers: answers{status(500, `failed calling webhook "x"`)}, want: 500, requests: 1},
		"an object that does not fit its schema": {method: "PATCH", mediaType: apply, answers: answers{status(500, `failed to create typed patch object`)}, want: 500, requests: 1},
		"overload":                               {answers: answers{status(429, "")}, want: 429, requests: 10, least: 13 * time.Second, most: 30 * time.Second},
		"a server that puts us off for a day":    {answers: answers{status(503, "", "Retry-After", "86400"), status(200, "")}, want: 200, requests: 2, least: 15 * time.Second, most: 15 * time.Second},
		"until a date":                           {answers: answers{status(503, "", "Retry-After", "Sat, 01 Jan 2000 00:00:07 GMT"), status(200, "")}, want: 200, requests: 2, least: 7 * time.Second, most: 7 * time.Second},
		"an answer cut short": {answers: answers{func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(strings.NewReader("{"), cutShort{}))}, nil
		}, status(200, "{}")}, want: 200, requests: 2, most: time.Second},
		"a certificate that does not verify": {answers: answers{fails(errors.New("x509: unknown authority"))}, wantErr: nil, requests: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // the clock starts at 2000-01-01
				tr := New(&tt.answers, 30*time.Second)
				tr.connected.Store(tt.connected)
				method := tt.method
				if method == "" {
					method = http.MethodGet
				}
				r, err := http.NewRequestWithContext(t.Context(), method, "https://x"+tt.path, strings.NewReader("body"))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", tt.mediaType)
				start := time.Now()
				resp, err := tr.RoundTrip(r)
				took := time.Since(start)
				got := 0
				if err == nil {
					got = resp.StatusCode
				} else if f, ok := errors.AsType[*Failure](err); !ok || tt.wantErr != nil && !errors.Is(f.Err, tt.wantErr) {
					t.Errorf("got %#v", err)
				}
				if diff := cmp.Diff([]int64{int64(tt.want), tt.requests}, []int64{int64(got), tr.Requests.Load()}); diff != "" {
					t.Error("status, requests (-want +got)\n" + diff)
				}
				if took < tt.least || took > tt.most {
					t.Errorf("took %v, want %v to %v", took, tt.least, tt.most)
				}
			})
		})
	}
}

type cutShort struct{}

func (cutShort) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Each attempt has to send the whole body.
func TestRetrySendsTheBodyAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		record := func(code int) func(*http.Request) (*http.Response, error) {
			return func(r *http.Request) (*http.Response, error) {
				b, err := io.ReadAll(r.Body)
				bodies = append(bodies, string(b))
				if err != nil {
					return nil, err
				}
				return status(code, "")(r)
			}
		}
		tr := New(&answers{record(503), record(200)}, 30*time.Second)
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodDelete, "https://x", strings.NewReader("uid"))
		if _, err := tr.RoundTrip(r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"uid", "uid"}, bodies); diff != "" {
			t.Error("(-want +got)\n" + diff)
		}
	})
}

// A watch goes on for longer than a request may take, and ends with the
// caller's context.
func TestWatchOutlivesTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr, pw := io.Pipe()
		next := answers{func(r *http.Request) (*http.Response, error) {
			context.AfterFunc(r.Context(), func() { pw.CloseWithError(r.Context().Err()) })
			return &http.Response{StatusCode: 200, Body: pr}, nil
		}}
		tr := New(&next, 30*time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://x/?watch=true", nil)
		resp, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Hour) // of the bubble's clock
			fmt.Fprint(pw, "event")
			cancel()
		}()
		got, err := io.ReadAll(resp.Body)
		if string(got) != "event" || !errors.Is(err, context.Canceled) {
			t.Errorf("got %q, %v", got, err)
		}
		resp.Body.Close()
	})
}

func TestServerClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := answers{status(200, "", "Date", "Sat, 01 Jan 2000 01:00:00 GMT")}
		tr := New(&next, 30*time.Second)
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://x", nil)
		if _, err := tr.RoundTrip(r); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if want := time.Date(2000, 1, 1, 1, 0, 1, 0, time.UTC); !tr.Now().Equal(want) {
			t.Errorf("got %v, want %v", tr.Now(), want)
		}
		if tr.Skew() != time.Hour {
			t.Errorf("it is %v ahead", tr.Skew())
		}
	})
}
