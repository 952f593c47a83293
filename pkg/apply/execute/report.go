package execute

import (
	"errors"
	"slices"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// Format is the version of a [Report]'s JSON.
const Format = "setup-mesh.io/report/v1"

// A Report is what became of a plan.
type Report struct {
	Format      string           `json:"format"`
	Mesh        string           `json:"mesh"`
	Duration    time.Duration    `json:"durationNanoseconds"`
	Clusters    []*ClusterReport `json:"clusters"`
	Steps       []StepReport     `json:"steps"`
	Notes       []plan.Finding   `json:"notes,omitempty"` // learnt on the way, and worth knowing
	Interrupted error            `json:"-"`               // why the run ended early, nil if it did not
}

// A StepReport says when a step ran, counted from the start of the apply.
type StepReport struct {
	Cluster string `json:"cluster"`
	plan.About
	Start   time.Duration `json:"startNanoseconds"`
	End     time.Duration `json:"endNanoseconds"`
	Outcome EventKind     `json:"outcome"` // Done, Failed or Skipped
}

// A ClusterReport is what became of one cluster's share.
type ClusterReport struct {
	Cluster string `json:"cluster"`
	Context string `json:"context"`
	Created int    `json:"created"`
	Updated int    `json:"updated"`
	Deleted int    `json:"deleted"`
	// Missing counts the changes that were not made.
	Missing   int       `json:"missing"`
	Unreached string    `json:"unreached,omitempty"`
	Failures  []Failure `json:"failures,omitempty"`
}

// A Failure is a step that did not end well, or a change that was not possible.
type Failure struct {
	// ID is of the [check.Check] that a proof waited for, "" for other steps.
	ID      string     `json:"id,omitempty"`
	Step    plan.About `json:"step"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
	Blocked bool       `json:"blocked,omitempty"` // the change was not possible from the start
}

// Complete says whether everything was done everywhere.
func (r *Report) Complete() bool {
	for _, c := range r.Clusters {
		if c.Missing > 0 || c.Unreached != "" || len(c.Failures) > 0 {
			return false
		}
	}
	return r.Interrupted == nil
}

// Changed is the number of objects that were created, updated and deleted.
func (r *Report) Changed() (created, updated, deleted int) {
	for _, c := range r.Clusters {
		created, updated, deleted = created+c.Created, updated+c.Updated, deleted+c.Deleted
	}
	return created, updated, deleted
}

func (x *execution) report(steps []*running, interrupted error, start time.Time) *Report {
	r := &Report{Format: Format, Mesh: x.plan.Mesh, Duration: time.Since(start), Interrupted: interrupted, Steps: []StepReport{}}
	for _, s := range steps {
		r.Steps = append(r.Steps, s.report(start))
	}
	for _, c := range x.plan.Clusters {
		cr := &ClusterReport{Cluster: c.Name, Context: c.Context}
		if x.plan.Concerns(c) {
			cr.Unreached = c.Unreached
		}
		for _, ch := range c.Changes {
			x.count(cr, c.Name, ch)
		}
		for _, s := range steps {
			if s.Cluster == c.Name && s.err != nil && !errors.Is(s.err, errSkipped) {
				cr.Failures = append(cr.Failures, Failure{ID: s.Check, Step: s.Step.About(), Message: s.err.Error(), Hint: object.HintOf(s.err)})
			}
		}
		r.Clusters = append(r.Clusters, cr)
		for _, f := range check.ShortLived(x.tokens[c.Name]) {
			f.ID, f.Cluster = check.IDLifetime, c.Name
			r.Notes = append(r.Notes, f)
		}
	}
	return r
}

func (x *execution) count(cr *ClusterReport, cluster string, ch plan.Change) {
	if ch.Component == order.Bookkeeping {
		return
	}
	if ch.Blocked != "" {
		cr.Missing++
		cr.Failures = append(cr.Failures, Failure{Step: plan.About{Part: ch.Part, Peer: ch.Peer, Object: ch.Object}, Message: ch.Object.String() + ": " + ch.Blocked, Hint: ch.Hint, Blocked: true})
		return
	}
	if !ch.Pending() {
		return
	}
	if !x.isFinished(cluster, ch.Object) {
		cr.Missing++
		return
	}
	switch ch.Action {
	case plan.Create:
		cr.Created++
	case plan.Update:
		cr.Updated++
	case plan.Delete:
		cr.Deleted++
	}
}

// NoneDone says whether no object was changed, and no cluster is as it should be.
func (r *Report) NoneDone() bool {
	created, updated, deleted := r.Changed()
	return created+updated+deleted == 0 && !slices.ContainsFunc(r.Clusters, func(c *ClusterReport) bool {
		return c.Unreached == "" && c.Missing == 0 && len(c.Failures) == 0
	})
}

func (s *running) report(start time.Time) StepReport {
	r := StepReport{Cluster: s.Cluster, About: s.Step.About(), Outcome: Skipped}
	if !s.start.IsZero() {
		r.Start, r.End, r.Outcome = s.start.Sub(start), s.end.Sub(start), Done
	}
	if s.err != nil && !errors.Is(s.err, errSkipped) {
		r.Outcome = Failed
	}
	return r
}
