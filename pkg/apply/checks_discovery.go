package apply

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

const (
	checkAccepted = "discovery/credential-valid"
	checkSynced   = "discovery/synced"
)

// discoveryChecks are about whether istiods read the clusters that they should.
func discoveryChecks() []Check {
	return []Check{
		{ID: checkAccepted, Severity: Ails, Asks: []Question{AskCredentials}, Applies: primary, Judge: judgeCredential},
		{ID: "discovery/credential-expires", Severity: Ails, Applies: primary, Judge: judgeExpiry},
		{ID: checkSynced, Severity: Ails, Asks: []Question{AskIstiods}, Applies: primary, Judge: judgeSynced},
	}
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
