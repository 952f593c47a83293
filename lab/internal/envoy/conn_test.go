package envoy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
)

// TestConnectionThatSaysNothingMoreEnds: a caller that keeps a connection for its next request does not keep it for ever.
func TestConnectionThatSaysNothingMoreEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller, conn := net.Pipe()
		defer caller.Close()
		go Serve(conn, http.NotFoundHandler())
		if _, err := fmt.Fprint(caller, "GET / HTTP/1.1\r\nHost: hello\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(caller)
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("after the answer comes %v", err)
		}
	})
}

func TestSaid(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"nobody listens":   {&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "Connection refused"},
		"nothing is there": {fmt.Errorf("nothing is at 10.0.0.9:1: %w", syscall.EHOSTUNREACH), "No route to host"},
		"time is up":       {fmt.Errorf("dial: %w", context.DeadlineExceeded), "Connection timed out"},
		"something else":   {fmt.Errorf("dial: %w", syscall.ECONNRESET), "dial: connection reset by peer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := said(tt.err); got != tt.want {
				t.Errorf("said = %q, want %q", got, tt.want)
			}
		})
	}
}
