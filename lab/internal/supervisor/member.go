package supervisor

import (
	"context"
	"maps"
	"path/filepath"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
	"github.com/setup-mesh/setup-mesh/lab/internal/istiod"
	"github.com/setup-mesh/setup-mesh/lab/internal/kubelet"
)

// A member is a cluster with the istiods that run for its pods.
type member struct {
	*cluster.Cluster
	istiods *istiod.Runner
	kubelet *kubelet.Server
	stop    context.CancelFunc
	done    chan struct{} // closed when no istiod runs any more
}

// newMember prepares a cluster. The member is to be closed even when an error comes with it.
func newMember(s *supervisor, index int, n lab.NewCluster) (*member, error) {
	name := lab.Name(n.Context, index)
	c, err := cluster.New(cluster.Spec{
		Index: index, Name: name, Context: n.Context, Network: n.Network, Gateway: n.Gateway,
		Istiods: !s.options.NoIstiods, Dir: filepath.Join(s.options.Dir, name), Bin: s.options.Parts,
	}, s.spawner, s.pool)
	if c == nil {
		return nil, err
	}
	m := &member{Cluster: c, done: make(chan struct{})}
	var runs context.Context
	runs, m.stop = context.WithCancel(s.runs)
	m.istiods = istiod.NewRunner(runs, c, s.spawner, s.pool, s.routeGateways)
	if err != nil || s.options.NoIstiods {
		close(m.done)
	} else {
		go func() { defer close(m.done); m.istiods.Run() }()
	}
	return m, err
}

// start returns when the cluster is ready.
func (m *member) start(ctx context.Context) error {
	port, pair := m.Kubelet()
	var err error
	if m.kubelet, err = kubelet.Serve(port, pair, m.CA(), &m.Table, m.istiods.Find); err != nil {
		return err
	}
	return m.Start(ctx)
}

func (m *member) state() lab.Cluster {
	spec := m.Spec()
	c := lab.Cluster{
		Index: spec.Index, Name: spec.Name, Context: spec.Context, Network: spec.Network, Server: m.Server(),
		Processes: m.PIDs(), Istiods: m.istiods.State(),
	}
	switch spec.Gateway {
	case cluster.GatewayHostname:
		c.Gateway = spec.GatewayHostname()
	case cluster.GatewayIP:
		c.Gateway = spec.GatewayIP()
	}
	return c
}

// close ends the cluster first: what its istiods would still write is of no use.
func (m *member) close() {
	m.stop()
	m.Close()
	<-m.done
	if m.kubelet != nil {
		_ = m.kubelet.Close()
	}
}

// routeGateways makes every cluster reach every other's istiod through that one's east-west gateway.
func (s *supervisor) routeGateways() {
	s.routing.Lock()
	defer s.routing.Unlock()
	next := map[string]string{}
	members := s.all()
	for _, m := range members {
		maps.Copy(next, m.istiods.GatewayRoutes())
	}
	for _, m := range members {
		m.Table.Remove(s.gateways)
		m.Table.Set(next)
	}
	s.gateways = next
}
