package view

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// remoteOf makes c a cluster that others serve.
func remoteOf(c *plan.Cluster, primaries ...string) *plan.Cluster {
	c.Role, c.Primaries, c.Reads, c.Profile = record.RoleRemote, primaries, nil, "remote"
	c.RootFingerprint, c.NotAfter = "", time.Time{}
	return c
}

// was is what a cluster was before: of another network, role, or primaries.
func was(c *plan.Cluster, network, role string, primaries ...string) *plan.Cluster {
	m := c.Member
	m.Network, m.Role, m.Primaries = network, role, primaries
	c.Was = &m
	return c
}

func endpoints(action plan.Action, primary string) plan.Change {
	ch := about(order.Subject{Component: order.Primaries, Part: order.Endpoints, Peer: primary}, action, "EndpointSlice", "istiod-"+primary)
	ch.Object.Group = "discovery.k8s.io"
	return ch
}

// served is what a first install does in a remote cluster that readers read.
func served(primaries []string, readers ...string) []plan.Change {
	all := []plan.Change{
		namespace(plan.Create),
		planned(order.ControlPlane, plan.Create, "ClusterRole", "istio-reader"),
		planned(order.ControlPlane, plan.Create, "MutatingWebhookConfiguration", "istio-sidecar-injector"),
		planned(order.Primaries, plan.Create, "Service", "istiod"),
	}
	for _, p := range primaries {
		all = append(all, endpoints(plan.Create, p))
	}
	all = append(all, planned(order.RemoteAccess, plan.Create, "ServiceAccount", "istio-reader-service-account"))
	for _, r := range readers {
		all = append(all, grant(plan.Create, r))
	}
	return append(all, planned(order.Bookkeeping, plan.Create, "ConfigMap", "setup-mesh"))
}

func gateway() plan.Change {
	return planned(order.Gateway, plan.Create, "Service", "istio-eastwestgateway")
}

// leads are the objects by which a gateway leads remote clusters to istiod.
func leads() []plan.Change {
	return []plan.Change{
		planned(order.Gateway, plan.Create, "Gateway", "istiod-gateway"),
		planned(order.Gateway, plan.Create, "VirtualService", "istiod-vs"),
	}
}

func exposed() plan.Change {
	return planned(order.Gateway, plan.Create, "Gateway", "cross-network-gateway")
}

// serving makes c, a first install, a primary of others, which it reads.
func serving(c *plan.Cluster, remotes ...string) *plan.Cluster {
	c = asNew(c)
	c.Reads = remotes
	c.Changes = append(c.Changes, leads()...)
	for _, r := range remotes {
		c.Changes = append(c.Changes, credential(plan.Create, r))
	}
	return c
}

// twoControlPlanes serve remote clusters of their own on their own networks, and
// one together.
func twoControlPlanes() *plan.Plan {
	first := func(name, network string, others ...string) *plan.Cluster {
		return asNew(clusterPlan(name, network, append(everything(plan.Create, others...), exposed())...))
	}
	far := func(c *plan.Cluster) *plan.Cluster {
		c.Changes = append(c.Changes, gateway())
		return c
	}
	east, north := first("east-1", "network-east", "north-1"), first("north-1", "network-north", "east-1")
	p := meshPlan(
		serving(east, "west-1", "west-2", "shared"),
		far(asNew(remoteOf(clusterPlan("west-1", "network-west", served([]string{"east-1"}, "east-1", "north-1")...), "east-1"))),
		far(asNew(remoteOf(clusterPlan("west-2", "network-west", served([]string{"east-1"}, "east-1", "north-1")...), "east-1"))),
		serving(north, "north-2", "shared"),
		far(asNew(remoteOf(clusterPlan("north-2", "network-north", served([]string{"north-1"}, "east-1", "north-1")...), "north-1"))),
		far(asNew(remoteOf(clusterPlan("shared", "network-shared", served([]string{"east-1", "north-1"}, "east-1", "north-1")...), "east-1", "north-1"))),
	)
	everybody := []string{"east-1", "west-1", "west-2", "north-1", "north-2", "shared"}
	p.Clusters[0].Reads, p.Clusters[3].Reads = append(everybody[1:3:3], everybody[3:]...), append(everybody[:3:3], everybody[4:]...)
	return p
}

// oneControlPlane serves two clusters on its own network. Its gateway is for
// them alone.
func oneControlPlane() *plan.Plan {
	remote := func(name string) *plan.Cluster {
		return asNew(remoteOf(clusterPlan(name, "vpn", served([]string{"main"}, "main")...), "main"))
	}
	return meshPlan(serving(clusterPlan("main", "vpn", everything(plan.Create)...), "left", "right"), remote("left"), remote("right"))
}

// primaryDown is the plan of both control planes while that of east-1 is not
// reached.
func primaryDown() *plan.Plan {
	p := twoControlPlanes()
	const down = "east-1 is not reached"
	p.Clusters[0] = asUnreached(clusterPlan("east-1", "network-east"), timeout, "")
	for i, c := range p.Clusters {
		alone := len(c.Primaries) == 1 && c.Primaries[0] == "east-1"
		for j, ch := range c.Changes {
			needed := alone && (ch.Object.Kind == "MutatingWebhookConfiguration" || ch.Component == order.Gateway)
			if needed || ch.Object == endpoints(plan.Create, "east-1").Object || ch.Object.Name == "istio-remote-secret-east-1" {
				p.Clusters[i].Changes[j].Blocked = down
			}
		}
	}
	return p
}

// otherAddresses is what there is to do when gateways have moved.
func otherAddresses() *plan.Plan {
	p := meshPlan(
		clusterPlan("east-1", "network-east"),
		remoteOf(clusterPlan("west-1", "network-west",
			because(endpoints(plan.Update, "east-1"), "gateway of east-1: 203.0.113.1 -> 203.0.113.9")), "east-1"),
		remoteOf(clusterPlan("west-2", "network-west", endpoints(plan.Create, "east-1"), endpoints(plan.Delete, "north-1"),
			changed(endpoints(plan.Update, "east-2"), "kubectl-edit", compare.Field{Path: "metadata.labels", Old: nil, New: "x"})), "east-1", "east-2"),
		remoteOf(clusterPlan("west-3", "network-west",
			changed(planned(order.Primaries, plan.Update, "Service", "istiod"), "kubectl-edit", compare.Field{Path: "spec.type", Old: "NodePort", New: "ClusterIP"}),
			grant(plan.Update, "east-1"), grant(plan.Delete, "north-1")), "east-1"),
		remoteOf(clusterPlan("west-4", "network-west", planned(order.RemoteAccess, plan.Create, "ServiceAccount", "reader")), "east-1"),
		clusterPlan("north-1", "network-north", append(leads(), grant(plan.Create, "east-1"))...),
		remoteOf(clusterPlan("north-2", "network-north"), "north-1"),
	)
	p.Clusters[0].Gateway = world.GatewayAddress{Host: "203.0.113.9", Port: 15443, More: 1}
	return p
}

// otherRoles is a mesh in which a control plane is given up and another one is
// made.
func otherRoles() *plan.Plan {
	west := remoteOf(was(clusterPlan("west-1", "network-west",
		planned(order.Certificate, plan.Delete, "Secret", "cacerts"),
		changed(planned(order.ControlPlane, plan.Update, "MutatingWebhookConfiguration", "istio-sidecar-injector"), "", compare.Field{Path: "webhooks", Old: []any{1}, New: []any{2}}),
		planned(order.ControlPlane, plan.Delete, "Deployment", "istiod"),
		changed(planned(order.Primaries, plan.Update, "Service", "istiod"), "", compare.Field{Path: "spec.selector", Old: map[string]any{"app": "istiod"}}),
		endpoints(plan.Create, "east-1"),
		planned(order.Gateway, plan.Delete, "Gateway", "cross-network-gateway"),
		credential(plan.Delete, "east-1"),
		credential(plan.Delete, "north-1"),
	), "network-west", record.RolePrimary), "east-1")
	west.Manifest = []compare.Field{
		{Path: "spec.components.pilot", Old: map[string]any{"enabled": true}},
		{Path: "spec.profile", Old: "default", New: "remote"},
	}
	north := was(clusterPlan("north-1", "network-north",
		planned(order.Certificate, plan.Create, "Secret", "cacerts"),
		planned(order.ControlPlane, plan.Create, "Deployment", "istiod"),
		endpoints(plan.Delete, "east-1"), exposed(),
		credential(plan.Create, "east-1")), "network-old", record.RoleRemote, "east-1")
	north.Reads = []string{"east-1"}
	north.Manifest = []compare.Field{{Path: "spec.profile", Old: "remote", New: "default"}, {Path: "spec.values.pilot.traceSampling", New: 10.0, Source: "base.yaml:9:7"}}
	south := was(remoteOf(clusterPlan("south-1", "network-west", endpoints(plan.Create, "east-1"), endpoints(plan.Delete, "east-2")), "east-1"), "network-west", record.RoleRemote, "east-2")
	east := clusterPlan("east-1", "network-east",
		because(credential(plan.Update, "west-1"), "this cluster is now a primary of west-1"))
	east.Gateway = world.GatewayAddress{Host: "a1b2.elb.example.com", Port: 15443}
	return meshPlan(east,
		clusterPlan("east-2", "network-east",
			planned(order.Gateway, plan.Delete, "Gateway", "istiod-gateway"), planned(order.Gateway, plan.Delete, "VirtualService", "istiod-vs"),
			credential(plan.Delete, "south-1")),
		west, north, south,
		asLeaving(remoteOf(clusterPlan("old", "network-west",
			planned(order.ControlPlane, plan.Delete, "MutatingWebhookConfiguration", "istio-sidecar-injector"), endpoints(plan.Delete, "east-1")), "east-1")))
}

func TestViewPlanOfRemoteClusters(t *testing.T) {
	tests := map[string]struct {
		plan    *plan.Plan
		objects bool
	}{
		"plan-remote-first-install":   {plan: twoControlPlanes()},
		"plan-remote-one-network":     {plan: oneControlPlane()},
		"plan-remote-primary-down":    {plan: primaryDown()},
		"plan-remote-other-addresses": {plan: otherAddresses()},
		"plan-roles-change":           {plan: otherRoles()},
		"plan-roles-change-objects":   {plan: otherRoles(), objects: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { golden(t, name, planText(tt.plan, false, tt.objects)) })
	}
}

// TestRemotesOfTwoPrimariesAreNotAlike: what is done in two clusters may read
// the same and not be, where others serve them.
func TestRemotesOfTwoPrimariesAreNotAlike(t *testing.T) {
	edit := func(name string) *plan.Cluster {
		c := clusterPlan(name, "n", planned(order.ControlPlane, plan.Update, "ClusterRole", "istio-reader"))
		c.Manifest = []compare.Field{{Path: "spec.hub", Old: "a", New: "b"}}
		return c
	}
	got := planText(meshPlan(edit("p"), edit("q"), remoteOf(edit("r"), "p"), remoteOf(edit("s"), "p"), remoteOf(edit("t"), "q"),
		was(remoteOf(edit("u"), "q"), "n", record.RoleRemote, "p")), false, false)
	var folded []string
	for line := range strings.Lines(got) {
		if before, as, ok := strings.Cut(strings.TrimSpace(line), ", as "); ok {
			folded = append(folded, before[:1]+" as "+as)
		}
	}
	if want := "[q as p s as r]"; fmt.Sprint(folded) != want {
		t.Errorf("%v, want %s, in\n%s", folded, want, got)
	}
}

func TestViewReportOfRemoteClusters(t *testing.T) {
	install := func() (*plan.Plan, *execute.Report) {
		p := twoControlPlanes()
		return p, reportOf(p)
	}
	p1, good := install()
	p2, failed := install()
	failed.Clusters[1].Failures = []execute.Failure{{
		Step: claim(order.Injected), Message: `injection by east-1: create Pod istio-system/setup-mesh-injection-probe in "context-west-1": failed calling webhook: context deadline exceeded: --timeout has passed`,
	}}
	ended(failed, "west-1", claim(order.Injected), execute.Failed)
	failed.Clusters[1].Created, failed.Clusters[1].Missing = 8, 1
	p3, interrupted := install()
	interrupted.Interrupted = errors.New("interrupted")
	cutOff(interrupted, func(s execute.StepReport) bool {
		return proves(s) && s.Cluster != "west-1" || s.Cluster == "shared" && s.Kind == plan.Put && s.Part != order.Config
	})
	interrupted.Clusters[5].Created, interrupted.Clusters[5].Missing = 4, 8
	down := primaryDown()
	flat := oneControlPlane()
	nothing := meshPlan(clusterPlan("east-1", "n"), remoteOf(clusterPlan("west-1", "n"), "east-1"))
	nothing.Clusters[0].Reads = []string{"west-1"}
	teardown := meshPlan(asLeaving(clusterPlan("east-1", "n", everything(plan.Delete)...)), asLeaving(remoteOf(clusterPlan("west-1", "n", endpoints(plan.Delete, "east-1")), "east-1")))
	teardown.Teardown = true
	tests := map[string]struct {
		plan   *plan.Plan
		report *execute.Report
	}{
		"report-remote-first-install": {p1, good},
		"report-remote-one-network":   {flat, reportOf(flat)},
		"report-remote-not-injected":  {p2, failed},
		"report-remote-interrupted":   {p3, interrupted},
		"report-remote-primary-down":  {down, reportOf(down)},
		"report-remote-nothing-to-do": {nothing, reportOf(nothing)},
		"report-remote-teardown":      {teardown, reportOf(teardown)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			v := reportView{out: &b, msg: &b, plan: tt.plan, report: tt.report}
			v.print()
			golden(t, name, b.String())
		})
	}
}

func remoteStatus(name, network, state string, primaries ...string) status.Cluster {
	c := clusterStatus(name, network)
	c.Role, c.Primaries, c.Served, c.Trust = record.RoleRemote, primaries, state, status.Trust{Root: "5F:3A:9C", State: "ok"}
	return c
}

func TestViewStatusOfRemoteClusters(t *testing.T) {
	flat := []status.Cluster{
		clusterStatus("main", "vpn", "left", "ok", "right", "ok"), remoteStatus("left", "vpn", "ok", "main"), remoteStatus("right", "vpn", "ok", "main"),
	}
	flat[1].Gateway, flat[2].Gateway = "", ""
	healthy := []status.Cluster{
		clusterStatus("east-1", "network-east", "north-1", "ok", "west-1", "ok", "shared", "ok"), remoteStatus("west-1", "network-west", "ok", "east-1"),
		clusterStatus("north-1", "network-north", "east-1", "ok", "west-1", "ok", "shared", "ok"), remoteStatus("shared", "network-shared", "ok", "east-1", "north-1"),
	}
	sick := []status.Cluster{
		clusterStatus("east-1", "network-east", "north-1", "ok", "west-1", "ok", "shared", "timeout"),
		remoteStatus("west-1", "network-west", "webhook", "east-1"), remoteStatus("west-2", "network-west", "other", "east-1"),
		clusterStatus("north-1", "network-north", "east-1", "ok", "west-1", "unauthorized", "shared", "ok"),
		{Member: record.Member{Name: "shared", Network: "network-shared", Role: record.RoleRemote, Primaries: []string{"east-1", "north-1"}}, Unreached: timeout},
	}
	sick[1].Trust = status.Trust{State: "missing"}
	findings := []plan.Finding{
		{ID: "trust/root-distributed", Cluster: "west-1", Message: "ConfigMap istio-system/istio-ca-root-cert has not been written by east-1", Hint: "see the log of istiod in east-1"},
		{ID: "control-plane/injection", Cluster: "west-1", Message: "new pods are not injected: failed calling webhook: connection refused", Hint: "setup-mesh apply; then see whether east-1 can be reached from the API server of west-1"},
	}
	var wide []status.Cluster
	var states []string
	for i := range 14 {
		name := fmt.Sprintf("remote-%d", i)
		states = append(states, name, "ok")
		wide = append(wide, remoteStatus(name, "n", "ok", "main"))
	}
	wide = append([]status.Cluster{clusterStatus("main", "n", states...)}, wide...)
	tests := map[string]*status.Status{
		"status-remote-healthy":     {Clusters: healthy},
		"status-remote-one-network": {Clusters: flat},
		"status-remote-and-apart":   {Clusters: append(flat[:3:3], clusterStatus("alone", "vpn"))},
		"status-remote-findings":    {Clusters: sick, Findings: findings},
		"status-remote-wide":        {Clusters: wide},
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			Status(&b, s, StatusStyle{})
			golden(t, name, b.String())
		})
	}
}

// TestProgressOfRemoteClusters plays the steps that only remote clusters have.
func TestProgressOfRemoteClusters(t *testing.T) {
	p := meshPlan(clusterPlan("east-1", "n", everything(plan.Create)...), remoteOf(clusterPlan("west-1", "n", served([]string{"east-1"}, "east-1")...), "east-1"))
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		g := NewProgress(Terminal{W: &b}, time.Now, p)
		index := 0
		step := func(about plan.About, total int, waits ...string) {
			event := eventOf("west-1", about, index, execute.Started)
			event.Total = total
			index++
			g.Event(event)
			for _, why := range waits {
				event.Kind, event.Detail = execute.Waiting, why
				g.Event(event)
				time.Sleep(11 * time.Second)
			}
			event.Kind, event.Detail = execute.Done, ""
			g.Event(event)
		}
		put, gone := func(p order.Part) plan.About { return plan.About{Kind: plan.Put, Part: p} }, func(p order.Part) plan.About { return plan.About{Kind: plan.Remove, Part: p} }
		step(plan.About{Kind: plan.Begin}, 1)
		step(put(order.Config), 5)
		step(claim(order.Serves), 0, "injection by east-1: failed calling webhook: connection refused")
		step(put(order.Injector), 1)
		step(plan.About{Kind: plan.Put, Part: order.Endpoints, Peer: "east-1"}, 1)
		step(put(order.Service), 1)
		step(claim(order.Injected), 0, "root certificate: waiting for east-1 to write it", "injection by east-1: failed calling webhook: connection refused")
		step(put(order.Gateways), 3)
		step(claim(order.Addressed), 0)
		step(plan.About{Kind: plan.Remove, Part: order.Credential, Peer: "north-1"}, 1)
		step(plan.About{Kind: plan.Remove, Part: order.Endpoints, Peer: "north-1"}, 1)
		step(gone(order.Control), 4)
		step(gone(order.ByProducts), 6)
		step(plan.About{Kind: plan.Finish}, 0)
		g.Close()
		golden(t, "progress-remote", b.String())
	})
}

// TestProgressWaitsForPrimary: between two steps a remote cluster waits for its
// primary, and is not done; nor is it when the primary fails.
func TestProgressWaitsForPrimary(t *testing.T) {
	p := meshPlan(remoteOf(clusterPlan("west-1", "n", served([]string{"east-1"}, "east-1")...), "east-1"))
	config, address := plan.About{Kind: plan.Put, Part: order.Config}, plan.About{Kind: plan.Put, Part: order.Endpoints, Peer: "east-1"}
	event := func(about plan.About, index int, kind execute.EventKind) execute.Event {
		return eventOf("west-1", about, index, kind)
	}
	events := []struct {
		event execute.Event
		want  string
	}{
		{event(config, 1, execute.Started), "configuration: 0 of 7 objects"},
		{event(config, 1, execute.Done), "waiting for its turn"},
		{event(address, 2, execute.Skipped), "not done"},
		{event(plan.About{Kind: plan.Finish}, 3, execute.Done), "not done"},
	}
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		g := NewProgress(Terminal{W: &b}, time.Now, p)
		defer g.Close()
		for _, e := range events {
			time.Sleep(time.Second)
			g.Event(e.event)
			if got := g.lines["west-1"].words(time.Second); got != "----------  "+e.want {
				t.Errorf("after %s %s: %q, want %q", e.event.Step, e.event.Kind, got, e.want)
			}
		}
	})
}

// TestHostileRemoteClusters is TestHostileClusters for what only remote
// clusters and their primaries have.
func TestHostileRemoteClusters(t *testing.T) {
	const evil = "x\x1b[2J\r\nPlan: 666"
	slice := object.Ref{Kind: "EndpointSlice", Name: "istiod-" + evil}
	c := was(remoteOf(clusterPlan(evil, evil, plan.Change{Subject: order.Subject{Component: order.Primaries, Part: order.Endpoints, Peer: evil}, Action: plan.Create, Object: slice},
		plan.Change{Subject: order.Subject{Component: order.ControlPlane}, Action: plan.Create, Object: slice, Blocked: evil},
		planned(order.Certificate, plan.Delete, "Secret", "cacerts"),
		grant(plan.Create, evil)), evil), evil, evil, evil)
	primary := clusterPlan(evil, "n", leads()...)
	primary.Gateway.Host = evil
	p := meshPlan(c, primary)
	var b bytes.Buffer
	(&planView{w: &b, plan: p}).print()
	r := reportOf(p)
	(&reportView{out: &b, msg: &b, plan: p, report: r}).print()
	statusView{w: &b, status: &status.Status{Clusters: []status.Cluster{clusterStatus(evil, "n"), remoteStatus(evil, "n", evil, evil)}}}.print()
	if text := b.String(); strings.ContainsAny(text, "\x1b\r") || strings.Contains(text, "\nPlan: 666") {
		t.Errorf("gets through:\n%q", text)
	}
}
