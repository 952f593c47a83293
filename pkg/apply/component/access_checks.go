package component

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// IDs of checks.
const (
	IDRemoteSecret = "access/remote-secret"
	IDAccepted     = "discovery/credential-valid"
	IDSynced       = "discovery/synced"
)

// accessChecks are about whether istiods can and do read the clusters that they
// should.
func accessChecks() []check.Check {
	return append(credentialChecks(), []check.Check{
		check.DamageCheck("access/reader", func(c *plan.Cluster, ch plan.Change) bool { return ch.Part == order.Account || isReader(c, ch) }),
		check.PeerCheck("access/granted", order.Grant),
		check.PeerCheck(IDRemoteSecret, order.Credential),
		{ID: IDAccepted, Severity: check.Ails, Asks: []check.Question{check.AskCredentials}, Applies: check.Primary, Judge: judgeCredential},
		{ID: "discovery/credential-expires", Severity: check.Ails, Applies: check.Primary, Judge: judgeExpiry},
		{ID: IDSynced, Severity: check.Ails, Asks: []check.Question{check.AskIstiods}, Applies: check.Primary, Judge: judgeSynced},
	}...)
}

// isReader says whether an object of the charts is the account that other
// clusters' istiods use, or gives it its rights.
func isReader(c *plan.Cluster, ch plan.Change) bool {
	account := desired.AccountRef(c.Namespace, c.Desired.Account)
	if ch.Object == account {
		return true
	}
	if ch.Object.Group != object.RBACGroup || ch.Item == nil {
		return false
	}
	if ch.Object.Kind == "ClusterRoleBinding" {
		return check.BindsTo(ch.Item.Object.Object, account)
	}
	return slices.ContainsFunc(c.Desired.Items, func(it *desired.Item) bool {
		return it.Ref.Kind == "ClusterRoleBinding" && check.BindsTo(it.Object.Object, account) && check.RoleOf(it.Object.Object) == ch.Object
	})
}

// judgeCredential is what the API servers said to the stored credentials. One
// that gave no answer may accept them: that is not known.
func judgeCredential(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, source := range c.Reads {
		err := e.Probes[c.Name].Credentials[source]
		if err == nil || strays(e, c, source) {
			continue // or for a reason that another check gives
		}
		class, hint := object.ClassOf(err), check.Mend
		unknown := class == object.Unreachable || class == object.Timeout || class == object.Canceled
		if peer := e.Plan.Cluster(source); unknown && peer != nil && peer.Unreached != "" {
			hint = check.First("cluster/reached", source)
		} else if unknown {
			hint = cmp.Or(object.HintOf(err), "setup-mesh status, once it answers")
		}
		out = append(out, plan.Finding{
			Peer: source, State: string(class), Unknown: unknown,
			Message: fmt.Sprintf("cannot read %s: %v", source, err), Hint: hint,
		})
	}
	return out
}

// judgeSynced is what istiods say. A credential that is missing, or that its API
// server refuses, counts more, and is said by another check; so is that a cluster has
// not joined yet, or not left yet.
func judgeSynced(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	probe := e.Probes[c.Name]
	views := probe.Istiods
	if probe.Err != nil {
		views = []observe.IstiodView{{Err: probe.Err}}
	}
	silent := slices.ContainsFunc(views, func(v observe.IstiodView) bool { return v.Err != nil })
	missing := observe.Undiscovered(c.Name, c.Reads, c.Reads, views)
	var out []plan.Finding
	for _, name := range object.SortedKeys(missing) {
		if probe.Credentials[name] != nil || check.ToJoin(e, name) || check.ToLeave(e, name) || lacksCredential(c, name) || saidOtherwise(e, c, views, name) {
			continue
		}
		message := "does not discover %s: %s"
		if !silent && !slices.Contains(c.Reads, name) {
			message = "discovers %s, and should not: %s"
		}
		out = append(out, plan.Finding{
			Peer: name, State: missing[name], Unknown: silent,
			Message: fmt.Sprintf(message, name, missing[name]),
			Hint:    cmp.Or(idleIstiods(e, c), spoiltCredential(c, name), check.NeededFor(c, probe.Err, "list pods in namespace "+c.Namespace), check.ReachHint(e.Plan.World, c, name, probe.Istiods), "setup-mesh apply; then look at the log of istiod"),
		})
	}
	return out
}

// saidOtherwise says whether another check gives the reason why a cluster is not
// known to the istiods of c, or is and should not be: the name of its own cluster, or a
// credential that is not what it says.
func saidOtherwise(e *check.Evidence, c *plan.Cluster, views []observe.IstiodView, name string) bool {
	if slices.ContainsFunc(views, func(v observe.IstiodView) bool { return v.Self == name }) {
		return true
	}
	return slices.ContainsFunc(c.Reads, func(source string) bool {
		names := misnamed(c, source)
		return names != "" && (source == name || slices.Contains(strings.Split(names, ", "), name)) || source == name && misdirected(e, c, source) != ""
	})
}

// lacksCredential says whether a remote secret that was applied is gone.
func lacksCredential(c *plan.Cluster, source string) bool {
	return slices.ContainsFunc(c.Changes, func(ch plan.Change) bool {
		return ch.Part == order.Credential && ch.Peer == source && check.Missing(c, ch)
	})
}

// spoiltCredential is the remedy of what comes of a remote secret that somebody has deleted or
// changed, "" where nobody has.
func spoiltCredential(c *plan.Cluster, source string) string {
	if check.Damaged(c, object.SecretRef(c.Namespace, object.RemoteSecretPrefix+source)) {
		return check.First(IDRemoteSecret, c.Name)
	}
	return ""
}

// judgeExpiry finds credentials of c that have ended, or will soon.
func judgeExpiry(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, source := range c.Reads {
		v, ok := desired.ValidityOf(c.Credential(source))
		if !ok || e.Probes[c.Name].Credentials[source] != nil {
			continue
		}
		if verdict := certs.Judge(v.Issued, v.Expires, e.Plan.World.Now); verdict == certs.Due || verdict == certs.Expired {
			out = append(out, plan.Finding{
				Peer:    source,
				Message: fmt.Sprintf("the credential for %s is %s: valid until %s", source, verdict, v.Expires.UTC().Format("2006-01-02 15:04 UTC")),
				Hint:    "setup-mesh apply makes a new one",
			})
		}
	}
	return out
}
