package apply

// NewDesired renders what a work directory asks for. Mistakes that only the charts
// can tell are [topology.Problems] at the lines they come from.
func NewDesired(w Wanted, r Charts) (*Desired, error) { return newDesired(w, r, byRole) }

// NewPlan compares what is wanted with what was read, with what can be said against
// it without asking any cluster more.
func NewPlan(d *Desired, w *World, o PlanOptions) *Plan {
	p := newPlan(d, w, inOrder(), o)
	return With(p, Preflight(p, nil))
}
