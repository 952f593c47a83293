package component

import (
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDs of checks.
const (
	IDCredentialServer  = "discovery/credential-server"
	IDCredentialCluster = "discovery/credential-cluster"
)

// credentialChecks are about where the credentials lead that istiods have.
func credentialChecks() []check.Check {
	return []check.Check{
		{ID: IDCredentialServer, Severity: check.Ails, Applies: check.Primary, Judge: judgeCredentialServer},
		{ID: IDCredentialCluster, Severity: check.Ails, Asks: []check.Question{check.AskCredentials}, Applies: check.Primary, Judge: judgeCredentialCluster},
	}
}

// misdirected is how the stored credential of c for source leads elsewhere than to
// where topology.yaml and the kubeconfig say that it is; "" where it does not, and
// where another check says what is wrong with it.
func misdirected(e *check.Evidence, c *plan.Cluster, source string) string {
	secret, from := c.Credential(source), e.Plan.Cluster(source)
	if secret == nil || from == nil || from.Unreached != "" || misnamed(c, source) != "" {
		return ""
	}
	return desired.Misdirected(source, secret, from.Live.Endpoint)
}

// strays says whether what an istiod of c reads as source is not source, by its
// credential: another check says so.
func strays(e *check.Evidence, c *plan.Cluster, source string) bool {
	return misnamed(c, source) != "" || misdirected(e, c, source) != "" || stranger(e, c, source) != ""
}

// stranger is the UID of another cluster that answers to the stored credential of c for
// source; "" where source does, and where one of the two is not known.
func stranger(e *check.Evidence, c *plan.Cluster, source string) string {
	from, uid := e.Plan.Cluster(source), e.Probes[c.Name].LeadsTo[source]
	if from == nil || from.UID == "" || uid == from.UID {
		return ""
	}
	return uid
}

// judgeCredentialServer compares the addresses in stored credentials.
func judgeCredentialServer(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, source := range c.Reads {
		if why := misdirected(e, c, source); why != "" {
			out = append(out, plan.Finding{
				Peer: source, State: "other server", Object: object.SecretRef(c.Namespace, object.RemoteSecretPrefix+source),
				Message: fmt.Sprintf("the credential for %s does not lead to its API server: %s", source, why), Hint: check.Mend,
			})
		}
	}
	return out
}

// misnamed are the names of clusters that the stored credential of c for source has
// in its place, "" where it has that of source alone: istiod takes a cluster's name
// from the key in the Secret.
// https://github.com/istio/istio/blob/1.31.0/pkg/kube/multicluster/secretcontroller.go (addSecret)
func misnamed(c *plan.Cluster, source string) string {
	secret := c.Credential(source)
	if secret == nil {
		return ""
	}
	names := object.SortedKeys(desired.SecretData(secret))
	if slices.Equal(names, []string{source}) {
		return ""
	}
	if len(names) == 0 {
		return "no cluster"
	}
	return strings.Join(names, ", ")
}

// judgeCredentialCluster finds a credential under another cluster's name, and one
// that is another cluster's.
func judgeCredentialCluster(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, source := range c.Reads {
		f := plan.Finding{Peer: source, State: "other cluster", Object: object.SecretRef(c.Namespace, object.RemoteSecretPrefix+source), Hint: check.Mend}
		switch names, uid := misnamed(c, source), stranger(e, c, source); {
		case names != "":
			f.Hint = fmt.Sprintf("kubectl --context %s -n %s delete secret %s, then setup-mesh apply", c.Context, c.Namespace, f.Object.Name)
			f.Message = fmt.Sprintf("%s is the credential for %s, but names %s", f.Object, source, names)
		case uid == "":
			continue
		default:
			f.Message = fmt.Sprintf("the credential for %s leads to %s", source, whoHas(e.Plan, uid))
		}
		out = append(out, f)
	}
	return out
}

// whoHas is which cluster has a UID.
func whoHas(p *plan.Plan, uid string) string {
	for _, c := range p.Clusters {
		if c.UID == uid {
			return c.Name
		}
	}
	return "another cluster (kube-system UID " + uid + ")"
}
