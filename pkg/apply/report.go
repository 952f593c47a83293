package apply

import (
	"errors"
	"time"
)

// A Report is what became of a plan.
type Report struct {
	Mesh        string           `json:"mesh"`
	Duration    time.Duration    `json:"durationNanoseconds"`
	Clusters    []*ClusterReport `json:"clusters"`
	Interrupted error            `json:"-"` // why the run ended early, nil if it did not
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
	Step    string `json:"step"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
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

func (x *execution) report(steps []*step, interrupted error, took time.Duration) *Report {
	r := &Report{Mesh: x.plan.Mesh, Duration: took, Interrupted: interrupted}
	for _, c := range x.plan.Clusters {
		cr := &ClusterReport{Cluster: c.Name, Context: c.Context, Unreached: c.Unreached}
		for _, ch := range c.Changes {
			x.count(cr, c.Name, ch)
		}
		for _, s := range steps {
			if s.cluster == c.Name && s.err != nil && !errors.Is(s.err, errSkipped) {
				cr.Failures = append(cr.Failures, Failure{Step: s.name, Message: s.err.Error(), Hint: hintOf(s.err)})
			}
		}
		r.Clusters = append(r.Clusters, cr)
	}
	return r
}

func (x *execution) count(cr *ClusterReport, cluster string, ch Change) {
	if ch.Component == Bookkeeping {
		return
	}
	if ch.Blocked != "" {
		cr.Missing++
		cr.Failures = append(cr.Failures, Failure{Step: string(ch.Component), Message: ch.Object.String() + ": " + ch.Blocked})
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
	case Create:
		cr.Created++
	case Update:
		cr.Updated++
	case Delete:
		cr.Deleted++
	}
}

// NoneDone says whether no cluster got anything of what was planned.
func (r *Report) NoneDone() bool {
	created, updated, deleted := r.Changed()
	return created+updated+deleted == 0
}
