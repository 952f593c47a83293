package check

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// memberChecks are about what a cluster is in its mesh: running proxies keep
// what they were told when they were injected.
func memberChecks() []Check {
	return []Check{
		{ID: "cluster/same-name", Severity: Warns, Applies: Joined, Judge: judgeSameName},
		{ID: "cluster/same-network", Severity: Warns, Applies: Joined, Judge: judgeSameNetwork},
		{ID: "trust/same-domain", Severity: Refuses, Applies: signsAlready, Judge: judgeSameDomain},
		{ID: IDDomainDropped, Severity: Warns, Applies: signsAlready, Judge: judgeDomainDropped},
		{ID: "shared-services/copied", Severity: Refuses, Applies: Stays, Judge: judgeCopied},
		{ID: "shared-services/same-ports", Severity: Warns, Applies: reached, Judge: judgeSamePorts},
	}
}

func judgeSamePorts(e *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, m := range e.Plan.Shared.Mismatched[c.Name] {
		out = append(out, plan.Finding{
			Peer: m.With, Object: m.Service,
			Message: fmt.Sprintf("%s has different ports than in %s, but is one Service for the mesh", m.Service, m.With),
			Hint:    "give it the same ports in both clusters",
		})
	}
	return out
}

func judgeCopied(e *Evidence, _ *plan.Cluster) []plan.Finding {
	if err := e.Plan.Unshared; err != nil {
		return []plan.Finding{{Message: fmt.Sprintf("could not copy the Services of sharedServices: %v", err)}}
	}
	return nil
}

// judgeSameName finds a cluster that had another name: istiod takes a proxy for
// one of the cluster that the proxy names, and that is none it knows.
// https://github.com/istio/istio/issues/54764
func judgeSameName(e *Evidence, c *plan.Cluster) []plan.Finding {
	m := c.Before()
	if c.New || m == nil || m.Name == c.Name || len(judgeSameAsBefore(e, c)) > 0 {
		return nil
	}
	return []plan.Finding{{
		Peer:    m.Name,
		Message: fmt.Sprintf("the cluster's name changes from %s to %s: running proxies use %s until they restart, and istiod refuses them", m.Name, c.Name, m.Name),
		Hint:    fmt.Sprintf("keep the name with contexts.%s.name: %s, or restart all workloads after the apply: kubectl rollout restart", c.Context, m.Name),
	}}
}

// judgeSameNetwork warns that pods are told their network when they are injected.
// https://istio.io/latest/docs/reference/config/labels/#TopologyNetwork
func judgeSameNetwork(_ *Evidence, c *plan.Cluster) []plan.Finding {
	m := c.Before()
	if c.New || m == nil || m.Network == c.Network {
		return nil
	}
	return []plan.Finding{{
		Message: fmt.Sprintf("running pods stay on network %s until they restart", m.Network),
		Hint:    "restart the workloads of the cluster after the apply: kubectl rollout restart",
	}}
}
