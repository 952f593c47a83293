package apply

import (
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// primaries is the way of a remote cluster to the control planes that serve it:
// a Service, and an EndpointSlice for each.
func primaries() component {
	return component{
		title: order.Primaries,
		wants: func(w *wants) {
			c, ns := w.cluster, w.cluster.Member.Namespace
			w.add(order.Subject{Component: order.Primaries, Part: order.Service}, istiodServiceObject(ns), nil)
			for _, primary := range c.Member.Primaries {
				w.add(order.Subject{Component: order.Primaries, Part: order.Endpoints, Peer: primary}, endpointsObject(ns, primary), &primaryEndpoints{primary: primary})
			}
		},
		needs: needsOfPrimaries,
		ends: func(s *scene, c *ClusterPlan, ch Change) []order.Fact {
			switch ch.Part {
			case order.Probe: // of a proof that was cut off
				return nil
			case order.Endpoints: // which only the pods of c depend on
				return servedIn(s, c)
			}
			return replaced(s, c, ch)
		},
		checks: primariesChecks(),
		proofs: []proof{{
			claim: order.Serves, check: checkServing,
			applies: func(s *scene, c *ClusterPlan) bool { return s.switches(c) },
			needs:   needsOfServing,
			tries:   candidates,
		}, {
			claim: order.Injected, check: checkInjection,
			// Always, since an apply before may have ended while it waited.
			applies: func(_ *scene, c *ClusterPlan) bool { return c.Remote() },
			needs:   needsOfInjection,
		}},
	}
}

// switches says whether what stands behind the control plane of a remote cluster
// changes while pods are injected: its own istiod or a former primary goes, or an
// address comes. Injection alone would prove nothing then, since another may have
// answered, and an address that does not answer would be called for every second pod.
func (s *scene) switches(c *ClusterPlan) bool {
	return c.Remote() && !c.Leaving && (s.loses(c) || len(s.arrivals(c)) > 0)
}

// loses says whether something that injects the pods of a remote cluster goes.
func (s *scene) loses(c *ClusterPlan) bool {
	return s.demotes(c) || slices.ContainsFunc(c.Changes, func(ch Change) bool {
		return ch.Part == order.Endpoints && ch.removes()
	})
}

// arrivals are the primaries whose addresses change while the webhook of c is
// there, and calls them.
func (s *scene) arrivals(c *ClusterPlan) []string {
	if c.Live.object(injectorRef(c.Namespace)) == nil {
		return nil
	}
	var out []string
	for _, ch := range c.Changes {
		if ch.Part == order.Endpoints && ch.Pending() && !ch.removes() {
			out = append(out, ch.Peer)
		}
	}
	return out
}

// candidates are the primaries that have to serve c, each by itself, before
// anything is switched: all that are reached where something goes.
func candidates(s *scene, c *ClusterPlan) []string {
	names := s.arrivals(c)
	if s.loses(c) {
		names = s.plan.Servers(c)
	}
	return slices.DeleteFunc(names, func(name string) bool {
		p := s.clusters[name]
		return p == nil || p.Unreached != ""
	})
}

// demotes says whether a remote cluster has a control plane of its own.
func (s *scene) demotes(c *ClusterPlan) bool {
	return c.Remote() && !c.Leaving && hasSelector(c.Live.object(object.IstiodServiceRef(c.Namespace)))
}

// reachable are the facts that let a webhook of a remote cluster call its
// primaries. While there is no address of any, it would refuse pods.
func (s *scene) reachable(c *ClusterPlan) []order.Fact {
	names := s.plan.Servers(c)
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
func (s *scene) injecting(c *ClusterPlan, primaries []string) []order.Fact {
	var out []order.Fact
	for _, name := range primaries {
		p := s.clusters[name]
		if p == nil || p.Unreached != "" {
			continue
		}
		out = append(out, order.Fact{Cluster: name, Claim: order.Answers}, order.Fact{Cluster: name, Claim: order.Addressed},
			order.Applied(name, order.Mesh, ""), order.Applied(name, order.Credential, c.Name))
	}
	return out
}

// needsOfServing leaves out the addresses of primaries in c: the proof has its own.
func needsOfServing(s *scene, c *ClusterPlan) []order.Fact {
	if out := s.injecting(c, candidates(s, c)); len(out) > 0 {
		return out
	}
	var out []order.Fact // none is reached, and all that is to go stays
	for _, name := range c.Primaries {
		out = append(out, order.Fact{Cluster: name, Claim: order.Addressed})
	}
	return out
}

func needsOfInjection(s *scene, c *ClusterPlan) []order.Fact {
	out := append(s.injecting(c, s.plan.Servers(c)), s.reachable(c)...)
	out = append(out, applied(c, order.Config, order.Service, order.Webhooks, order.Injector)...)
	if s.switches(c) {
		out = append(out, order.Fact{Cluster: c.Name, Claim: order.Serves})
	}
	return out
}

func needsOfPrimaries(s *scene, c *ClusterPlan, ch Change) []order.Fact {
	serves := order.Fact{Cluster: c.Name, Claim: order.Serves}
	switch {
	case ch.Part == order.Endpoints && s.demotes(c):
		// The webhook of a primary does not say for which cluster it calls, and
		// others would inject pods as their own.
		// https://github.com/istio/istio/blob/1.31.0/pkg/kube/inject/webhook.go (parseInjectEnvs)
		return append(applied(c, order.Injector), serves)
	case ch.Part == order.Endpoints && s.switches(c):
		// It stands behind the Service that pods are injected through now.
		return []order.Fact{serves}
	case ch.Part == order.Service && s.demotes(c):
		// The Service loses its selector, which cuts the cluster's own istiod off.
		return append(append(s.reachable(c), applied(c, order.Webhooks, order.Injector)...), serves)
	}
	return nil
}
