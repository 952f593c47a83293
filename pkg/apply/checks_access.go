package apply

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

const (
	checkRemoteSecret = "access/remote-secret"
	checkAccepted     = "discovery/credential-valid"
	checkSynced       = "discovery/synced"
)

// accessChecks are about whether istiods can and do read the clusters that they
// should.
func accessChecks() []Check {
	return []Check{
		damageCheck("access/reader", func(c *ClusterPlan, ch Change) bool { return ch.Part == order.Account || c.isReader(ch) }),
		peerCheck("access/granted", order.Grant),
		peerCheck(checkRemoteSecret, order.Credential),
		{ID: checkAccepted, Severity: Ails, Asks: []Question{AskCredentials}, Applies: primary, Judge: judgeCredential},
		{ID: "discovery/credential-expires", Severity: Ails, Applies: primary, Judge: judgeExpiry},
		{ID: checkSynced, Severity: Ails, Asks: []Question{AskIstiods}, Applies: primary, Judge: judgeSynced},
	}
}

// isReader says whether an object of the charts is the account that other
// clusters' istiods use, or gives it its rights.
func (c *ClusterPlan) isReader(ch Change) bool {
	account := accountRef(c.Namespace, c.Desired.Account)
	if ch.Object == account {
		return true
	}
	if ch.Object.Group != object.RBACGroup || ch.item == nil {
		return false
	}
	if ch.Object.Kind == "ClusterRoleBinding" {
		return bindsTo(ch.item.Object.Object, account)
	}
	return slices.ContainsFunc(c.Desired.Items, func(it *Item) bool {
		return it.Ref.Kind == "ClusterRoleBinding" && bindsTo(it.Object.Object, account) && roleOf(it.Object.Object) == ch.Object
	})
}

// judgeCredential is what the API servers said to the stored credentials. One
// that gave no answer may accept them: that is not known.
func judgeCredential(e *Evidence, c *ClusterPlan) []Finding {
	var out []Finding
	for _, source := range c.Reads {
		err := e.probes[c.Name].Credentials[source]
		if err == nil {
			continue
		}
		class := object.ClassOf(err)
		out = append(out, Finding{
			Peer: source, State: string(class),
			Unknown: class == object.Unreachable || class == object.Timeout || class == object.Canceled,
			Message: fmt.Sprintf("cannot read %s: %v", source, err), Hint: mend,
		})
	}
	return out
}

// judgeSynced is what istiods say. A credential that is missing, or that its API
// server refuses, counts more, and is said by another check.
func judgeSynced(e *Evidence, c *ClusterPlan) []Finding {
	probe := e.probes[c.Name]
	views := probe.Istiods
	if probe.Err != nil {
		views = []IstiodView{{Err: probe.Err}}
	}
	silent := slices.ContainsFunc(views, func(v IstiodView) bool { return v.Err != nil })
	missing := undiscovered(c.Name, c.Reads, c.Reads, views)
	var out []Finding
	for _, name := range sortedKeys(missing) {
		if probe.Credentials[name] != nil || c.lacksCredential(name) {
			continue
		}
		out = append(out, Finding{
			Peer: name, State: missing[name], Unknown: silent,
			Message: fmt.Sprintf("does not discover %s: %s", name, missing[name]),
			Hint:    cmp.Or(reachHint(e.plan.world, c, name, probe.Istiods), "setup-mesh apply; then look at the log of istiod"),
		})
	}
	return out
}

// lacksCredential says whether a remote secret that was applied is gone.
func (c *ClusterPlan) lacksCredential(source string) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool { return ch.Part == order.Credential && ch.Peer == source && c.missing(ch) })
}
