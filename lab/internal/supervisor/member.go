package supervisor

import (
	"context"
	"path/filepath"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
)

// A member is a cluster with the istiods that run for its pods.
type member struct {
	*cluster.Cluster
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
	return &member{Cluster: c}, err
}

func (m *member) start(ctx context.Context) error { return m.Start(ctx) }

func (m *member) state() lab.Cluster {
	spec := m.Spec()
	c := lab.Cluster{
		Index: spec.Index, Name: spec.Name, Context: spec.Context, Network: spec.Network, Server: m.Server(),
		Processes: m.PIDs(), Istiods: []lab.Istiod{},
	}
	switch spec.Gateway {
	case cluster.GatewayHostname:
		c.Gateway = spec.GatewayHostname()
	case cluster.GatewayIP:
		c.Gateway = spec.GatewayIP()
	}
	return c
}

func (m *member) close() { m.Close() }
