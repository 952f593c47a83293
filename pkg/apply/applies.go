package apply

// Whom checks are about. A cluster that belongs to another mesh, or whose
// control plane is elsewhere in it, is looked at no further.

func reached(_ *Evidence, c *ClusterPlan) bool   { return c.Unreached == "" && !c.forgotten }
func unreached(_ *Evidence, c *ClusterPlan) bool { return c.Unreached != "" && !c.forgotten }
func forgotten(_ *Evidence, c *ClusterPlan) bool { return c.forgotten }

// ours is a reached cluster that is, or is to be, a member of this mesh.
func ours(e *Evidence, c *ClusterPlan) bool { return reached(e, c) && !e.plan.barred(c) }

// stays is one of them that topology.yaml names.
func stays(e *Evidence, c *ClusterPlan) bool { return ours(e, c) && !c.Leaving && c.Desired != nil }

func leaves(e *Evidence, c *ClusterPlan) bool { return ours(e, c) && c.Leaving }

// joined is one that was applied before.
func joined(e *Evidence, c *ClusterPlan) bool { return stays(e, c) && c.Live.Record != nil }

func primary(e *Evidence, c *ClusterPlan) bool { return joined(e, c) && !c.Remote() }

func remote(e *Evidence, c *ClusterPlan) bool { return joined(e, c) && c.Remote() }
