package check

import "github.com/setup-mesh/setup-mesh/pkg/apply/plan"

// Whom checks are about. A cluster that belongs to another mesh, or whose
// control plane is elsewhere in it, is looked at no further.

func reached(_ *Evidence, c *plan.Cluster) bool   { return c.Unreached == "" && !c.Forgotten }
func unreached(_ *Evidence, c *plan.Cluster) bool { return c.Unreached != "" && !c.Forgotten }
func forgotten(_ *Evidence, c *plan.Cluster) bool { return c.Forgotten }

// ours is a reached cluster that is, or is to be, a member of this mesh.
func ours(e *Evidence, c *plan.Cluster) bool { return reached(e, c) && !e.Plan.Barred(c) }

// Stays is a reached cluster of this mesh that topology.yaml names.
func Stays(e *Evidence, c *plan.Cluster) bool { return ours(e, c) && !c.Leaving && c.Desired != nil }

func leaves(e *Evidence, c *plan.Cluster) bool { return ours(e, c) && c.Leaving }

// Joined is a cluster that stays and was applied before.
func Joined(e *Evidence, c *plan.Cluster) bool { return Stays(e, c) && c.Live.Record != nil }

// Primary is a joined cluster with a control plane of its own.
func Primary(e *Evidence, c *plan.Cluster) bool { return Joined(e, c) && !c.Remote() }

// Remote is a joined cluster that others' control planes serve.
func Remote(e *Evidence, c *plan.Cluster) bool { return Joined(e, c) && c.Remote() }
