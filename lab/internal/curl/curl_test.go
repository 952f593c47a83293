package curl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	header := func(more ...string) http.Header {
		h := http.Header{"User-Agent": {"curl/8.14.1"}, "Accept": {"*/*"}}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	tests := map[string]struct {
		args    []string
		want    Command
		wantErr string
	}{
		"as a verification asks": {
			args: []string{"-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: other", "http://hello:5000/x"},
			want: Command{URLs: []string{"http://hello:5000/x"}, Method: "GET", Header: header("Host", "other"), MaxTime: 5 * time.Second,
				Discard: true, WriteOut: "%{http_code}", Silent: true, ShowErr: true},
		},
		"a value in the same argument": {
			args: []string{"-sSm0.5", "a"},
			want: Command{URLs: []string{"a"}, Method: "GET", Header: header(), MaxTime: 500 * time.Millisecond, Silent: true, ShowErr: true},
		},
		"long names": {
			args: []string{"--fail", "--max-time", "1", "--request", "HEAD", "--url", "a"},
			want: Command{URLs: []string{"a"}, Method: "HEAD", Header: header(), MaxTime: time.Second, Fail: true},
		},
		"several transfers":   {args: []string{"a?[8-10]", "b"}, want: Command{URLs: []string{"a?8", "a?9", "a?10", "b"}, Method: "GET", Header: header()}},
		"an unknown letter":   {args: []string{"-sZ", "a"}, wantErr: "option -sZ: is unknown"},
		"an unknown name":     {args: []string{"--frob", "a"}, wantErr: "option --frob: is unknown"},
		"a value is missing":  {args: []string{"a", "-m"}, wantErr: "option -m: requires parameter"},
		"a time that is none": {args: []string{"-m", "soon", "a"}, wantErr: "option --max-time: expected a proper numerical parameter"},
		"a file":              {args: []string{"-o", "/tmp/x", "a"}, wantErr: "option --output: there are no files here but /dev/null"},
		"nothing to be asked": {args: []string{"-s"}, wantErr: "no URL specified"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tt.args)
			if fmt.Sprint(err) != cmpOr(tt.wantErr) {
				t.Fatalf("error %v, want %q", err, tt.wantErr)
			}
			if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
				t.Errorf("command (-want +got):\n%s", diff)
			}
		})
	}
}

func cmpOr(text string) string {
	if text == "" {
		return "<nil>"
	}
	return text
}

func TestRun(t *testing.T) {
	says := func(code int, body string) Transport {
		return func(r *http.Request) (*http.Response, string, error) {
			return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Proto: "HTTP/1.1", Header: http.Header{"X-Who": {r.Host}},
				Body: io.NopCloser(strings.NewReader(body))}, "10.97.0.9:5000", nil
		}
	}
	fails := func(err error) Transport {
		return func(*http.Request) (*http.Response, string, error) { return nil, "", fmt.Errorf("dial: %w", err) }
	}
	tests := map[string]struct {
		args           []string
		do             Transport
		code           int
		stdout, stderr string
	}{
		"an answer and what is written out": {
			[]string{"-sS", "-w", `%{http_code} %{remote_ip}:%{remote_port} %{size_download} %header{x-who} 5%%\n`, "http://hello:5000/"},
			says(200, "hi\n"), 0, "hi\n200 10.97.0.9:5000 3 hello:5000 5%\n", "",
		},
		"the body is thrown away":      {[]string{"-o", "/dev/null", "-w", "%{http_code}", "hello"}, says(503, "no"), 0, "503", ""},
		"another host is asked for":    {[]string{"-o", "/dev/null", "-w", "%header{x-who}", "-H", "Host: other", "hello"}, says(200, ""), 0, "other", ""},
		"headers":                      {[]string{"-i", "hello"}, says(200, "hi"), 0, "HTTP/1.1 200\r\nX-Who: hello\r\n\r\nhi", ""},
		"an error of the server's":     {[]string{"-sSf", "hello"}, says(503, "no"), 22, "", "curl: (22) The requested URL returned error: 503\n"},
		"two answers":                  {[]string{"hello/[1-2]"}, says(200, "hi\n"), 0, "hi\nhi\n", ""},
		"silent about an error":        {[]string{"-s", "hello"}, fails(syscall.ECONNRESET), 56, "", ""},
		"no such host":                 {[]string{"hello:5000"}, fails(ErrUnknownHost), 6, "", "curl: (6) Could not resolve host: hello\n"},
		"a reset connection":           {[]string{"-w", "%{http_code}|%{exitcode}", "hello"}, fails(syscall.ECONNRESET), 56, "000|56", "curl: (56) Recv failure: Connection reset by peer\n"},
		"an end without an answer":     {[]string{"hello"}, fails(io.EOF), 52, "", "curl: (52) Empty reply from server\n"},
		"only http is played":          {[]string{"https://hello"}, fails(io.EOF), 3, "", "curl: (3) URL rejected: only http://HOST[:PORT][/PATH] is played here\n"},
		"a variable that there is not": {[]string{"-w", "%{frob}", "hello"}, says(200, ""), 0, "", "curl: unknown --write-out variable: 'frob'\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Parse(tt.args)
			if err != nil {
				t.Fatal(err)
			}
			var out, errOut bytes.Buffer
			code := c.Run(t.Context(), tt.do, &out, &errOut)
			if code != tt.code || out.String() != tt.stdout || errOut.String() != tt.stderr {
				t.Errorf("exit %d, %q, %q; want %d, %q, %q", code, out.String(), errOut.String(), tt.code, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestTimeIsUp(t *testing.T) {
	c, err := Parse([]string{"-sS", "-m", "0.01", "hello:5000"})
	if err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	waits := func(r *http.Request) (*http.Response, string, error) {
		<-r.Context().Done()
		return nil, "", context.Cause(r.Context())
	}
	if code := c.Run(t.Context(), waits, &out, &errOut); code != 28 || !strings.HasPrefix(errOut.String(), "curl: (28) Operation timed out after ") {
		t.Errorf("exit %d, %q", code, errOut.String())
	}
	refused := func(*http.Request) (*http.Response, string, error) { return nil, "", errors.Join(syscall.ECONNREFUSED) }
	errOut.Reset()
	if code := c.Run(t.Context(), refused, &out, &errOut); code != 7 || !strings.HasPrefix(errOut.String(), "curl: (7) Failed to connect to hello port 5000 after ") {
		t.Errorf("exit %d, %q", code, errOut.String())
	}
}
