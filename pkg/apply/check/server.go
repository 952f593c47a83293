package check

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// serverChecks are about the API servers that other clusters have to reach.
func serverChecks() []Check {
	return []Check{
		{ID: "api-server/address", Severity: Refuses, Asks: []Question{AskNodes}, Applies: loopback, Judge: judgeServerAddress},
		{ID: "api-server/ca", Severity: Refuses, Applies: isRead, Judge: judgeServerCA},
		{ID: "api-server/proxy", Severity: Warns, Applies: isRead, Judge: judgeServerProxy},
	}
}

// isRead says whether other clusters are to read the API server of c.
func isRead(e *Evidence, c *plan.Cluster) bool {
	return reached(e, c) && !c.Leaving && c.Desired != nil && len(c.Desired.ReadBy) > 0
}

// loopback says whether they cannot, since its address means something only on
// this machine.
func loopback(e *Evidence, c *plan.Cluster) bool {
	return isRead(e, c) && c.Live.Endpoint.Loopback() && !e.Plan.Options.AllowLoopback
}

func judgeServerAddress(e *Evidence, c *plan.Cluster) []plan.Finding {
	f := plan.Finding{
		Message: fmt.Sprintf("the API server address of context %s is %s: no other cluster can reach it", c.Context, c.Live.Endpoint.Server),
		Hint:    "give the context an address that the other clusters reach (kind: kind get kubeconfig --internal); " + allowLoopback,
	}
	if seen := e.inspection[c.Name]; seen != nil && len(seen.Nodes) > 0 {
		f.Hint = loopbackRemedy(c.Context, seen.Nodes)
	}
	return []plan.Finding{f}
}

const allowLoopback = "or pass --allow-loopback if this one works for them"

// kubeadmPort is where the API servers of kubeadm listen, those of kind among
// them: https://kubernetes.io/docs/reference/networking/ports-and-protocols/
const kubeadmPort = 6443

// loopbackRemedy is what other clusters most likely reach the API server at.
func loopbackRemedy(context string, nodes []string) string {
	why := "the address of its node, with kubeadm's port"
	if len(nodes) > 1 {
		why = fmt.Sprintf("a guess: one of %d nodes, with kubeadm's port", len(nodes))
	}
	return fmt.Sprintf("in topology.yaml, contexts.%s.apiServer.server: https://%s (%s); %s",
		context, net.JoinHostPort(nodes[0], strconv.Itoa(kubeadmPort)), why, allowLoopback)
}

func judgeServerCA(_ *Evidence, c *plan.Cluster) []plan.Finding {
	if !c.Live.Endpoint.Insecure {
		return nil
	}
	return []plan.Finding{{
		Message: fmt.Sprintf("context %s skips TLS verification: there is no CA to hand to the other clusters", c.Context),
		Hint:    "put the CA of the API server into the kubeconfig",
	}}
}

// judgeServerProxy warns where remote secrets are about to be made: a proxy of
// this machine is no use to pods elsewhere, and istiod refuses kubeconfigs with
// one that it was not told to accept. The proxy is not named, because its URL may
// hold a password.
func judgeServerProxy(e *Evidence, c *plan.Cluster) []plan.Finding {
	if c.Live.Endpoint.ProxyURL == "" || c.Desired.Server.Server != "" {
		return nil
	}
	if slices.ContainsFunc(e.minted[c.Name], func(ch plan.Change) bool { return ch.Part == order.Credential }) {
		return []plan.Finding{{
			Message: fmt.Sprintf("context %s reaches the API server through a proxy, but the credentials for the other clusters do not use it: their istiods call %s directly", c.Context, c.Live.Endpoint.Server),
			Hint:    fmt.Sprintf("if that does not work, set contexts.%s.apiServer.server to an address that does", c.Context),
		}}
	}
	return nil
}
