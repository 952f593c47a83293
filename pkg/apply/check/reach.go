package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// NotJoined is the state of a cluster that was never applied.
const NotJoined = "not joined"

// ToJoin says whether the cluster of a name answers and was never applied: what others
// have to do with it is not yet to be expected.
func ToJoin(e *Evidence, name string) bool {
	c := e.Plan.Cluster(name)
	return c != nil && Stays(e, c) && c.Unreached == "" && c.Live.Record == nil
}

// ToLeave says whether the cluster of a name answers and is to leave: others know it until an
// apply has them forget it.
func ToLeave(e *Evidence, name string) bool {
	c := e.Plan.Cluster(name)
	return c != nil && leaves(e, c) && c.Unreached == "" && len(c.Changes) > 0
}

// ReachChecks are about who is a member, and whether it answers.
func ReachChecks() []Check {
	return []Check{
		{ID: "cluster/reached", Severity: Ails, Applies: unreached, Judge: judgeReached},
		{ID: "cluster/wanted", Severity: Ails, Applies: leaves, Judge: judgeWanted},
		{ID: "cluster/joined", Severity: Ails, Applies: Stays, Judge: judgeJoined},
	}
}

func judgeReached(_ *Evidence, c *plan.Cluster) []plan.Finding {
	return []plan.Finding{{
		Unknown: true, State: "not reached",
		Message: "not reached: " + c.Unreached, Hint: cmp.Or(strings.Join(c.Remedies(), "; "), "setup-mesh status, once it answers"), Detail: c.Detail,
	}}
}

func judgeWanted(_ *Evidence, c *plan.Cluster) []plan.Finding {
	if len(c.Changes) == 0 {
		return nil
	}
	return []plan.Finding{{Message: "no longer in topology.yaml, but still a member", Hint: "setup-mesh apply removes it from the mesh"}}
}

func judgeJoined(_ *Evidence, c *plan.Cluster) []plan.Finding {
	if c.Live.Record != nil {
		return nil
	}
	return []plan.Finding{{State: NotJoined, Message: "in topology.yaml, but not a member yet", Hint: "setup-mesh apply"}}
}

// ReachHint is how to find out why istiods that answer do not read source, which
// this machine does: it may be at another address there. "" is for anything else.
func ReachHint(w *world.World, consumer *plan.Cluster, source string, views []observe.IstiodView) string {
	l := w.Cluster(source)
	silent := slices.ContainsFunc(views, func(v observe.IstiodView) bool { return v.Err != nil })
	if l == nil || l.Unreached != nil || silent || len(views) == 0 || !slices.Contains(consumer.Reads, source) {
		return ""
	}
	return fmt.Sprintf("do pods of %s reach %s? contexts.%s.apiServer.server sets the address that other clusters use; istiod's log says more",
		consumer.Name, l.Endpoint.Server, l.Context)
}
