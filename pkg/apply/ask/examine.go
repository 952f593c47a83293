package ask

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// Examine asks the reached clusters of p what a status judges by. It tries every
// stored remote secret against its API server, too: an istiod calls a cluster
// synced for minutes after its token was revoked.
func Examine(ctx context.Context, p *plan.Plan, clients *world.Clients) map[string]check.Probe {
	e := check.NewEvidence(p, nil, nil)
	probes := map[string]check.Probe{}
	var mu sync.Mutex
	var g errgroup.Group
	for _, c := range p.Clusters {
		asks := e.Asks(component.StatusChecks(), c)
		if len(asks) == 0 {
			continue
		}
		g.Go(func() error {
			probe := examine(ctx, p, clients, c, asks)
			mu.Lock()
			defer mu.Unlock()
			probes[c.Name] = probe
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	return probes
}

func examine(ctx context.Context, p *plan.Plan, clients *world.Clients, c *plan.Cluster, asks map[check.Question]bool) check.Probe {
	l := clients.Connect(c.Live)
	probe := check.Probe{Credentials: map[string]error{}}
	var mu sync.Mutex
	var g errgroup.Group
	ask := func(q check.Question, f func()) {
		if asks[q] {
			g.Go(func() error { f(); return nil })
		}
	}
	ask(check.AskRoot, func() { probe.Root.Object, probe.Root.Err = l.Cluster.Get(ctx, object.RootConfigMapRef(c.Namespace)) })
	ask(check.AskInjection, func() {
		probe.Injection = observe.TryInjection(ctx, l, observe.ProbePod(c.Namespace, c.ProbeAccount()))
	})
	ask(check.AskIstiods, func() { probe.Istiods, probe.Err = observe.ReadIstiods(ctx, l) })
	for _, source := range c.Reads {
		o := c.Credential(source)
		if o == nil {
			continue
		}
		ask(check.AskCredentials, func() {
			err := checkCredential(ctx, clients, p.Cluster(source), desired.SecretData(o)[source])
			mu.Lock()
			defer mu.Unlock()
			probe.Credentials[source] = err
		})
	}
	_ = g.Wait() // the functions return nil
	return probe
}

// checkCredential tries a stored kubeconfig of source. Where topology.yaml says
// how other clusters reach the API server, that need not be this machine's way.
func checkCredential(ctx context.Context, clients *world.Clients, source *plan.Cluster, kubeconfig []byte) error {
	if source != nil && source.Unreached == "" && source.Desired != nil && source.Desired.Server.Server != "" {
		return clients.Of(source.Live).CheckToken(ctx, kubeconfig)
	}
	return clients.Opener.CheckKubeconfig(ctx, kubeconfig)
}
