package component

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDs of checks.
const (
	IDKnown   = "gateway/known"
	IDAnswers = "gateway/answers"
)

// networkChecks are about the way to other networks: what istiods believe of it, and
// whether somebody is there.
func networkChecks() []check.Check {
	return []check.Check{
		{
			ID: IDKnown, Severity: check.Ails, Asks: []check.Question{check.AskGateways},
			Applies: func(e *check.Evidence, c *plan.Cluster) bool { return check.Primary(e, c) && c.Desired.Exposed }, Judge: judgeKnown,
		},
		{ID: IDAnswers, Severity: check.Ails, Asks: []check.Question{check.AskReach}, Applies: usesGateway, Judge: judgeAnswers},
		{ID: check.IDNotRoutable, Severity: check.Warns, Asks: []check.Question{check.AskReach}, Applies: usesGateway, Judge: judgeNotRoutable},
	}
}

// judgeKnown compares the gateways that istiods send to with those that there are. It
// is silent about clusters that istiod does not read, of which another check tells.
func judgeKnown(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	said := map[string]bool{}
	for _, v := range e.Probes[c.Name].Istiods {
		switch {
		case v.Err != nil, v.Gateways == nil && v.GatewaysErr == nil: // which is said elsewhere, or nobody asked
			continue
		case v.GatewaysErr != nil:
			return append(out, plan.Unanswered(v.GatewaysErr, fmt.Sprintf("could not ask %s where it sends what is for other networks: %v", v.Pod, v.GatewaysErr)))
		}
		for _, name := range append([]string{c.Name}, c.Reads...) {
			other := e.Plan.Cluster(name)
			if other == nil || !usesGateway(e, other) || v.Clusters[name] != observe.Synced || said[name] || strays(e, c, name) {
				continue
			}
			if why := check.GatewayUnlike(other, v.Gateways); why != "" {
				said[name] = true
				out = append(out, plan.Finding{
					Peer: name, State: "gateway unknown",
					Message: fmt.Sprintf("%s does not send to the gateway of %s: %s", v.Pod, name, why),
					Hint:    hintOfGateway(c, other),
				})
			}
		}
	}
	return out
}

// hintOfGateway is what to do where istiods of c do not know the gateway of other by its
// address. Its Service tells them by a label; where topology.yaml has addresses, it must
// not. An istiod that was told of both at the same time may keep the old address.
func hintOfGateway(c, other *plan.Cluster) string {
	service := other.Live.Object(object.GatewayServiceRef(other.Namespace))
	switch {
	case len(other.Addresses) == 0:
		return check.Mend
	case service != nil && service.GetLabels()[object.LabelNetwork] != "":
		return fmt.Sprintf("kubectl --context %s -n %s label service %s %s- takes away what hides contexts.%s.gateway.addresses; then setup-mesh apply",
			other.Context, other.Namespace, object.EastWestGateway, object.LabelNetwork, other.Context)
	}
	return check.ForgetfulHint(c)
}

// judgeAnswers looks at who is at the addresses of the gateway, as far as that can be
// seen from here.
func judgeAnswers(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	if len(running(c, object.GatewayRef(c.Namespace), "")) > 0 || !c.Remote() && len(running(c, object.IstiodRef(c.Namespace), "")) > 0 {
		return nil // why nobody answers is said elsewhere
	}
	var out []plan.Finding
	for _, k := range e.Probes[c.Name].Knocks {
		f := plan.Finding{Object: object.GatewayServiceRef(c.Namespace), State: "no answer"}
		switch {
		case !k.Routable, k.TCP == nil && (k.TLS == nil || check.OtherRoot(e, c)):
			continue
		case k.TCP != nil:
			f.Message = fmt.Sprintf("nobody listens at the gateway's address %s: %v", k.Address, k.TCP)
			f.Hint = "does what is in front of the gateway, a load balancer or a firewall, lead there? kubectl --context " + c.Context + " -n " + c.Namespace + " describe service " + object.EastWestGateway
		default:
			f.Message = fmt.Sprintf("the gateway at %s does not pass on to istiod: %v", k.Address, k.TLS)
			f.Hint = "see the log of the gateway's pod; is another program at that address?"
		}
		out = append(out, f)
	}
	return out
}

// judgeNotRoutable notes, once for all clusters, which gateways could not be tried.
func judgeNotRoutable(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var names []string
	first := ""
	for _, other := range e.Plan.Clusters {
		knocks := e.Probes[other.Name].Knocks
		i := slices.IndexFunc(knocks, func(k observe.Knock) bool { return !k.Routable })
		if i < 0 || !usesGateway(e, other) {
			continue
		}
		names, first = append(names, other.Name), cmp.Or(first, knocks[i].Address)
	}
	if len(names) == 0 || names[0] != c.Name {
		return nil
	}
	return []plan.Finding{{Message: fmt.Sprintf("the gateways of %s were not tried: %s cannot be reached from here", check.Few(names), first)}}
}
