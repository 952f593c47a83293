package dataplane

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// adminPort is where Envoy's admin pages are, for its pod alone: a port-forward comes from within.
const adminPort = 15000

// page is what the admin endpoint of Envoy, or of ztunnel, says at a path; false for what the lab does not play.
func (i *instance) page(path string) (string, bool) {
	if i.node != nil {
		text, err := i.node.dump()
		return text, err == nil && path == "/config_dump"
	}
	switch strings.TrimPrefix(path, "/") {
	case "clusters":
		return i.proxy.Clusters(), true
	case "stats/prometheus":
		return i.proxy.Metrics(), true
	case "config_dump?resource=dynamic_active_secrets":
		return i.proxy.Secrets(), true
	}
	return "", false
}

// Forward answers one request to the admin port of a pod, as a port-forward brings it.
func (r *Runner) Forward(namespace, pod string, port int32, conn io.ReadWriter) error {
	i := r.find(namespace, pod)
	if i == nil {
		return fmt.Errorf("nothing runs for pod %s/%s", namespace, pod)
	}
	if i.proxy == nil && i.node == nil || port != adminPort {
		return fmt.Errorf("nothing listens on port %d of pod %s/%s", port, namespace, pod)
	}
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return fmt.Errorf("read a request to Envoy's admin port: %w", err)
	}
	text, code := "", http.StatusNotFound
	if request.Method == http.MethodGet {
		if page, ok := i.page(request.URL.RequestURI()); ok {
			text, code = page, http.StatusOK
		}
	}
	answer := http.Response{
		StatusCode: code, ProtoMajor: 1, ProtoMinor: 1, Request: request, Close: true,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)),
	}
	return answer.Write(conn)
}
