package dataplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
	"github.com/setup-mesh/setup-mesh/lab/internal/curl"
	"github.com/setup-mesh/setup-mesh/lab/internal/envoy"
)

// notFound is a shell's exit code for a command that is not there.
const notFound = 127

// Exec runs a command in a container, and returns its exit code. Container client knows curl, and container istio-proxy
// "pilot-agent request GET clusters" and "stats/prometheus".
func (r *Runner) Exec(ctx context.Context, namespace, pod, container string, command []string, out, errOut io.Writer) (int, error) {
	i := r.find(namespace, pod)
	if i == nil {
		return 0, fmt.Errorf("pod %s/%s: nothing runs here", namespace, pod)
	}
	switch {
	case container == clientContainer && i.role.client && command[0] == "curl":
		return i.curl(ctx, command[1:], out, errOut), nil
	case container == agent.Container && i.proxy != nil && len(command) == 4 && slices.Equal(command[:3], []string{"pilot-agent", "request", "GET"}):
		return i.admin(command[3], out, errOut)
	}
	_, err := fmt.Fprintf(errOut, "%s: not found: the lab does not play this in container %s\n", strings.Join(command, " "), container)
	return notFound, err
}

// admin is what "pilot-agent request GET" prints.
func (i *instance) admin(path string, out, errOut io.Writer) (int, error) {
	text, ok := i.page(path)
	if !ok {
		_, err := fmt.Fprintf(errOut, "Error: unexpected response code 404: the lab does not play %s\n", path)
		return 1, err
	}
	_, err := io.WriteString(out, text)
	return 0, err
}

func (r *Runner) find(namespace, pod string) *instance {
	for _, i := range r.pods.All() {
		if i.pod.Namespace == namespace && i.pod.Name == pod {
			return i
		}
	}
	return nil
}

func (i *instance) curl(ctx context.Context, args []string, out, errOut io.Writer) int {
	c, err := curl.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(errOut, "curl: %v\n", err) // who has gone does not read it
		return 2
	}
	return c.Run(ctx, i.request, out, errOut)
}

// request is made as the pod's application would: through the proxy where there is one.
func (i *instance) request(r *http.Request) (*http.Response, string, error) {
	port := r.URL.Port()
	if port == "" {
		port = "80"
	}
	to, err := i.network.resolve(r.Context(), r.URL.Hostname(), port)
	if err != nil {
		return nil, "", err
	}
	if i.proxy != nil {
		answer, err := i.proxy.Do(r, to)
		return answer, to.String(), err
	}
	dial := func() (net.Conn, error) { return i.network.dial(r.Context(), to.String()) }
	if i.ambient.Load() {
		dial = func() (net.Conn, error) { return i.network.tunnel(r.Context(), to) }
	}
	conn, err := dial()
	if err != nil {
		return nil, to.String(), err
	}
	answer, err := envoy.Plain(r, conn)
	return answer, to.String(), err
}
