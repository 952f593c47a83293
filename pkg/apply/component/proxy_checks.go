package component

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// proxyChecks are about the proxies that are connected to istiods.
func proxyChecks() []check.Check {
	asks := []check.Question{check.AskProxies}
	return []check.Check{
		{ID: "proxies/cluster", Severity: check.Ails, Asks: asks, Applies: check.Primary, Judge: judgeProxyCluster},
		{ID: check.IDProxyVersion, Severity: check.Warns, Asks: asks, Applies: check.Primary, Judge: judgeProxyVersion},
		{ID: IDProxyNetwork, Severity: check.Ails, Asks: []check.Question{check.AskSample}, Applies: check.Joined, Judge: judgeProxyNetwork},
		{ID: IDProxyRoot, Severity: check.Ails, Asks: []check.Question{check.AskSample}, Applies: trusts, Judge: judgeProxyRoot},
	}
}

// byProxy groups the proxies of the istiods of c by what is said of them, "" for
// nothing.
func byProxy(e *check.Evidence, c *plan.Cluster, say func(observe.Proxy) string) map[string][]string {
	out, seen := map[string][]string{}, map[string]bool{}
	for _, v := range e.Probes[c.Name].Istiods {
		for _, p := range v.Proxies {
			if what := say(p); what != "" && !seen[p.Name+what] {
				seen[p.Name+what] = true
				out[what] = append(out[what], p.Name)
			}
		}
	}
	return out
}

// judgeProxyCluster finds proxies of a cluster that their istiod does not read: it
// has no services for them, and does not know who they are.
func judgeProxyCluster(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, v := range e.Probes[c.Name].Istiods {
		if v.Err == nil && v.ProxiesErr != nil {
			return []plan.Finding{plan.Unanswered(v.ProxiesErr, fmt.Sprintf("could not ask %s which proxies it has: %v", v.Pod, v.ProxiesErr))}
		}
	}
	known := map[string]bool{"": true, c.Name: true}
	for _, other := range e.Plan.Clusters {
		known[other.Name] = true
	}
	strangers := byProxy(e, c, func(p observe.Proxy) string {
		if known[p.Cluster] {
			return ""
		}
		return p.Cluster
	})
	for _, cluster := range object.SortedKeys(strangers) {
		out = append(out, plan.Finding{
			Message: fmt.Sprintf("proxies say that they are in cluster %s, which the mesh does not have: %s", cluster, check.Few(strangers[cluster])),
			Hint:    "restart their workloads, so that they are injected again: kubectl rollout restart",
		})
	}
	return out
}

// judgeProxyVersion notes proxies of another version than their istiod's: those that
// were not restarted since an upgrade.
func judgeProxyVersion(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	want := world.ImageVersion(c.Live.Object(object.IstiodRef(c.Namespace)))
	if _, ok := check.Minor(want); !ok {
		return nil
	}
	others := byProxy(e, c, func(p observe.Proxy) string {
		if _, ok := check.Minor(p.Version); !ok || p.Version == want {
			return ""
		}
		return p.Version
	})
	var out []plan.Finding
	for _, version := range object.SortedKeys(others) {
		out = append(out, plan.Finding{
			Message: fmt.Sprintf("proxies run Istio %s, but istiod runs %s: %s", version, want, check.Few(others[version])),
			Hint:    "restart their workloads, so that they are injected again: kubectl rollout restart",
		})
	}
	return out
}
