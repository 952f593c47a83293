package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// rules are the steps of a route, in their order. Each names the checks that it is made
// of; TestPairRules holds them to the registry.
func rules() []rule {
	members := []string{"cluster/reached", "cluster/wanted", "cluster/joined", "cluster/of-this-mesh", "cluster/only-once", "cluster/same-as-before"}
	trust := []string{check.IDSameRoot, component.IDCertificate, component.IDRootDistributed, component.IDNamespaceRoots, component.IDProxyRoot, "trust/root-names", "api-server/clock"}
	spaces := []string{"control-plane/namespace", component.IDProxyNetwork}
	nodes := []string{component.IDCNI, component.IDZtunnel}
	near, own := (*route).near, (*route).own
	return []rule{
		{id: StepMembers, ofFrom: members, ofReader: members, ofTo: members, seen: seenMembers},
		{id: StepServed, ofFrom: []string{component.IDControlAddress, component.IDWebhooks, component.IDInjection, "control-plane/service"}, seen: seenServed},
		{id: StepSecret, pair: []string{component.IDRemoteSecret}, needless: own, seen: seenSecret},
		{id: StepName, pair: []string{component.IDCredentialCluster}, ofReader: []string{"istiod/cluster-name"}, ofTo: []string{"istiod/cluster-name"}, seen: seenName},
		{
			id: StepServer, pair: []string{component.IDCredentialServer, component.IDAccepted}, ofTo: []string{"api-server/address", "api-server/ca"},
			needless: own, seen: seenServer,
			counts: func(f plan.Finding) bool { return f.ID != component.IDAccepted || f.Unknown }, // it gave no answer
		},
		{
			id: StepToken, pair: []string{component.IDAccepted, "discovery/credential-expires"}, back: []string{"access/granted"}, ofTo: []string{"access/reader"},
			needless: own, seen: seenToken,
			counts: func(f plan.Finding) bool { return f.ID != component.IDAccepted || !f.Unknown }, // it refused
		},
		{id: StepSynced, pair: []string{component.IDSynced}, ofReader: []string{component.IDRunning, component.IDImages}, seen: seenSynced},
		{id: StepNetwork, ofFrom: spaces, ofTo: spaces, seen: seenNetwork},
		{id: StepNodes, ofFrom: nodes, ofTo: nodes, seen: seenNodes},
		{id: StepGateway, pair: []string{component.IDKnown, component.IDTold}, ofTo: []string{component.IDAddress, component.IDGatewayService, component.IDProgrammed, "gateway/resolved"}, needless: near, seen: seenGateway},
		{id: StepListener, ofTo: []string{"gateway/running", "gateway/exposed", component.IDAnswers, "ambient-gateway/gateway", component.IDTunnelRuns}, needless: near, seen: seenListener},
		{id: StepTrust, ofFrom: trust, ofReader: trust, ofTo: trust, seen: seenTrust},
	}
}

func right(format string, args ...any) Step {
	return Step{State: Right, Message: fmt.Sprintf(format, args...)}
}

func uncertain(format string, args ...any) Step {
	return Step{State: Uncertain, Message: fmt.Sprintf(format, args...)}
}

func wrong(format string, args ...any) Step {
	return Step{State: Wrong, Message: fmt.Sprintf(format, args...)}
}

func seenApart(r *route) Step {
	return right("topology.yaml does not have %s discover %s", r.reader.Name, r.to.Name)
}

func seenMembers(r *route) Step {
	if why := r.unseen(r.from, r.reader, r.to); why != "" {
		return uncertain("%s", why)
	}
	return right("all answer, and are members of mesh %s", r.e.Plan.Mesh)
}

func seenServed(r *route) Step {
	if why := r.unseen(r.from); why != "" {
		return uncertain("%s", why)
	}
	return right("%s injects pods of %s", strings.Join(r.from.Primaries, ", "), r.from.Name)
}

func seenSecret(r *route) Step {
	ref := object.SecretRef(r.reader.Namespace, object.RemoteSecretPrefix+r.to.Name)
	switch why := r.unseen(r.reader); {
	case why != "":
		return uncertain("%s", why)
	case r.reader.Credential(r.to.Name) == nil:
		return Step{State: Wrong, Findings: []plan.Finding{{
			ID: component.IDRemoteSecret, Cluster: r.reader.Name, Peer: r.to.Name, Object: ref, State: "missing", Message: fmt.Sprintf("%s is not there yet", ref), Hint: check.Mend,
		}}}
	}
	return right("%s is there", ref)
}

func seenName(r *route) Step {
	switch why := r.unseen(r.reader); {
	case why != "":
		return uncertain("%s", why)
	case r.reader == r.to:
		return right("its istiods call it %s", r.to.Name)
	case r.reader.Credential(r.to.Name) == nil:
		return uncertain("there is no credential")
	}
	return right("the credential is for %s", r.to.Name)
}

// tried is what the API server said to the stored credential; false where it was not
// asked, or where another answered.
func (r *route) tried() (bool, error) {
	err, asked := r.e.Probes[r.reader.Name].Credentials[r.to.Name]
	strays := slices.ContainsFunc(r.found, func(f plan.Finding) bool {
		return r.concerns(rule{pair: []string{component.IDCredentialServer, component.IDCredentialCluster}}, f)
	})
	return asked && !strays, err
}

func seenServer(r *route) Step {
	if asked, _ := r.tried(); !asked {
		return uncertain("there is no credential of %s to try", r.to.Name)
	}
	if r.to.Unreached != "" {
		return right("the API server of %s answers", r.to.Name)
	}
	return right("%s answers from here", r.to.Live.Endpoint.Server)
}

func seenToken(r *route) Step {
	asked, err := r.tried()
	switch {
	case !asked:
		return uncertain("it was not tried")
	case err != nil:
		return uncertain("no API server of %s answered to it", r.to.Name)
	}
	if v, ok := desired.ValidityOf(r.reader.Credential(r.to.Name)); ok {
		return right("accepted, and valid until %s", v.Expires.UTC().Format(time.DateOnly))
	}
	return right("accepted")
}

func seenSynced(r *route) Step {
	probe := r.e.Probes[r.reader.Name]
	if why := r.unseen(r.reader); why != "" {
		return uncertain("%s", why)
	}
	if probe.Err != nil {
		return uncertain("%v", probe.Err)
	}
	only := []string{r.to.Name}
	if why := observe.Undiscovered(r.reader.Name, only, only, probe.Istiods)[r.to.Name]; why != "" {
		return wrong("%s", why)
	}
	var pods []string
	for _, v := range probe.Istiods {
		pods = append(pods, v.Pod)
	}
	return right("so says %s", check.Few(pods))
}

func seenNetwork(r *route) Step {
	if why := r.unseen(r.from, r.to); why != "" {
		return uncertain("%s", why)
	}
	if r.near() != "" {
		return right("both are on network %s", r.to.Network)
	}
	return right("%s on %s, %s on %s", r.from.Name, r.from.Network, r.to.Name, r.to.Network)
}

func seenNodes(r *route) Step {
	if why := r.unseen(r.from, r.to); why != "" {
		return uncertain("%s", why)
	}
	return right("ztunnel and the node agents are ready on every node of both")
}

// seenGateway is about the gateways of To that lead to its sidecars, to its ambient pods, or
// to both.
func seenGateway(r *route) Step {
	if why := r.unseen(r.to, r.reader); why != "" {
		return uncertain("%s", why)
	}
	at := r.tunnelled()
	if at == nil {
		return seenSidecars(r)
	}
	ambient := seenTunnel(r, at)
	if !r.to.Desired.Gateway {
		return ambient
	}
	sidecars := seenSidecars(r)
	switch {
	case sidecars.State != Right:
		return sidecars
	case ambient.State != Right:
		return ambient
	}
	return right("%s; %s", sidecars.Message, ambient.Message)
}

// seenTunnel is about the ambient gateway in the cluster at.
func seenTunnel(r *route, at *plan.Cluster) Step {
	address := at.Live.TunnelAddress()
	if address.Host == "" {
		return uncertain("where the ambient gateway is, is not known")
	}
	for _, v := range r.e.Probes[r.reader.Name].Istiods {
		if v.Tunnels == nil || v.Clusters[r.to.Name] != observe.Synced {
			return uncertain("the ambient gateway is at %s; whether %s tells ztunnels is not known", address, v.Pod)
		}
	}
	return right("the ambient gateway is at %s, and ztunnels are told", address)
}

func seenSidecars(r *route) Step {
	if r.to.Gateway.Host == "" {
		return uncertain("it is not known")
	}
	istiods := r.e.Probes[r.reader.Name].Istiods
	if len(istiods) == 0 {
		return uncertain("it is at %s; no istiod of %s was asked whether it sends there", r.to.Gateway, r.reader.Name)
	}
	for _, v := range istiods {
		if v.Gateways == nil || v.Clusters[r.to.Name] != observe.Synced {
			return uncertain("it is at %s; whether %s sends there is not known", r.to.Gateway, v.Pod)
		}
	}
	return right("it is at %s, and istiod knows that", r.to.Gateway)
}

func seenListener(r *route) Step {
	if why := r.unseen(r.to); why != "" {
		return uncertain("%s", why)
	}
	if !r.to.Desired.Gateway && r.tunnelled() != nil {
		return Step{State: Uncertain, Untried: true, Message: "this was not tried: an ambient gateway speaks to ztunnels only"}
	}
	var open []string
	for _, k := range r.e.Probes[r.to.Name].Knocks {
		switch {
		case !k.Routable:
			return Step{State: Uncertain, Untried: true, Message: k.Address + " cannot be reached from here"}
		case k.TCP == nil && k.TLS == nil:
			open = append(open, k.Address)
		}
	}
	if len(open) == 0 {
		return uncertain("there is no address to try")
	}
	return right("the gateway answers at %s", check.Few(open))
}

func seenTrust(r *route) Step {
	if why := r.unseen(r.from, r.to); why != "" {
		return uncertain("%s", why)
	}
	a, b := trust(r.e, r.from).Root, trust(r.e, r.to).Root
	switch {
	case a == "" || b == "":
		return uncertain("the root of one of the two is not known")
	case a != b:
		return wrong("%s trusts root %s, %s root %s", r.from.Name, a, r.to.Name, b)
	}
	return right("both trust root %s", a)
}
