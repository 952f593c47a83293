package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// DialTimeout bounds a TCP handshake.
	DialTimeout = 8 * time.Second
	// maxAttempts and the waits between them, 28 s in all, outlast the restart
	// of an API server.
	maxAttempts = 10
	firstWait   = 250 * time.Millisecond
	maxWait     = 5 * time.Second
	// firstContactAttempts is for a server that has not answered yet: most likely
	// it is not there.
	firstContactAttempts = 3
	// maxRetryAfter bounds how far a server can put us off.
	maxRetryAfter = 15 * time.Second
)

// An outcome is how one attempt of a request ended: with an answer or with
// err, never both.
type outcome struct {
	status     int
	retryAfter time.Duration
	body       []byte // of the answer
	err        error
}

// again decides whether a request is sent again after attempt n, counted from
// 1, ended with o. connected says that the server answered before; repeatable
// that sending twice does no harm.
func again(n int, o outcome, repeatable, connected bool) bool {
	limit := maxAttempts
	switch {
	case o.err == nil && o.status == http.StatusTooManyRequests:
		// Turned away before it was looked at, so that any request may repeat.
	case o.err == nil:
		switch o.status {
		case http.StatusInternalServerError:
			// An etcd election looks like this; so do an admission webhook that
			// is down, for which the caller knows better how to wait, and an
			// object that does not fit the schema.
			limit = 4
			if bytes.Contains(o.body, []byte("failed calling webhook")) || Unfit(string(o.body)) {
				return false
			}
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		default:
			return false
		}
		if !repeatable {
			return false
		}
	case errors.Is(o.err, syscall.ECONNREFUSED): // nothing was sent
		if !connected {
			limit = firstContactAttempts
		}
	case !Broken(o.err) || !repeatable:
		return false
	case !connected:
		limit = firstContactAttempts
	}
	return n < limit
}

// Broken says whether err is a connection that ended under a request. How it looks is
// chance: the end of the stream, or a reset when something was still to be read.
func Broken(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	// HTTP/2's errors live inside net/http and have no type to ask for.
	text := err.Error()
	for _, s := range []string{
		"http2: server sent GOAWAY", "http2: client connection lost", "http2: client connection force closed",
		"stream error:", "server closed idle connection", "connection reset by peer",
	} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// Wait returns how long to wait after attempt n: twice as long each time, up
// to half of it at random so that many clients do not return together, and
// not less than the server asked for.
func Wait(n int, retryAfter time.Duration) time.Duration {
	d := min(firstWait<<(n-1), maxWait)
	d = d/2 + rand.N(d/2)
	return max(d, min(retryAfter, maxRetryAfter))
}

// retryAfter reads the header in both of its forms; RFC 9110 section 10.2.3.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, 3600)) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(t.Sub(now), 0)
	}
	return 0
}

// repeatable says whether sending r twice does no harm: reads, deletions,
// server-side applies, dry runs, and requests that create no object.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete:
		return true
	case http.MethodPatch:
		return strings.HasPrefix(r.Header.Get("Content-Type"), "application/apply-patch")
	}
	return r.URL.Query().Get("dryRun") == "All" || strings.HasSuffix(r.URL.Path, "/token") ||
		strings.HasSuffix(r.URL.Path, AccessReviews) || strings.HasSuffix(r.URL.Path, SelfReviews)
}

// Unfit says whether message, which comes with status 500, is a server-side
// apply's complaint about an object that does not fit its schema.
func Unfit(message string) bool {
	return strings.Contains(message, "failed to create typed patch object") ||
		strings.Contains(message, "failed to convert new object")
}

// The reviews that any user may ask for: ClusterRole system:basic-user.
const (
	AccessReviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
	SelfReviews   = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
)
