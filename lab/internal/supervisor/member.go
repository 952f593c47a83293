package supervisor

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/balancer"
	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
	"github.com/setup-mesh/setup-mesh/lab/internal/dataplane"
	"github.com/setup-mesh/setup-mesh/lab/internal/istiod"
	"github.com/setup-mesh/setup-mesh/lab/internal/kubelet"
)

// A member is a cluster with the istiods that run for its pods, the pods that are played, and what a cloud would have
// beside it.
type member struct {
	*cluster.Cluster
	istiods  *istiod.Runner
	pods     *dataplane.Runner
	balancer *balancer.Balancer
	kubelet  *kubelet.Server
	stop     context.CancelFunc
	routes   map[string]string // in its table, to gateways of all clusters and to pods
	runs     sync.WaitGroup    // while something does until stop
}

// newMember prepares a cluster. The member is to be closed even when an error comes with it.
func newMember(s *supervisor, index int, n lab.NewCluster) (*member, error) {
	name := lab.Name(n.Context, index)
	c, err := cluster.New(cluster.Spec{
		Index: index, Name: name, Context: n.Context, Network: n.Network, Istiods: !s.options.NoIstiods,
		Dir: filepath.Join(s.options.Dir, name), Bin: s.options.Parts, DNS: s.dns.Address(),
		NoAggregatorRouting: slices.Contains(s.options.NoAggregatorRouting, n.Context),
		ShortTokens:         slices.Contains(s.options.ShortTokens, n.Context),
	}, s.spawner, s.pool)
	if c == nil {
		return nil, err
	}
	m := &member{Cluster: c}
	var runs context.Context
	runs, m.stop = context.WithCancel(s.runs)
	m.istiods = istiod.NewRunner(runs, c, s.spawner, s.pool, s.route)
	m.pods = dataplane.NewRunner(runs, c, s.pool, s.route)
	m.balancer = balancer.New(c, n.Gateway, s.route)
	if err != nil {
		return m, err
	}
	m.runs.Go(func() { m.balancer.Run(runs) })
	if !s.options.NoIstiods {
		m.runs.Go(m.istiods.Run)
		m.runs.Go(m.pods.Run)
	}
	return m, nil
}

// start returns when the cluster is ready.
func (m *member) start(ctx context.Context) error {
	port, pair := m.Kubelet()
	var err error
	if m.kubelet, err = kubelet.Serve(port, pair, m.CA(), &m.Table, m.istiods.Find, m.pods); err != nil {
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
	var addresses []string
	for _, i := range spec.Ingress(m.balancer.Kind()) {
		addresses = append(addresses, i.IP+i.Hostname) // it has one of them
	}
	c.Gateway = strings.Join(addresses, ",")
	return c
}

// close ends the cluster first: what its istiods would still write is of no use.
func (m *member) close() {
	m.stop()
	m.Close()
	m.runs.Wait()
	if m.kubelet != nil {
		_ = m.kubelet.Close()
	}
}
