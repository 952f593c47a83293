package curl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// ErrUnknownHost is of a host that nobody knows.
var ErrUnknownHost = errors.New("could not resolve host")

// A Transport carries out one request, and says to which "IP:port" it went. The body of the answer is in memory.
type Transport func(*http.Request) (answer *http.Response, remote string, err error)

// A transfer is one request and what became of it.
type transfer struct {
	url    *url.URL
	answer *http.Response
	remote string
	size   int
	took   time.Duration
	code   int    // curl's exit code
	text   string // what curl says then
}

// Run carries out a command, and returns curl's exit code.
// https://curl.se/libcurl/c/libcurl-errors.html
func (c Command) Run(ctx context.Context, do Transport, out, errOut io.Writer) int {
	code := 0
	for _, u := range c.URLs {
		t := c.one(ctx, u, do, out)
		if t.code != 0 && (!c.Silent || c.ShowErr) {
			_, _ = fmt.Fprintf(errOut, "curl: (%d) %s\n", t.code, t.text) // who has gone does not read it
		}
		_, _ = io.WriteString(out, t.expand(c.WriteOut, errOut))
		code = t.code
	}
	return code
}

func (c Command) one(ctx context.Context, address string, do Transport, out io.Writer) *transfer {
	start := time.Now()
	t := &transfer{}
	if c.MaxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.MaxTime)
		defer cancel()
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	r, err := http.NewRequestWithContext(ctx, c.Method, address, http.NoBody)
	if err != nil || r.URL.Scheme != "http" || r.URL.Host == "" {
		t.code, t.text = 3, "URL rejected: only http://HOST[:PORT][/PATH] is played here"
		return t
	}
	r.Header = c.Header.Clone()
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		r.Header.Del("Host")
	}
	t.url = r.URL
	t.answer, t.remote, err = do(r)
	t.took = time.Since(start)
	if err != nil {
		t.answer = nil
		t.code, t.text = explain(err, r.URL, t.took)
		return t
	}
	defer t.answer.Body.Close()
	if c.Fail && t.answer.StatusCode >= http.StatusBadRequest {
		t.code, t.text = 22, fmt.Sprintf("The requested URL returned error: %d", t.answer.StatusCode)
		return t
	}
	body, err := io.ReadAll(t.answer.Body)
	if err != nil {
		t.code, t.text = explain(err, r.URL, t.took)
	}
	t.size = len(body)
	c.show(t, body, out)
	return t
}

func (c Command) show(t *transfer, body []byte, out io.Writer) {
	if c.Discard {
		return
	}
	if c.Include {
		_, _ = fmt.Fprintf(out, "%s %s\r\n", t.answer.Proto, t.answer.Status)
		_ = t.answer.Header.Write(out)
		_, _ = io.WriteString(out, "\r\n")
	}
	_, _ = out.Write(body)
}

// explain is curl's exit code and its words for an error of the network.
func explain(err error, u *url.URL, took time.Duration) (int, string) {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	switch {
	case errors.Is(err, ErrUnknownHost):
		return 6, "Could not resolve host: " + u.Hostname()
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return 28, fmt.Sprintf("Operation timed out after %d milliseconds with 0 bytes received", took.Milliseconds())
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH):
		return 7, fmt.Sprintf("Failed to connect to %s port %s after %d ms: Could not connect to server", u.Hostname(), port, took.Milliseconds())
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return 56, "Recv failure: Connection reset by peer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return 52, "Empty reply from server"
	}
	return 56, err.Error()
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

var variable = regexp.MustCompile(`%(%|\{[^}]*\}|header\{[^}]*\})`)

// expand is --write-out. https://everything.curl.dev/usingcurl/verbose/writeout.html
func (t *transfer) expand(format string, errOut io.Writer) string {
	format = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r").Replace(format)
	return variable.ReplaceAllStringFunc(format, func(v string) string {
		if v == "%%" {
			return "%"
		}
		if name, ok := strings.CutPrefix(v, "%header{"); ok {
			return t.header(strings.TrimSuffix(name, "}"))
		}
		name := v[2 : len(v)-1]
		value, ok := t.variables()[name]
		if !ok {
			_, _ = fmt.Fprintf(errOut, "curl: unknown --write-out variable: '%s'\n", name)
		}
		return value
	})
}

func (t *transfer) header(name string) string {
	if t.answer == nil {
		return ""
	}
	return t.answer.Header.Get(name)
}

func (t *transfer) variables() map[string]string {
	status := "000"
	if t.answer != nil {
		status = fmt.Sprintf("%03d", t.answer.StatusCode)
	}
	host, port, _ := net.SplitHostPort(t.remote) // empty when there was none
	return map[string]string{
		"http_code": status, "response_code": status, "size_download": fmt.Sprint(t.size), "time_total": fmt.Sprintf("%.6f", t.took.Seconds()),
		"remote_ip": host, "remote_port": port, "exitcode": fmt.Sprint(t.code), "errormsg": t.text, "content_type": t.header("Content-Type"),
		"url": fmt.Sprint(t.url), "url_effective": fmt.Sprint(t.url), "http_version": "1.1",
	}
}
