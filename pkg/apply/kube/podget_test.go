package kube

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	constants "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// forwarder is the port-forward subresource of an API server in front of one
// pod, which serves pod on port 8080. It speaks SPDY, and SPDY in a websocket
// unless old.
type forwarder struct {
	pod http.Handler
	old bool
}

func (f *forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/api/v1/namespaces/ns/pods/p/portforward" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"pods \"x\" not found","details":{"name":"x","kind":"pods"}}`)
		return
	}
	streams := make(chan httpstream.Stream, 2)
	accept := func(s httpstream.Stream, _ <-chan struct{}) error { streams <- s; return nil }
	var conn httpstream.Connection
	switch {
	case !websocket.IsWebSocketUpgrade(r):
		w.Header().Set(httpstream.HeaderProtocolVersion, portForwardProtocol)
		conn = spdy.NewResponseUpgrader().UpgradeResponse(w, r, accept)
	case f.old:
		http.Error(w, "no websockets here", http.StatusBadRequest)
	default:
		up := websocket.Upgrader{Subprotocols: []string{constants.WebsocketsSPDYTunnelingPrefix + portForwardProtocol}}
		if ws, err := up.Upgrade(w, r, nil); err == nil {
			conn, _ = spdy.NewServerConnection(portforward.NewTunnelingConnection("server", ws), accept)
		}
	}
	if conn == nil {
		return
	}
	defer conn.Close()
	for {
		select {
		case <-conn.CloseChan():
			return
		case failures := <-streams:
			data := <-streams
			go f.serve(failures, data)
		}
	}
}

func (f *forwarder) serve(failures, data httpstream.Stream) {
	defer data.Close()
	defer failures.Close()
	if data.Headers().Get("port") != "8080" {
		fmt.Fprintf(failures, "dial tcp4 127.0.0.1:%s: connection refused", data.Headers().Get("port"))
		return
	}
	req, err := http.ReadRequest(bufio.NewReader(data))
	if err != nil {
		return
	}
	rec := httptest.NewRecorder()
	f.pod.ServeHTTP(rec, req)
	rec.Result().Write(data)
}

func TestPodGet(t *testing.T) {
	big := strings.Repeat("x", maxPodBody)
	pod := http.NewServeMux()
	pod.HandleFunc("/debug/clusterz", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "[]"+r.URL.RawQuery) })
	pod.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, big) })
	pod.HandleFunc("/bigger", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, big+"x") })
	tests := map[string]struct {
		pod     string
		port    int
		path    string
		want    string
		class   object.Class
		message string
	}{
		"a document":       {pod: "p", port: 8080, path: "/debug/clusterz?a=b", want: "[]a=b"},
		"8 MiB":            {pod: "p", port: 8080, path: "/big", want: big},
		"more than 8 MiB":  {pod: "p", port: 8080, path: "/bigger", class: object.ServerFault, message: "the pod's answer is longer than 8 MiB"},
		"no such document": {pod: "p", port: 8080, path: "/no", class: object.ServerFault, message: "the pod answered 404 Not Found"},
		"a closed port":    {pod: "p", port: 81, path: "/", class: object.ServerFault, message: "dial tcp4 127.0.0.1:81: connection refused"},
		"no such pod":      {pod: "x", port: 8080, path: "/", class: object.NotFound, message: `pods "x" not found`},
	}
	for _, old := range []bool{false, true} {
		server := httptest.NewServer(&forwarder{pod, old})
		c, err := newCluster("east", &rest.Config{Host: server.URL}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for name, tt := range tests {
			t.Run(fmt.Sprintf("%s, websocket %v", name, !old), func(t *testing.T) {
				got, err := c.PodGet(t.Context(), "ns", tt.pod, tt.port, tt.path)
				if tt.class == "" {
					if err != nil || string(got) != tt.want {
						t.Fatalf("%d bytes, %v", len(got), err)
					}
					return
				}
				e, ok := errors.AsType[*object.Error](err)
				if !ok || e.Class != tt.class || e.Message != tt.message {
					t.Errorf("got %v", err)
				}
			})
		}
		server.Close()
	}
}

// A pod that never answers costs the caller its deadline, and nothing is left
// behind.
func TestPodGetLeavesNothingBehind(t *testing.T) {
	release := make(chan struct{})
	pod := http.NewServeMux()
	pod.HandleFunc("/hang", func(http.ResponseWriter, *http.Request) { <-release })
	pod.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {})
	server := httptest.NewServer(&forwarder{pod: pod})
	c, err := newCluster("east", &rest.Config{Host: server.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	for range 10 {
		if _, err := c.PodGet(t.Context(), "ns", "p", 8080, "/ok"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := c.PodGet(ctx, "ns", "p", 8080, "/hang")
		cancel()
		if object.ClassOf(err) != object.Timeout {
			t.Fatalf("got %v", err)
		}
	}
	close(release)
	server.Close()
	var after int
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); runtime.Gosched() {
		if after = runtime.NumGoroutine(); after <= before {
			return
		}
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", after, before, stacks[:runtime.Stack(stacks, true)])
}
