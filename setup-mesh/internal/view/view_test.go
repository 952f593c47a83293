package view

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

var until = time.Date(2027, 11, 21, 0, 0, 0, 0, time.UTC)

// clusterPlan is a cluster of three in which changes are to be made.
func clusterPlan(name, network string, changes ...plan.Change) *plan.Cluster {
	c := &plan.Cluster{
		Member:     record.Member{Name: name, Context: "context-" + name, Network: network, Namespace: "istio-system", Role: record.RolePrimary},
		Kubernetes: "v1.36.4", Profile: "default", RootFingerprint: "5F:3A:9C", NotAfter: until, Changes: changes,
	}
	for _, other := range []string{"east-1", "east-2", "west-1"} {
		if other != name {
			c.Reads = append(c.Reads, other)
		}
	}
	return c
}

// planned is what happens to an object that is about no other cluster.
func planned(comp order.Component, action plan.Action, kind, name string) plan.Change {
	return about(order.Subject{Component: comp, Part: partOf(comp, kind)}, action, kind, name)
}

func about(s order.Subject, action plan.Action, kind, name string) plan.Change {
	return plan.Change{Subject: s, Action: action, Object: object.Ref{Kind: kind, Namespace: "istio-system", Name: name}}
}

// credential and grant are both ends of remote access to another cluster.
func credential(action plan.Action, source string) plan.Change {
	return about(order.Subject{Component: order.RemoteAccess, Part: order.Credential, Peer: source}, action, "Secret", "istio-remote-secret-"+source)
}

func grant(action plan.Action, consumer string) plan.Change {
	return about(order.Subject{Component: order.RemoteAccess, Part: order.Grant, Peer: consumer}, action, "Secret", "setup-mesh-grant-"+consumer)
}

func namespace(action plan.Action) plan.Change {
	return plan.Change{Subject: order.Subject{Component: order.ControlPlane, Part: order.Namespace}, Action: action, Object: object.Ref{Kind: "Namespace", Name: "istio-system"}}
}

// minted is a change of which the content is made again.
func minted(ch plan.Change) plan.Change {
	ch.Mint = true
	return ch
}

func because(ch plan.Change, reason string) plan.Change { ch.Reason = reason; return ch }

func blockedBy(ch plan.Change, why string) plan.Change { ch.Blocked = why; return ch }

func changed(ch plan.Change, by string, fields ...compare.Field) plan.Change {
	ch.Fields = fields
	if by != "" {
		ch.Managers = []string{by}
	}
	return ch
}

// everything is what a first install does in a cluster, or the end of it.
func everything(action plan.Action, others ...string) []plan.Change {
	all := []plan.Change{planned(order.Certificate, action, "Secret", "cacerts")}
	for i := range 4 {
		all = append(all, planned(order.ControlPlane, action, "ConfigMap", fmt.Sprintf("part-%d", i)))
	}
	all = append(all, planned(order.ControlPlane, action, "Deployment", "istiod"))
	all = append(all, planned(order.Gateway, action, "Service", "istio-eastwestgateway"))
	for _, other := range others {
		all = append(all, grant(action, other), credential(action, other))
	}
	return append(all, planned(order.Bookkeeping, action, "ConfigMap", "setup-mesh"))
}

func meshPlan(clusters ...*plan.Cluster) *plan.Plan {
	return &plan.Plan{Format: plan.Format, Mesh: "mymeshname", Istio: "1.31.0", Clusters: clusters}
}

func asNew(c *plan.Cluster) *plan.Cluster { c.New = true; return c }

func asLeaving(c *plan.Cluster) *plan.Cluster { c.Leaving, c.Reads = true, nil; return c }

func asUnreached(c *plan.Cluster, why, hint string) *plan.Cluster {
	c.Unreached, c.Hint, c.Kubernetes = why, hint, ""
	return c
}

const timeout = `get version in "context-west-1": Get "https://192.0.2.4:6443": i/o timeout after 3 tries in 31 s`

func firstInstall() *plan.Plan {
	return meshPlan(
		asNew(clusterPlan("east-1", "network-east", everything(plan.Create, "east-2", "west-1")...)),
		asNew(clusterPlan("east-2", "network-east", everything(plan.Create, "east-1", "west-1")...)),
		asNew(clusterPlan("west-1", "network-west", everything(plan.Create, "east-1", "east-2")...)),
	)
}

func oneDown() *plan.Plan {
	const down = "west-1 is not reached"
	return meshPlan(
		asNew(clusterPlan("east-1", "network-east", append(everything(plan.Create, "east-2"), blockedBy(credential(plan.Create, "west-1"), down))...)),
		asNew(clusterPlan("east-2", "network-east", append(everything(plan.Create, "east-1"), blockedBy(credential(plan.Create, "west-1"), down))...)),
		asUnreached(clusterPlan("west-1", "network-west"), timeout, ""),
	)
}

func edited() *plan.Plan {
	east := clusterPlan("east-1", "network-east",
		minted(because(planned(order.Certificate, plan.Update, "Secret", "cacerts"), "its intermediate is due: valid until 2027-01-02")),
		changed(planned(order.ControlPlane, plan.Update, "Deployment", "istiod"), "", compare.Field{Path: "spec.replicas", Old: int64(1), New: int64(2)}),
		changed(planned(order.Gateway, plan.Update, "Service", "istio-eastwestgateway"), "kubectl-edit", compare.Field{Path: "spec.type", Old: "NodePort", New: "LoadBalancer"}),
		credential(plan.Delete, "west-1"),
		grant(plan.Delete, "west-1"),
		because(credential(plan.Update, "east-2"), "its token was revoked in east-2"),
		planned(order.Bookkeeping, plan.Update, "ConfigMap", "setup-mesh"),
	)
	east.Manifest = []compare.Field{
		{Path: "spec.values.pilot.traceSampling", Old: 1.0, New: 10.0, Source: "base.yaml:9:7"},
		{Path: "spec.meshConfig", New: map[string]any{"a": 1}, Source: "topology.yaml:4:1"},
		{Path: "spec.components.cni", Old: []any{1}},
	}
	record := clusterPlan("east-2", "network-east", because(planned(order.Bookkeeping, plan.Update, "ConfigMap", "setup-mesh"), "members or objects changed"))
	west := asLeaving(clusterPlan("west-1", "network-west", append(everything(plan.Delete, "east-1", "east-2"),
		because(namespace(plan.Update), "kept; only the setup-mesh labels are removed"))...))
	p := meshPlan(east, record, west, clusterPlan("idle", "network-west"))
	p.Warnings = []plan.Finding{{Cluster: "west-1", Message: "Istio's CRDs stay: VirtualService shop/route exists", Hint: "--crds deletes the CRDs, and with them every custom resource of Istio"}}
	return p
}

// role is what a remedy of several lines speaks of.
const role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules:\n  - verbs: [get]\n"

func planText(p *plan.Plan, colour, objects bool) string {
	var b bytes.Buffer
	(&planView{w: &b, plan: p, colour: palette(colour), objects: objects}).print()
	return b.String()
}

func TestViewPlan(t *testing.T) {
	refused := firstInstall()
	refused.Refusals = []plan.Finding{
		{Cluster: "east-1", Message: "Service istio-system/istiod and 3 more objects: managed by helm, not by setup-mesh", Hint: "find out what installed it; apply --adopt takes it over"},
		{Cluster: "east-2", Message: "the user of context context-east-2 lacks permissions for these changes", Hint: "have an administrator of the cluster apply this, with kubectl apply -f", Detail: role},
		{Message: "the mesh is cursed"},
	}
	unread := asUnreached(clusterPlan("west-1", "network-west"), "the user of the context may not read Secret", "that user needs get and list on all that is to be read")
	unread.Detail = role
	many := meshPlan()
	for i := range 12 {
		var others []string
		for j := range 12 {
			if j != i {
				others = append(others, fmt.Sprintf("c%d", j))
			}
		}
		c := asNew(clusterPlan(fmt.Sprintf("c%d", i), "n", everything(plan.Create, others...)...))
		c.Reads = others
		many.Clusters = append(many.Clusters, c)
	}
	gone := meshPlan(clusterPlan("east-1", "network-east"), asLeaving(asUnreached(clusterPlan("west-1", "network-west"), "context-west-1 is not in the kubeconfig", "put the context back")))
	teardown := meshPlan(asLeaving(clusterPlan("east-1", "network-east", everything(plan.Delete, "west-1")...)), asLeaving(clusterPlan("west-1", "network-west", everything(plan.Delete, "east-1")...)), asLeaving(clusterPlan("empty", "n")))
	teardown.Teardown = true
	tests := map[string]struct {
		plan    *plan.Plan
		objects bool
		unnamed []*plan.Cluster
	}{
		"plan-first-install":        {plan: firstInstall()},
		"plan-nothing":              {plan: meshPlan(clusterPlan("east-1", "network-east"))},
		"plan-edit-and-leaving":     {plan: edited()},
		"plan-show-objects":         {plan: edited(), objects: true},
		"plan-one-down":             {plan: oneDown()},
		"plan-gone-context":         {plan: gone},
		"plan-in-doubt":             {plan: inDoubt()},
		"plan-unreadable":           {plan: meshPlan(clusterPlan("east-1", "network-east"), asLeaving(unread))},
		"plan-refused":              {plan: refused},
		"plan-twelve-clusters":      {plan: many},
		"plan-teardown":             {plan: teardown, unnamed: teardown.Clusters[1:2]},
		"plan-unknown-and-conflict": {plan: meshPlan(clusterPlan("east-1", "n", blockedBy(planned(order.ControlPlane, plan.Unknown, "Service", "istiod"), `read Service istio-system/istiod in "context-east-1": forbidden`)))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if len(tt.plan.Refusals) > 0 {
				b.WriteString("(stderr)\n")
				Refusals(&b, tt.plan)
				b.WriteString("(stdout)\n")
			}
			Plan(&b, tt.plan, PlanStyle{Objects: tt.objects, Unnamed: tt.unnamed})
			golden(t, name, b.String())
		})
	}
}

// inDoubt has a cluster that would leave, were it certain that it is not one that
// does not answer.
func inDoubt() *plan.Plan {
	const why = "new-east-2 is not reached, and may be the same cluster as east-2: if it is not, pass --leaving east-2"
	unknown := clusterPlan("new-east-2", "network-east")
	unknown.Unreached = "the login has expired"
	return meshPlan(clusterPlan("east-1", "network-east", blockedBy(credential(plan.Delete, "east-2"), why)), unknown, asLeaving(clusterPlan("east-2", "network-east",
		blockedBy(planned(order.Certificate, plan.Delete, "Secret", "cacerts"), why),
		blockedBy(planned(order.ControlPlane, plan.Delete, "Deployment", "istiod"), why),
	)))
}

// reportOf is a report in which every cluster of p did all that was pending.
func reportOf(p *plan.Plan) *execute.Report {
	r := &execute.Report{Mesh: p.Mesh, Duration: 8400 * time.Millisecond, Steps: stepsOf(p)}
	for _, c := range p.Clusters {
		cr := &execute.ClusterReport{Cluster: c.Name, Context: c.Context, Unreached: c.Unreached,
			Created: c.Count(plan.Create), Updated: c.Count(plan.Update), Deleted: c.Count(plan.Delete)}
		for _, ch := range c.Changes {
			if ch.Blocked != "" {
				cr.Missing++
				cr.Failures = append(cr.Failures, execute.Failure{Step: plan.About{Part: ch.Part, Peer: ch.Peer, Object: ch.Object}, Message: ch.Object.String() + ": " + ch.Blocked, Blocked: true})
			}
		}
		r.Clusters = append(r.Clusters, cr)
	}
	return r
}

func TestViewReport(t *testing.T) {
	failed := reportOf(firstInstall())
	failed.Clusters[0].Created, failed.Clusters[0].Missing = 5, 6
	failed.Clusters[0].Failures = []execute.Failure{
		{Step: claim(order.Answers), Message: "Deployment istio-system/istiod: Available: 0/1: context deadline exceeded", Hint: "kubectl -n istio-system describe pod"},
		{Step: plan.About{Kind: plan.Put, Part: order.Credential, Peer: "west-1"}, Message: "token: forbidden"},
	}
	ended(failed, "east-1", claim(order.Answers), execute.Failed)
	ended(failed, "east-1", plan.About{Kind: plan.Put, Part: order.Credential, Peer: "west-1"}, execute.Failed)
	cutOff(failed, func(s execute.StepReport) bool { return s.Cluster == "east-1" && s.Claim == order.Discovers })
	shortlived := reportOf(firstInstall())
	shortlived.Notes = shortTokens()
	interrupted := reportOf(firstInstall())
	interrupted.Interrupted = errors.New("interrupted")
	interrupted.Clusters[2].Created, interrupted.Clusters[2].Missing = 3, 8
	cutOff(interrupted, func(s execute.StepReport) bool {
		return proves(s) || s.Cluster == "west-1" && s.Kind != plan.Begin && s.Part != order.Config
	})
	undiscovered := reportOf(firstInstall())
	undiscovered.Clusters[1].Failures = []execute.Failure{{Step: claim(order.Discovers), Message: "east-2 does not discover the others: west-1: syncing in istiod-1: --timeout has passed"}}
	ended(undiscovered, "east-2", claim(order.Discovers), execute.Failed)
	one := meshPlan(clusterPlan("east-1", "n", planned(order.ControlPlane, plan.Update, "Service", "istiod")), clusterPlan("east-2", "n"), clusterPlan("west-1", "n"))
	teardown := meshPlan(asLeaving(clusterPlan("east-1", "n", everything(plan.Delete)...)), asLeaving(clusterPlan("west-1", "n", everything(plan.Delete)...)))
	teardown.Teardown = true
	nothing := oneDown()
	nothingReport := reportOf(nothing)
	cutOff(nothingReport, func(s execute.StepReport) bool { return s.Kind != plan.Finish })
	for _, c := range nothingReport.Clusters[:2] {
		c.Missing, c.Created = c.Missing+c.Created, 0
		ended(nothingReport, c.Cluster, plan.About{Kind: plan.Begin}, execute.Failed)
		c.Failures = append(c.Failures, execute.Failure{Step: plan.About{Kind: plan.Begin}, Message: `lock the cluster: "mia@laptop, process 7" holds it until 12:00:30`, Hint: "wait for it to end"})
	}
	unread := oneDown()
	unread.Clusters[2].Hint, unread.Clusters[2].Detail = "that user needs get and list on all that is to be read", role
	tests := map[string]struct {
		plan   *plan.Plan
		report *execute.Report
	}{
		"report-first-install":       {firstInstall(), reportOf(firstInstall())},
		"report-short-tokens":        {firstInstall(), shortlived},
		"report-in-doubt":            {inDoubt(), reportOf(inDoubt())},
		"report-one-down":            {oneDown(), reportOf(oneDown())},
		"report-a-step-failed":       {firstInstall(), failed},
		"report-interrupted":         {firstInstall(), interrupted},
		"report-not-discovered":      {firstInstall(), undiscovered},
		"report-one-of-three-change": {one, reportOf(one)},
		"report-teardown":            {teardown, reportOf(teardown)},
		"report-nothing-done":        {nothing, nothingReport},
		"report-unreadable":          {unread, reportOf(unread)},
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

func clusterStatus(name, network string, states ...string) status.Cluster {
	c := status.Cluster{
		Member: record.Member{Name: name, Context: "context-" + name, Network: network, Role: record.RolePrimary}, Istio: "1.31.0", Gateway: "203.0.113.1:15443",
		Trust: status.Trust{Root: "5F:3A:9C", NotAfter: until, Days: 365, State: "ok"}, Discovers: map[string]string{},
	}
	for i := 0; i < len(states); i += 2 {
		c.Discovers[states[i]] = states[i+1]
		c.Tokens, c.TokenHours = until, 365*24
	}
	return c
}

// shortTokens are what an API server grants that knows better.
func shortTokens() []plan.Finding {
	return []plan.Finding{{
		ID: "discovery/credential-lifetime", Cluster: "west-1",
		Message: "its API server grants tokens for 24 h, not the 365 d asked for: the other clusters' credentials for it expire at 2026-11-22 12:00 UTC",
		Hint:    "run setup-mesh apply on a timer, at least every 16 h: it replaces tokens in the last third of their lifetime",
	}}
}

func TestViewStatus(t *testing.T) {
	sick := []status.Cluster{
		clusterStatus("east-1", "network-east", "east-2", "ok", "west-1", "ok"),
		clusterStatus("east-2", "network-east", "east-1", "ok", "west-1", "unauthorized"),
		clusterStatus("west-1", "network-west", "east-1", "ok", "east-2", "syncing in istiod-1"),
		{Member: record.Member{Name: "north-1", Network: "network-north", Role: record.RolePrimary}, Unreached: timeout},
	}
	sick[2].Gateway, sick[2].Drift, sick[2].Trust = "pending", true, status.Trust{State: "missing"}
	findings := []plan.Finding{
		{ID: "discovery/credential-valid", Cluster: "east-2", Message: "cannot read west-1: its token was refused (401)", Hint: "setup-mesh apply"},
		{ID: "cluster/reached", Cluster: "north-1", Message: "not reached: the user of the context may not read Secret", Hint: "that user needs get and list on all that is to be read", Detail: role},
		{ID: "gateway/address", Cluster: "west-1", Message: "Service istio-system/istio-eastwestgateway has no address", Hint: "kubectl --context context-west-1 -n istio-system describe service istio-eastwestgateway"},
		{Message: "a refusal"},
	}
	var many []status.Cluster
	for i := range 14 {
		var states []string
		for j := range 14 {
			if j != i {
				state := "ok"
				if i == 3 && j%2 == 0 {
					state = "timeout"
				}
				states = append(states, fmt.Sprintf("cluster-%d", j), state)
			}
		}
		many = append(many, clusterStatus(fmt.Sprintf("cluster-%d", i), "n", states...))
	}
	short := clusterStatus("east-1", "n1", "west-1", "ok")
	short.TokenHours = 24
	tests := map[string]*status.Status{
		"status-short-tokens":      {Clusters: []status.Cluster{short, clusterStatus("west-1", "n2", "east-1", "ok")}, Notes: shortTokens()},
		"status-healthy":           {Clusters: []status.Cluster{clusterStatus("east-1", "n1", "west-1", "ok"), clusterStatus("west-1", "n2", "east-1", "ok"), clusterStatus("alone", "n2")}},
		"status-findings":          {Clusters: sick, Findings: findings},
		"status-fourteen-clusters": {Clusters: many, Findings: findings[:1]},
		"status-one-cluster":       {Clusters: []status.Cluster{clusterStatus("east-1", "n1")}},
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			Status(&b, s, StatusStyle{})
			golden(t, name, b.String())
		})
	}
}

// withFix is an error with a remedy.
type withFix struct {
	error
	fix string
}

func (e withFix) Remedy() string { return e.fix }

var colours = regexp.MustCompile("\x1b\\[[0-9]*m")

// TestColourOnlyAdds takes the colour away again.
func TestColourOnlyAdds(t *testing.T) {
	for name, p := range map[string]*plan.Plan{"install": firstInstall(), "edit": edited(), "down": oneDown()} {
		plain, coloured := planText(p, false, true), planText(p, true, true)
		if plain == coloured {
			t.Errorf("%s: there is no colour", name)
		}
		if diff := cmp.Diff(plain, colours.ReplaceAllString(coloured, "")); diff != "" {
			t.Errorf("%s (-plain +without colour):\n%s", name, diff)
		}
	}
}

// TestHostileClusters lets every text that a cluster or a record can choose hold
// what a terminal would obey.
func TestHostileClusters(t *testing.T) {
	const evil = "x\x1b[2J\r\nPlan: 666 to create\u202e\u0085\x07\xff"
	ch := changed(because(planned(order.ControlPlane, plan.Update, "ConfigMap", evil), evil), evil, compare.Field{Path: evil, Old: evil, New: "y", Source: evil})
	c := clusterPlan(evil, evil, ch, blockedBy(credential(plan.Create, evil), evil), credential(plan.Delete, evil))
	c.Kubernetes, c.Gateway.Host, c.Profile, c.Manifest, c.RootFingerprint = evil, evil, evil, ch.Fields, evil
	down := asUnreached(clusterPlan(evil+"2", "n"), evil, evil)
	down.Detail = evil
	p := meshPlan(c, asNew(clusterPlan("b", "n", ch)), down, asLeaving(clusterPlan(evil+"3", "n", ch)))
	p.Warnings = []plan.Finding{{ID: evil, Cluster: evil, Message: evil, Hint: evil, Detail: evil + "\n" + evil}}
	p.Refusals = p.Warnings
	r := reportOf(p)
	r.Interrupted = errors.New(evil)
	r.Clusters[1].Failures = append(r.Clusters[1].Failures, execute.Failure{Step: plan.About{Kind: plan.Put, Part: evil, Peer: evil}, Message: evil, Hint: evil})
	s := clusterStatus(evil, evil, "b", evil)
	s.Istio, s.Gateway, s.Trust.State = evil, evil, evil

	var b bytes.Buffer
	for _, objects := range []bool{false, true} {
		(&planView{w: &b, plan: p, objects: objects}).print()
	}
	Refusals(&b, p)
	TeardownQuestion(&b, p, p.Clusters)
	b.WriteString("\n")
	(&reportView{out: &b, msg: &b, plan: p, report: r}).print()
	statusView{w: &b, status: &status.Status{Clusters: []status.Cluster{s, clusterStatus("b", "n")}, Findings: p.Warnings}}.print()
	Error(&b, withFix{fmt.Errorf("read it: %w", errors.New(strings.ReplaceAll(evil, "\n", ""))), evil})
	g := &Progress{w: &b, now: time.Now, width: 200, order: []string{evil}, lines: map[string]*progressLine{evil: {counted: map[int]int{}}}}
	for _, kind := range []execute.EventKind{execute.Started, execute.Waiting} {
		g.Event(execute.Event{Cluster: evil, Step: plan.Put, Part: evil, Peer: evil, Kind: kind, Detail: evil})
	}
	g.heartbeat()
	g.live = true
	g.draw()
	g.live = false
	g.Event(execute.Event{Cluster: evil, Step: plan.Put, Part: evil, Peer: evil, Kind: execute.Failed, Detail: evil})

	text := strings.ReplaceAll(b.String(), "\x1b[2K", "") // ours: clears a line
	for _, bad := range []string{"\x1b", "\r", "\u202e", "\u0085", "\x07", "\xff", "\nPlan: 666 to create"} {
		if i := strings.Index(text, bad); i >= 0 {
			t.Errorf("%q gets through: %q", bad, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	if !strings.Contains(text, `x\x1b[2J\r\nPlan: 666 to create\u202e\u0085\a\xff`) {
		t.Errorf("it is not said what was there: %q", text)
	}
}
