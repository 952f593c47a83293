package kube

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	constants "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/transport/websocket"
	"k8s.io/streaming/pkg/httpstream"
	streamspdy "k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	portForwardProtocol = portforward.PortForwardProtocolV1Name
	// maxPodBody bounds what a pod may answer.
	maxPodBody = 8 << 20
	// maxPodError bounds what is read of the reason why a port cannot be reached.
	maxPodError = 4 << 10
)

// PodGet asks a port of a pod for the document at path, over HTTP and the API
// server's port-forward; no local port is opened. Any answer but 200 is an
// error of class [object.ServerFault]. An answer above 8 MiB is an error.
func (c *Cluster) PodGet(ctx context.Context, namespace, pod string, port int, path string) ([]byte, error) {
	op := fmt.Sprintf("get %s from port %d of", plain.Clean(path), port)
	return overPort(ctx, c, op, namespace, pod, port, func(ctx context.Context, stream io.ReadWriter) ([]byte, error) {
		return getOver(ctx, stream, port, path)
	})
}

// overPort runs f over a connection to a port of a pod.
func overPort[T any](ctx context.Context, c *Cluster, op, namespace, pod string, port int, f func(context.Context, io.ReadWriter) (T, error)) (T, error) {
	var none T
	ref := object.Ref{Kind: "Pod", Namespace: namespace, Name: pod}
	config := c.config
	if s := c.transport.Session; s != nil {
		var err error
		if config, _, err = s.Authorized(ctx); err != nil {
			return none, c.failed(ctx, op, ref, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.transport.Timeout)
	defer cancel()
	type result struct {
		value T
		err   error
	}
	// An auth provider that hangs must not hold the caller: see transport.
	done := make(chan result, 1)
	go func() {
		value, err := forwarded(ctx, c, config, namespace, pod, port, f)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		if r.err == nil {
			return r.value, nil
		}
		if text, ok := errors.AsType[podError](r.err); ok && ctx.Err() == nil {
			return none, &object.Error{Class: object.ServerFault, Context: c.context, Op: op, Ref: ref, Message: plain.Clean(string(text))}
		}
		return none, c.failed(ctx, op, ref, r.err)
	case <-ctx.Done():
		return none, c.failed(ctx, op, ref, ctx.Err())
	}
}

// A podError is what a pod answered instead of a document, or why its port
// could not be reached.
type podError string

func (e podError) Error() string { return string(e) }

func forwarded[T any](ctx context.Context, c *Cluster, config *rest.Config, namespace, pod string, port int, f func(context.Context, io.ReadWriter) (T, error)) (T, error) {
	var none T
	conn, err := c.dialPod(ctx, config, namespace, pod)
	if err != nil {
		return none, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	// Every forwarded connection is a pair of streams, of which the first
	// carries only the reason of a failure.
	h := http.Header{}
	h.Set("port", strconv.Itoa(port))
	h.Set("requestID", "0")
	h.Set("streamType", "error")
	failures, err := conn.CreateStream(h)
	if err != nil {
		return none, err
	}
	failures.Close() // our direction of it
	h.Set("streamType", "data")
	data, err := conn.CreateStream(h)
	if err != nil {
		return none, err
	}
	reason := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(io.LimitReader(failures, maxPodError))
		reason <- string(text)
	}()

	value, err := f(ctx, data)
	if err == nil {
		return value, nil
	}
	if _, ok := errors.AsType[podError](err); !ok {
		// The stream ended: the reason is on its way, or there is none.
		select {
		case text := <-reason:
			if text != "" {
				return none, podError(text)
			}
		case <-time.After(time.Second):
		}
	}
	return none, err
}

// getOver runs one HTTP exchange over stream.
func getOver(ctx context.Context, stream io.ReadWriter, port int, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://localhost:%d/%s", port, strings.TrimPrefix(path, "/")), nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	if err := req.Write(stream); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(stream), req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, podError(fmt.Sprintf("the pod answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPodBody+1))
	if err == nil && len(body) > maxPodBody {
		return nil, podError(fmt.Sprintf("the pod's answer is longer than %d MiB", maxPodBody>>20))
	}
	return body, err
}

// dialPod opens a port-forward connection: SPDY in a websocket, or, where the
// API server is too old for it or a proxy is in the way, SPDY alone.
func (c *Cluster) dialPod(ctx context.Context, config *rest.Config, namespace, pod string) (httpstream.Connection, error) {
	u := c.rest.Post().AbsPath("api", "v1", "namespaces", namespace, "pods", pod, "portforward").URL()
	c.transport.Requests.Add(1)
	conn, err := dialPodWebsocket(ctx, config, u)
	refused := err
	if err == nil || !httpstream.IsUpgradeFailure(err) && !httpstream.IsHTTPSProxyError(err) {
		return conn, err
	}
	c.transport.Requests.Add(1)
	conn, err = dialPodSPDY(ctx, config, u)
	if status := answerIn(refused); err != nil && status != nil {
		return nil, status
	}
	return conn, err
}

// answerIn is the API server's own answer to what asked for a websocket, nil where there
// is none, or it only says that it knows no websockets. The error of SPDY, which is tried
// next, is a text without the answer's code.
func answerIn(refused error) *apierrors.StatusError {
	upgrade, ok := errors.AsType[*httpstream.UpgradeFailureError](refused)
	if !ok {
		return nil
	}
	status, ok := errors.AsType[*apierrors.StatusError](upgrade.Cause)
	if !ok || status.ErrStatus.Code == http.StatusBadRequest {
		return nil
	}
	return status
}

func dialPodSPDY(ctx context.Context, config *rest.Config, u *url.URL) (httpstream.Connection, error) {
	rt, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: rt, CheckRedirect: transport.NoRedirect}
	conn, _, err := spdy.NegotiateStreaming(upgrader, client, req, portForwardProtocol)
	return conn, err
}

func dialPodWebsocket(ctx context.Context, config *rest.Config, u *url.URL) (httpstream.Connection, error) {
	rt, holder, err := websocket.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	ws, err := websocket.Negotiate(rt, holder, req, constants.WebsocketsSPDYTunnelingPrefix+portForwardProtocol)
	if err != nil {
		return nil, err
	}
	tunnel := portforward.NewTunnelingConnection("client", ws)
	conn, err := streamspdy.NewClientConnection(tunnel)
	if err != nil {
		tunnel.Close()
		return nil, err
	}
	return conn, nil
}
