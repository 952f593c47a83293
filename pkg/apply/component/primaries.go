package component

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// primaries is the way of a remote cluster to the control planes that serve it:
// a Service, and an EndpointSlice for each.
func primaries() Component {
	return Component{
		title: order.Primaries, remotes: true,
		wants: func(w *desired.Wants) {
			c, ns := w.Cluster, w.Cluster.Member.Namespace
			w.Add(order.Subject{Component: order.Primaries, Part: order.Service}, desired.IstiodServiceObject(ns), nil)
			for _, primary := range c.Member.Primaries {
				w.Add(order.Subject{Component: order.Primaries, Part: order.Endpoints, Peer: primary}, desired.EndpointsObject(ns, primary), &desired.PrimaryEndpoints{Primary: primary})
			}
		},
		needs: needsOfPrimaries,
		ends: func(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
			switch ch.Part {
			case order.Probe: // of a proof that was cut off
				return nil
			case order.Endpoints: // which only the pods of c depend on
				return servedIn(c)
			}
			return replaced(s, c, ch)
		},
		Checks: primariesChecks(),
		Proofs: []Proof{{
			Claim: order.Serves, Check: IDServing,
			applies: func(_ *plan.Scene, c *plan.Cluster) bool { return switches(c) },
			needs:   needsOfServing,
			tries:   candidates,
		}, {
			Claim: order.Injected, Check: IDInjection,
			// Always, since an apply before may have ended while it waited.
			applies: func(_ *plan.Scene, c *plan.Cluster) bool { return c.Remote() },
			needs:   needsOfInjection,
		}},
	}
}

// switches says whether what stands behind the control plane of a remote cluster
// changes while pods are injected: its own istiod or a former primary goes, or an
// address comes. Injection alone would prove nothing then, since another may have
// answered, and an address that does not answer would be called for every second pod.
func switches(c *plan.Cluster) bool {
	return c.Remote() && !c.Leaving && (loses(c) || len(arrivals(c)) > 0)
}

// loses says whether something that injects the pods of a remote cluster goes.
func loses(c *plan.Cluster) bool {
	return demotes(c) || slices.ContainsFunc(c.Changes, func(ch plan.Change) bool {
		return ch.Part == order.Endpoints && ch.Removes()
	})
}

// arrivals are the primaries whose addresses change while the webhook of c is
// there, and calls them.
func arrivals(c *plan.Cluster) []string {
	if c.Live.Object(object.InjectorRef(c.Namespace)) == nil {
		return nil
	}
	var out []string
	for _, ch := range c.Changes {
		if ch.Part == order.Endpoints && ch.Pending() && !ch.Removes() {
			out = append(out, ch.Peer)
		}
	}
	return out
}

// candidates are the primaries that have to serve c, each by itself, before
// anything is switched: all that are reached where something goes.
func candidates(s *plan.Scene, c *plan.Cluster) []string {
	names := arrivals(c)
	if loses(c) {
		names = s.Plan.Servers(c)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		p := s.Clusters[name]
		return p == nil || p.Unreached != ""
	})
}

// demotes says whether a remote cluster has a control plane of its own.
func demotes(c *plan.Cluster) bool {
	return c.Remote() && !c.Leaving && plan.HasSelector(c.Live.Object(object.IstiodServiceRef(c.Namespace)))
}

// reachable are the facts that let a webhook of a remote cluster call its
// primaries. While there is no address of any, it would refuse pods.
func reachable(s *plan.Scene, c *plan.Cluster) []order.Fact {
	names := s.Plan.Servers(c)
	var out []order.Fact
	for _, name := range names {
		out = append(out, order.Applied(c.Name, order.Endpoints, name))
	}
	if len(names) == 0 {
		for _, name := range c.Primaries {
			out = append(out, order.Fact{Cluster: name, Claim: order.Addressed})
		}
	}
	return out
}

// injecting are the facts that let primaries of c inject its pods.
func injecting(s *plan.Scene, c *plan.Cluster, primaries []string) []order.Fact {
	var out []order.Fact
	for _, name := range primaries {
		p := s.Clusters[name]
		if p == nil || p.Unreached != "" {
			continue
		}
		out = append(out, order.Fact{Cluster: name, Claim: order.Answers}, order.Fact{Cluster: name, Claim: order.Addressed},
			order.Applied(name, order.Mesh, ""), order.Applied(name, order.Credential, c.Name))
	}
	return out
}

// needsOfServing leaves out the addresses of primaries in c: the proof has its own.
func needsOfServing(s *plan.Scene, c *plan.Cluster) []order.Fact {
	if out := injecting(s, c, candidates(s, c)); len(out) > 0 {
		return out
	}
	var out []order.Fact // none is reached, and all that is to go stays
	for _, name := range c.Primaries {
		out = append(out, order.Fact{Cluster: name, Claim: order.Addressed})
	}
	return out
}

func needsOfInjection(s *plan.Scene, c *plan.Cluster) []order.Fact {
	out := append(injecting(s, c, s.Plan.Servers(c)), reachable(s, c)...)
	out = append(out, applied(c, order.Config, order.Service, order.Webhooks, order.Injector)...)
	if switches(c) {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
	}
	return out
}

func needsOfPrimaries(s *plan.Scene, c *plan.Cluster, ch plan.Change) []order.Fact {
	serves := order.Fact{Cluster: c.Name, Claim: order.Serves}
	switch {
	case ch.Part == order.Endpoints && demotes(c):
		// The webhook of a primary does not say for which cluster it calls, and
		// others would inject pods as their own.
		// https://github.com/istio/istio/blob/1.31.0/pkg/kube/inject/webhook.go (parseInjectEnvs)
		return append(applied(c, order.Injector), serves)
	case ch.Part == order.Endpoints && switches(c):
		// It stands behind the Service that pods are injected through now.
		return []order.Fact{serves}
	case ch.Part == order.Service && demotes(c):
		// The Service loses its selector, which cuts the cluster's own istiod off.
		return append(append(reachable(s, c), applied(c, order.Webhooks, order.Injector)...), serves)
	}
	return nil
}
