package check

import "github.com/setup-mesh/setup-mesh/pkg/apply/plan"

// Whom checks are about. A cluster that belongs to another mesh, or whose
// control plane is elsewhere in it, is looked at no further.

func reached(_ *Evidence, c *plan.Cluster) bool   { return c.Unreached == "" && !c.Forgotten }
func unreached(_ *Evidence, c *plan.Cluster) bool { return c.Unreached != "" && !c.Forgotten }
func forgotten(_ *Evidence, c *plan.Cluster) bool { return c.Forgotten }

// ours is a reached cluster that is, or is to be, a member of this mesh.
func ours(e *Evidence, c *plan.Cluster) bool { return reached(e, c) && !e.Plan.Barred(c) }

// stays is one of them that topology.yaml names.
func Stays(e *Evidence, c *plan.Cluster) bool { return ours(e, c) && !c.Leaving && c.Desired != nil }

func leaves(e *Evidence, c *plan.Cluster) bool { return ours(e, c) && c.Leaving }

// joined is one that was applied before.
func Joined(e *Evidence, c *plan.Cluster) bool { return Stays(e, c) && c.Live.Record != nil }

func Primary(e *Evidence, c *plan.Cluster) bool { return Joined(e, c) && !c.Remote() }

func Remote(e *Evidence, c *plan.Cluster) bool { return Joined(e, c) && c.Remote() }
