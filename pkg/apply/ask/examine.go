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
			x := examination{p: p, c: c, clients: clients, l: clients.Connect(c.Live), asks: asks}
			x.probe.Credentials, x.probe.LeadsTo = map[string]error{}, map[string]string{}
			x.run(ctx)
			mu.Lock()
			defer mu.Unlock()
			probes[c.Name] = x.probe
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	sample(ctx, e, clients, probes)
	return probes
}

// sample asks some of the proxies of each cluster. Which there are, the istiods have
// said: those of a remote cluster are connected to istiods of others.
func sample(ctx context.Context, e *check.Evidence, clients *world.Clients, probes map[string]check.Probe) {
	var views []observe.IstiodView
	for _, probe := range probes {
		views = append(views, probe.Istiods...)
	}
	var mu sync.Mutex
	var g errgroup.Group
	for _, c := range e.Plan.Clusters {
		if !e.Asks(component.StatusChecks(), c)[check.AskSample] {
			continue
		}
		g.Go(func() error {
			seen := observe.SampleProxies(ctx, clients.Connect(c.Live), c.Name, views)
			mu.Lock()
			defer mu.Unlock()
			probe := probes[c.Name]
			probe.Sample = seen
			probes[c.Name] = probe
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
}

// An examination asks one cluster all its questions at once.
type examination struct {
	p       *plan.Plan
	c       *plan.Cluster
	clients *world.Clients
	l       *world.Connected
	asks    map[check.Question]bool
	probe   check.Probe
	group   errgroup.Group
}

// ask answers a question, if it is to be asked.
func (x *examination) ask(q check.Question, f func()) {
	if x.asks[q] {
		x.group.Go(func() error { f(); return nil })
	}
}

func (x *examination) run(ctx context.Context) {
	c, l, probe := x.c, x.l, &x.probe
	x.ask(check.AskRoot, func() { probe.Root.Object, probe.Root.Err = l.Cluster.Get(ctx, object.RootConfigMapRef(c.Namespace)) })
	x.ask(check.AskInjection, func() {
		account := c.ProbeAccount()
		if l.Object(desired.AccountRef(c.Namespace, account)) == nil { // which is said by another check
			account = "default"
		}
		probe.Injection = observe.TryInjection(ctx, l, observe.ProbePod(c.Namespace, account))
	})
	x.ask(check.AskValidation, func() { probe.Validation = observe.TryValidation(ctx, l, desired.ProbeGateway(c.Namespace)) })
	more := observe.More{Gateways: x.asks[check.AskGateways], Proxies: x.asks[check.AskProxies], Tunnels: x.asks[check.AskTunnels]}
	istiods := x.asks[check.AskIstiods] || more != (observe.More{})
	x.asks[check.AskPods] = x.asks[check.AskPods] || istiods
	x.ask(check.AskPods, func() {
		if probe.Pods, probe.Err = observe.ReadPods(ctx, l); istiods {
			probe.Istiods = observe.AskIstiods(ctx, l, probe.Pods, more)
		}
	})
	if c.Gateway.Host == "" {
		x.ask(check.AskEvents, func() { probe.Event = observe.LastEvent(ctx, l, object.GatewayServiceRef(c.Namespace)) })
	}
	x.ask(check.AskReach, func() { probe.Knocks = knock(ctx, x.p, x.clients.Resolver, c) })
	x.ask(check.AskRoots, func() { probe.Roots = observe.ReadRoots(ctx, l) })
	x.ask(check.AskServices, func() { x.services(ctx) })
	x.credentials(ctx)
	_ = x.group.Wait() // the functions return nil
	probe.Skew = l.Cluster.Skew()
}

// services reads the Services of the cluster and, in an ambient mesh, what is said of them
// elsewhere.
func (x *examination) services(ctx context.Context) {
	probe := &x.probe
	var spaces observe.Labelled
	var scopes []observe.Scope
	if x.asks[check.AskScopes] {
		if spaces, probe.ScopesErr = observe.ReadNamespaces(ctx, x.l); probe.ScopesErr == nil {
			probe.Gateways, probe.ScopesErr = readGateways(ctx, x.l.Cluster)
			probe.Waypoints = observe.Waypoints(probe.Gateways)
		}
		var err error
		if scopes, err = check.Scopes(x.c); err != nil {
			probe.ScopesErr = err
		}
	}
	probe.Services, probe.ServicesErr = observe.ReadServices(ctx, x.l, spaces, scopes)
}

// credentials tries every stored remote secret.
func (x *examination) credentials(ctx context.Context) {
	var mu sync.Mutex
	for _, source := range x.c.Reads {
		o := x.c.Credential(source)
		if o == nil {
			continue
		}
		x.ask(check.AskCredentials, func() {
			uid, err := checkCredential(ctx, x.clients, x.p.Cluster(source), desired.SecretData(o)[source])
			mu.Lock()
			defer mu.Unlock()
			x.probe.Credentials[source], x.probe.LeadsTo[source] = err, uid
		})
	}
}

// checkCredential tries a stored kubeconfig of source. Where topology.yaml says
// how other clusters reach the API server, that need not be this machine's way.
func checkCredential(ctx context.Context, clients *world.Clients, source *plan.Cluster, kubeconfig []byte) (string, error) {
	if source != nil && source.Unreached == "" && source.Desired != nil && source.Desired.Server.Server != "" {
		return clients.Of(source.Live).CheckToken(ctx, kubeconfig)
	}
	return clients.Opener.CheckKubeconfig(ctx, kubeconfig)
}
