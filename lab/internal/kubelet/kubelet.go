// Package kubelet answers what an API server asks of kubelets on behalf of users: port-forwards to the istiods that
// the lab runs and to the proxies that it plays, logs of istiods, and commands in the containers that it plays.
package kubelet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/pki"
	"github.com/setup-mesh/setup-mesh/lab/internal/tunnel"
)

// A Server is the kubelet of all nodes of one cluster.
type Server struct {
	find  func(namespace, pod string) (lab.Istiod, bool)
	table *tunnel.Table
	http  *http.Server

	player Player
}

// Serve answers on port of 127.0.0.1 until Close, to clients with a certificate of the CA in caPEM. find tells the
// istiods that can be asked for, and player has the other pods.
func Serve(port int, pair pki.Pair, caPEM []byte, table *tunnel.Table, find func(namespace, pod string) (lab.Istiod, bool), player Player) (*Server, error) {
	cert, err := tls.LoadX509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, fmt.Errorf("load the kubelet's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(caPEM)
	l, err := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	})
	if err != nil {
		return nil, fmt.Errorf("serve the kubelet: %w", err)
	}
	s := &Server{find: find, table: table, player: player}
	mux := http.NewServeMux()
	mux.HandleFunc("/portForward/{namespace}/{pod}", s.portForward)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", s.exec)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.logs)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.http.Serve(l) }() // ends with ErrServerClosed
	return s, nil
}

// Close stops answering.
func (s *Server) Close() error { return s.http.Close() }

// portForward serves what kubectl port-forward asks for. The time limits are a kubelet's.
func (s *Server) portForward(w http.ResponseWriter, r *http.Request) {
	namespace, pod := r.PathValue("namespace"), r.PathValue("pod")
	var to portforward.PortForwarder = played{s.player, namespace}
	if i, ok := s.find(namespace, pod); ok {
		to = forwarder{s.table, i.PodIP}
	}
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, to, pod, "", options, 4*time.Hour, 30*time.Second, portforward.SupportedProtocols)
}

// played are pods of one namespace that are no istiods.
type played struct {
	Player
	namespace string
}

// PortForward implements [portforward.PortForwarder].
func (p played) PortForward(_ context.Context, pod, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	return p.Forward(p.namespace, pod, port, stream)
}

type forwarder struct {
	table *tunnel.Table
	podIP string
}

// PortForward implements [portforward.PortForwarder].
func (f forwarder) PortForward(ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	addr := net.JoinHostPort(f.podIP, strconv.Itoa(int(port)))
	to, ok := f.table.Lookup(addr)
	if !ok {
		return fmt.Errorf("nothing listens on %s", addr)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
	if err != nil {
		return err
	}
	defer conn.Close()
	tunnel.Splice(stream, conn)
	return nil
}

// logs serves kubectl logs: the whole log or its last lines, and what follows when asked.
func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	i, ok := s.find(r.PathValue("namespace"), r.PathValue("pod"))
	if !ok {
		http.Error(w, "nothing runs for this pod: it is no istiod", http.StatusNotFound)
		return
	}
	f, err := os.Open(i.Log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err != nil {
		return // nothing was said yet
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, tail(string(text), r.FormValue("tailLines")))
	for r.FormValue("follow") == "true" {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
		if _, err := io.Copy(w, f); err != nil {
			return
		}
	}
}

// tail returns the last lines of text; all of them when count is no number.
func tail(text, count string) string {
	n, err := strconv.Atoi(count)
	if err != nil {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
