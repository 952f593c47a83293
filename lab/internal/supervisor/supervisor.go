// Package supervisor is the process that owns a lab: it starts the clusters, answers the lab's control requests, and
// ends everything when its owner ends or says so.
package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/dns"
	"github.com/setup-mesh/setup-mesh/lab/internal/ports"
	"github.com/setup-mesh/setup-mesh/lab/internal/proc"
)

// A supervisor runs one lab.
type supervisor struct {
	options lab.Options
	pool    *ports.Pool
	spawner *proc.Spawner
	dns     *dns.Server
	stop    context.CancelFunc // ends the lab
	runs    context.Context    // done when the lab is to end

	adding  sync.Mutex // one cluster is added at a time
	mu      sync.Mutex
	members []*member // in the order of their index

	routing sync.Mutex // while routes of members change
}

// Run reads the lab's options as a line of JSON from in, starts the lab, writes a [lab.Reply] line to out, and returns
// when the lab has ended: by a signal, a control request, or, unless the options say KeepAfterExit, the end of in.
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the lab's options: %w", err)
	}
	s := &supervisor{spawner: proc.NewSpawner()}
	if err := json.Unmarshal(line, &s.options); err != nil {
		return fmt.Errorf("read the lab's options: %w", err)
	}
	s.runs, s.stop = signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer s.stop()
	up := make(chan struct{})
	go s.watchOwner(r, up)
	defer s.close()
	err = s.start(s.runs)
	if err := reply(out, err); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	close(up)
	<-s.runs.Done()
	return nil
}

// watchOwner ends the lab with its owner's end of the pipe; a lab that is kept needs no owner once it is up.
func (s *supervisor) watchOwner(r io.Reader, up <-chan struct{}) {
	_, _ = io.Copy(io.Discard, r)
	if s.options.KeepAfterExit {
		select {
		case <-up:
			return
		default:
		}
	}
	s.stop()
}

func reply(out io.Writer, err error) error {
	var r lab.Reply
	if err != nil {
		r.Error = err.Error()
	}
	return json.NewEncoder(out).Encode(r)
}

func (s *supervisor) start(ctx context.Context) error {
	var err error
	if s.pool, err = ports.Open(ports.DefaultPath()); err != nil {
		return err
	}
	if err := s.serveDNS(); err != nil {
		return err
	}
	o := s.options
	g, ctx := errgroup.WithContext(ctx)
	for i := range o.Clusters {
		m, err := s.newMember(i+1, lab.NewCluster{Context: o.Contexts[i], Network: o.Networks[i], Gateway: o.Gateways[i]})
		if err != nil {
			return err
		}
		g.Go(func() error { return m.start(ctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := s.writeKubeconfigs(); err != nil {
		return err
	}
	return s.serveControl()
}

// newMember prepares a cluster and makes it one of the lab's, so that it ends with the lab.
func (s *supervisor) newMember(index int, n lab.NewCluster) (*member, error) {
	m, err := newMember(s, index, n)
	if m != nil {
		s.mu.Lock()
		s.members = append(s.members, m)
		s.mu.Unlock()
	}
	return m, err
}

func (s *supervisor) all() []*member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.members)
}

func (s *supervisor) member(context string) (*member, error) {
	for _, m := range s.all() {
		if m.Spec().Context == context {
			return m, nil
		}
	}
	return nil, fmt.Errorf("the lab has no cluster with context %q", context)
}

func (s *supervisor) state() lab.State {
	st := lab.State{PID: os.Getpid(), Dir: s.options.Dir, DNS: s.dns.Address(), Clusters: []lab.Cluster{}}
	for _, m := range s.all() {
		st.Clusters = append(st.Clusters, m.state())
	}
	return st
}

func (s *supervisor) close() {
	var wg sync.WaitGroup
	for _, m := range s.all() {
		wg.Go(m.close)
	}
	wg.Wait()
	if s.dns != nil {
		_ = s.dns.Close()
	}
	if s.pool != nil {
		_ = s.pool.Close()
	}
}

// add starts one more cluster.
func (s *supervisor) add(ctx context.Context, n lab.NewCluster) error {
	s.adding.Lock()
	defer s.adding.Unlock()
	index := len(s.all()) + 1
	for _, m := range s.all() {
		if name := m.Spec().Name; name == lab.Name(n.Context, index) {
			return fmt.Errorf("context %q: the lab has a cluster %s already", n.Context, name)
		}
	}
	if n.Gateway == "" {
		n.Gateway = lab.GatewayIP
	}
	if err := n.Gateway.Check(); err != nil {
		return err
	}
	m, err := s.newMember(index, n)
	if err == nil {
		err = m.start(ctx)
	}
	if err != nil {
		s.drop(m)
		return err
	}
	s.route()
	return s.writeKubeconfigs()
}

func (s *supervisor) drop(m *member) {
	if m == nil {
		return
	}
	m.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members = slices.DeleteFunc(s.members, func(o *member) bool { return o == m })
}
