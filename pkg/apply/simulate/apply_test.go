package simulate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/ask"
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/execute"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// An intent is what somebody is about to apply.
type intent struct {
	mesh mesh
	ends bool // all of it
}

type options struct {
	timeout time.Duration
	adopt   bool
	leaving []string
	access  *plan.Access // nil for a whole apply
}

// An outcome is what came of an apply.
type outcome struct {
	plan   *plan.Plan
	report *execute.Report // nil if nothing was applied
	err    error
}

func (s *sim) process(ctx context.Context, who string, m mesh, ends bool) *process {
	run, ctx := s.fleet.Run(ctx)
	p := &process{
		number: run.Number(), holder: fmt.Sprintf("%s-%d", who, run.Number()), mesh: m, ends: ends, phase: "observe", since: time.Now(),
		seen: map[placed]bool{}, listed: map[placed]bool{}, locked: map[string]bool{}, run: run, ctx: ctx,
	}
	s.mu.Lock()
	s.processes[p.number] = p
	s.mu.Unlock()
	return p
}

type noNames struct{}

func (noNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("no such host")
}

// apply is setup-mesh apply --yes, or setup-mesh teardown --yes.
func (s *sim) apply(p *process, o options) outcome {
	ctx, cancel := context.WithTimeout(p.ctx, o.timeout)
	defer cancel()
	d, err := s.wanted(p.mesh, p.ends)
	if err != nil {
		s.logf("  %s: %v", p.holder, err)
		return outcome{err: err}
	}
	clients := &world.Clients{Opener: p.run, Resolver: noNames{}}
	w, err := observe.Observe(ctx, clients, d, observe.Options{Now: time.Now(), Teardown: p.ends, Adopt: o.adopt})
	if err != nil {
		s.logf("  %s: %v", p.holder, err)
		s.secret("an error", err.Error())
		return outcome{err: err}
	}
	pl := apply.NewPlan(d, w, plan.Options{Adopt: o.adopt, AcceptNew: true, Leaving: o.leaving, Access: o.access})
	pl.Teardown = p.ends
	pl = check.With(pl, check.Preflight(pl, ask.Inspect(ctx, pl, clients)))
	s.secretPlan(pl)
	s.logPlan(p, pl)
	if len(pl.Refusals) > 0 {
		return outcome{plan: pl, err: errRefused}
	}
	s.mu.Lock()
	p.phase, p.since = "apply", time.Now()
	s.mu.Unlock()
	report := execute.Apply(ctx, pl, clients, execute.Options{
		Now: time.Now(), Random: rand.Reader, Holder: p.holder, Parallelism: 64, Events: func(e execute.Event) { s.event(p, e) },
	})
	s.mu.Lock()
	p.phase = "over"
	s.mu.Unlock()
	s.logReport(p, report)
	return outcome{plan: pl, report: report}
}

var errRefused = errors.New("refused")

func (s *sim) event(p *process, e execute.Event) {
	if e.Detail != "" {
		s.secret("an event", e.Detail)
	}
	if s.log != nil && e.Kind != execute.Progress {
		s.logf("  %s: %s %s %s %s%s %s %s", p.holder, e.Kind, e.Cluster, e.Step, e.Part, e.Claim, e.Peer, e.Detail)
	}
}

// secret fails if there is a key or a token in text.
func (s *sim) secret(where, text string) {
	what := s.keys.leak(text)
	if what == "" {
		what = keys.leak(text)
	}
	if what != "" {
		s.judge("secrets", "%s is in %s: %.300s", what, where, text)
	}
}

func (s *sim) secretPlan(pl *plan.Plan) {
	b, err := pl.Save()
	if err != nil {
		s.judge("plan", "cannot be saved: %v", err)
	}
	s.secret("the plan", string(b))
	for _, step := range pl.Steps {
		if len(step.Blocked) > 30 && step.Blocked[:30] == "the order of steps has a circle"[:30] {
			s.judge("circle", "%s", step.Blocked)
		}
	}
}

func (s *sim) logPlan(p *process, pl *plan.Plan) {
	if s.log == nil {
		return
	}
	for _, c := range pl.Clusters {
		s.logf("  plan of %s: %s (context %s) %s leaving %v %s", p.holder, c.Name, c.Context, c.Role, c.Leaving, c.Unreached)
		for _, ch := range c.Changes {
			if ch.Action != plan.Keep {
				s.logf("    %s %s [%s %s] %s %s%v", ch.Action, ch.Object, ch.Part, ch.Peer, ch.Reason, ch.Blocked, ch.Fields)
			}
		}
	}
	for i, step := range pl.Steps {
		s.logf("    step %d: %s %s %s%s %s after %v %s", i, step.Cluster, step.Kind, step.Part, step.Claim, step.Peer, step.After, step.Blocked)
	}
	for _, f := range pl.Refusals {
		s.logf("    REFUSED %s: %s (%s)", f.Cluster, f.Message, f.Hint)
	}
	for _, f := range pl.Warnings {
		s.logf("    warning %s: %s", f.Cluster, f.Message)
	}
}

func (s *sim) logReport(p *process, r *execute.Report) {
	b, err := json.Marshal(r)
	if err != nil {
		s.judge("report", "cannot be encoded: %v", err)
	}
	s.secret("the report", string(b))
	if r.Interrupted != nil {
		s.secret("an error", r.Interrupted.Error())
	}
	if s.log == nil {
		return
	}
	s.logf("  %s ended: complete %v, interrupted %v", p.holder, r.Complete(), r.Interrupted)
	for _, c := range r.Clusters {
		for _, f := range c.Failures {
			s.logf("    failed in %s: %+v: %s", c.Cluster, f.Step, f.Message)
		}
	}
}

var _ applytest.Fault
