package dataplane

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
	"github.com/setup-mesh/setup-mesh/lab/internal/envoy"
)

// An instance is what is played for one pod.
type instance struct {
	runner  *Runner
	pod     *corev1.Pod
	role    role
	network network
	proxy   *envoy.Proxy  // nil for a pod without
	node    *node         // nil for any other pod
	listens chan struct{} // something is to be listened on, or no longer
	ambient atomic.Bool   // the pod is in the mesh through the proxy of its node

	mu      sync.Mutex
	sockets map[uint16]*socket // by the pod's port
}

// A socket is a loopback port that stands for a port of a pod.
type socket struct {
	net.Listener
	port int
}

func newInstance(r *Runner, pod *corev1.Pod, role role) *instance {
	i := &instance{
		runner: r, pod: pod, role: role, network: network{r.cluster, pod.Namespace},
		listens: make(chan struct{}, 1), sockets: map[uint16]*socket{},
	}
	switch role.proxy {
	case "ztunnel":
		i.node = &node{}
	case "sidecar", "router", "waypoint":
		i.proxy = envoy.New(i.network.dial, i.app, func() {
			select {
			case i.listens <- struct{}{}:
			default: // it has been said
			}
		})
	}
	return i
}

// app is what listens on a port of the pod.
func (i *instance) app(port uint16) http.Handler {
	if i.role.version == "" || port != i.role.port {
		return nil
	}
	return helloworld(i.role.version, i.pod.Name)
}

// run plays the pod until ctx is done, and returns when nothing of it is left.
func (i *instance) run(ctx context.Context) {
	var all sync.WaitGroup
	if i.node != nil {
		a := &agent.Agent{Pod: i.pod, Client: i.runner.cluster.Client(), Dial: i.network.dial}
		all.Go(func() { a.RunZtunnel(ctx, i.node.identify, i.note) })
	}
	if i.proxy != nil {
		i.runner.changed() // [Runner.Plays] says so from now on, though the proxy may never be told to listen
		a := &agent.Agent{Pod: i.pod, Client: i.runner.cluster.Client(), Dial: i.network.dial, Proxy: i.proxy}
		all.Go(func() { a.Run(ctx, i.note) })
	}
	if i.proxy == nil && i.node == nil {
		i.ambient.Store(i.enroll(ctx))
	}
	i.listen(ctx, &all)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-i.listens:
			i.listen(ctx, &all)
		}
	}
	i.closeAll()
	all.Wait()
}

// ports are those of the pod that something is to listen on.
func (i *instance) ports() map[uint16]bool {
	switch {
	case i.role.proxy == "router":
		return i.proxy.Ports()
	case i.role.tunnel:
		return map[uint16]bool{hbonePort: true}
	case i.role.version != "":
		return map[uint16]bool{i.role.port: true}
	}
	return nil
}

// listen makes the sockets those that are to be.
func (i *instance) listen(ctx context.Context, all *sync.WaitGroup) {
	want := i.ports()
	differs := false
	i.mu.Lock()
	for port := range want {
		if i.sockets[port] != nil {
			continue
		}
		s, err := i.open()
		if err != nil {
			i.note(err)
			continue
		}
		i.sockets[port], differs = s, true
		all.Go(func() { i.accept(ctx, s, port) })
	}
	for port, s := range i.sockets {
		if !want[port] {
			i.close(s)
			delete(i.sockets, port)
			differs = true
		}
	}
	i.mu.Unlock()
	if differs {
		i.runner.changed()
	}
}

func (i *instance) open() (*socket, error) {
	p, err := i.runner.pool.Take(1)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p[0]))
	if err != nil {
		i.runner.pool.Release(p...)
		return nil, fmt.Errorf("listen for pod %s/%s: %w", i.pod.Namespace, i.pod.Name, err)
	}
	return &socket{l, p[0]}, nil
}

func (i *instance) close(s *socket) {
	_ = s.Close()
	i.runner.pool.Release(s.port)
}

func (i *instance) closeAll() {
	i.mu.Lock()
	for port, s := range i.sockets {
		i.close(s)
		delete(i.sockets, port)
	}
	i.mu.Unlock()
	i.runner.changed()
}

// accept serves connections to a port of the pod until its socket is closed, and returns when all are over.
func (i *instance) accept(ctx context.Context, s *socket, port uint16) {
	var conns sync.WaitGroup
	defer conns.Wait()
	to := netip.AddrPortFrom(netip.MustParseAddr(i.pod.Status.PodIP), port)
	for {
		conn, err := s.Accept()
		if err != nil {
			return // closed
		}
		conns.Go(func() {
			switch {
			case i.role.tunnel:
				i.passOn(ctx, conn)
				return
			case i.proxy != nil:
				i.proxy.Serve(ctx, conn, to)
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			envoy.Serve(conn, i.app(port))
		})
	}
}

func (i *instance) routes() map[string]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := map[string]string{}
	for port, s := range i.sockets {
		out[netip.AddrPortFrom(netip.MustParseAddr(i.pod.Status.PodIP), port).String()] = s.Addr().String()
	}
	return out
}

// note adds a line to the pod's log.
func (i *instance) note(err error) {
	dir := filepath.Join(i.runner.cluster.Spec().Dir, "dataplane", i.pod.Namespace+"_"+i.pod.Name)
	if os.MkdirAll(dir, 0o700) != nil {
		return
	}
	if f, openErr := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); openErr == nil {
		defer f.Close()
		fmt.Fprintf(f, "lab: %v\n", err)
	}
}
