package check

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// identityChecks are about which clusters contexts lead to, and whose they are.
func identityChecks() []Check {
	return []Check{
		{ID: "cluster/only-once", Severity: Refuses, Applies: reached, Judge: judgeOnlyOnce},
		{ID: "cluster/same-as-before", Severity: Refuses, Applies: reached, Judge: judgeSameAsBefore},
		{ID: "cluster/of-this-mesh", Severity: Refuses, Applies: reached, Judge: judgeOfThisMesh},
		{ID: "cluster/same-namespace", Severity: Refuses, Applies: reached, Judge: judgeSameNamespace},
		{ID: "cluster/forgotten", Severity: Warns, Applies: forgotten, Judge: judgeForgotten},
	}
}

// twinsOf maps what leads to a cluster that an earlier context leads to as well.
func twinsOf(w *world.World) map[*world.Live]*world.Live {
	first, out := map[string]*world.Live{}, map[*world.Live]*world.Live{}
	for _, l := range w.Clusters {
		if l.Unreached != nil {
			continue
		}
		if twin := first[l.UID]; twin != nil {
			out[l] = twin
		}
		first[l.UID] = l
	}
	return out
}

func judgeOnlyOnce(e *Evidence, c *plan.Cluster) []plan.Finding {
	first := e.twins[c.Live]
	if first == nil {
		return nil
	}
	return []plan.Finding{{
		Peer:    first.Name,
		Message: fmt.Sprintf("contexts %s and %s lead to the same cluster (kube-system UID %s)", first.Context, c.Context, c.UID),
		Hint:    "remove one of the two from topology.yaml",
	}}
}

// recordedContexts are the UIDs of the clusters that contexts led to at the last
// apply. The first record tells; a member that was never reached has no UID.
func recordedContexts(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for _, l := range p.World.Clusters {
		if l.Record == nil || l.Record.Mesh != p.Mesh {
			continue
		}
		for _, m := range l.Record.Members {
			if out[m.Context] == "" {
				out[m.Context] = m.UID
			}
		}
	}
	return out
}

// judgeSameAsBefore finds a context that leads to another cluster than when the
// mesh was last applied, to another member too: names of clusters come from
// contexts, and a member that changes its name is another one to all istiods.
func judgeSameAsBefore(e *Evidence, c *plan.Cluster) []plan.Finding {
	was := e.recorded[c.Context]
	if e.Plan.Options.AcceptNew || was == "" || was == c.UID {
		return nil
	}
	return []plan.Finding{{
		Message: fmt.Sprintf("context %s points to a different cluster than at the last apply (kube-system UID %s, was %s)", c.Context, c.UID, was),
		Hint:    "check the kubeconfig; if the old cluster is gone for good, pass --accept-new-cluster",
	}}
}

func judgeOfThisMesh(e *Evidence, c *plan.Cluster) []plan.Finding {
	meshes := map[string]string{}
	if r := c.Live.Record; r != nil {
		meshes[c.Live.Namespace] = r.Mesh
	}
	if !c.Leaving {
		for namespace, found := range c.Live.Elsewhere {
			meshes[namespace] = found.Mesh
		}
	}
	var out []plan.Finding
	for _, namespace := range object.SortedKeys(meshes) {
		if mesh := meshes[namespace]; mesh != e.Plan.Mesh {
			out = append(out, plan.Finding{
				Message: fmt.Sprintf("the cluster is a member of mesh %s (namespace %s), not of %s", mesh, namespace, e.Plan.Mesh),
				Hint:    "set mesh_id to " + mesh + ", or tear that mesh down first",
			})
		}
	}
	return out
}

func judgeSameNamespace(e *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, namespace := range object.SortedKeys(c.Live.Elsewhere) {
		if !c.Leaving && c.Live.Elsewhere[namespace].Mesh == e.Plan.Mesh {
			out = append(out, plan.Finding{
				Message: fmt.Sprintf("the control plane is in namespace %s, but topology.yaml says %s", namespace, c.Namespace),
				Hint:    "set contexts." + c.Context + ".namespace to " + namespace + "; to move the control plane, take the cluster out, apply, and add it again",
			})
		}
	}
	return out
}

func judgeForgotten(_ *Evidence, _ *plan.Cluster) []plan.Finding {
	return []plan.Finding{{Message: "removed from the records; everything installed there stays, and its CA is trusted until it expires"}}
}
