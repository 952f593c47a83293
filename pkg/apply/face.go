package apply

import (
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// NewDesired renders what a work directory asks for. Mistakes that only the charts
// can tell are [topology.Problems] at the lines they come from.
func NewDesired(w desired.Wanted, r desired.Charts) (*desired.Desired, error) {
	return desired.New(w, r, component.Wants)
}

// NewPlan compares what is wanted with what was read, with what can be said against
// it without asking any cluster more.
func NewPlan(d *desired.Desired, w *world.World, o plan.Options) *plan.Plan {
	p := plan.New(d, w, component.Rules(), o)
	return check.With(p, check.Preflight(p, nil))
}
