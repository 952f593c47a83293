package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// maxOutput bounds what is kept of the output of a command.
const maxOutput = 8 << 20

// An Output is what a command in a container printed, and its exit code. What is above
// 8 MiB of each stream is left out.
type Output struct {
	Stdout, Stderr []byte
	Code           int
}

// Exec runs a command in a container as kubectl exec does, without standard input. A
// command that fails is no error: its exit code says so. With an error comes what was
// printed until then.
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-connect-get-requests-to-exec-of-pod
func (c *Cluster) Exec(ctx context.Context, namespace, pod, container string, command ...string) (Output, error) {
	ref := object.Ref{Kind: "Pod", Namespace: namespace, Name: pod}
	op := fmt.Sprintf("run %s in container %s of", command[0], container)
	config := c.config
	if s := c.transport.Session; s != nil {
		var err error
		if config, _, err = s.Authorized(ctx); err != nil {
			return Output{}, c.failed(ctx, op, ref, err)
		}
	}
	u := c.rest.Get().AbsPath("api", "v1", "namespaces", namespace, "pods", pod, "exec").URL()
	u.RawQuery = url.Values{"container": {container}, "command": command, "stdout": {"true"}, "stderr": {"true"}}.Encode()
	c.transport.Requests.Add(1)
	var refused error
	run, err := executor(config, u, &refused)
	if err != nil {
		return Output{}, c.failed(ctx, op, ref, err)
	}
	var out, errOut limited
	err = run.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &errOut})
	exit, failed := errors.AsType[utilexec.CodeExitError](err)
	printed := Output{out.kept(), errOut.kept(), exit.Code}
	if err != nil && !failed {
		if status := answerIn(refused); status != nil {
			err = status
		}
		return printed, c.failed(ctx, op, ref, err)
	}
	return printed, nil
}

// executor speaks over a websocket or, where the API server is too old for it or a proxy
// is in the way, over SPDY. Then refused is set to why.
func executor(config *rest.Config, u *url.URL, refused *error) (remotecommand.Executor, error) {
	websocket, err := remotecommand.NewWebSocketExecutor(config, http.MethodGet, u.String())
	if err != nil {
		return nil, err
	}
	spdy, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, u)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		*refused = err
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// limited keeps the first of what is written, and takes the rest as well. The streams of
// a command that was ended may still write to it.
type limited struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

var _ io.Writer = (*limited)(nil)

func (l *limited) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if room := maxOutput - l.buf.Len(); room > 0 {
		l.buf.Write(b[:min(len(b), room)])
	}
	return len(b), nil
}

func (l *limited) kept() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.buf.Bytes())
}
