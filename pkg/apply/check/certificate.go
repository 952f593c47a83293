package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// IDs of checks: that a cluster trusts the root of the work directory, and that this is
// not on its way to another one.
const (
	IDSameRoot     = "trust/same-root"
	IDRotation     = "trust/rotation"
	IDRootEndsSoon = "trust/root-ends-soon"
)

// certificateChecks are about the root of a mesh and who holds its key.
func certificateChecks() []Check {
	return []Check{
		{ID: IDSameRoot, Severity: Refuses, Applies: trusts, Judge: judgeSameRoot},
		{ID: IDRootEndsSoon, Severity: Warns, Applies: firstCluster, Judge: judgeRootEnds(certs.Soon)},
		{ID: "trust/root-ends", Severity: Ails, Applies: firstCluster, Judge: judgeRootEnds(certs.Urgent, certs.Ended)},
		{ID: IDRotation, Severity: Warns, Applies: firstCluster, Judge: judgeRotation},
		{ID: "trust/root-names", Severity: Refuses, Applies: signs, Judge: judgeRootNames},
		{ID: "trust/root-key", Severity: Refuses, Applies: trusts, Judge: judgeRootKey},
		{ID: "trust/due", Severity: Warns, Applies: signs, Judge: judgeDue},
	}
}

// trusts is a cluster that has, or is to have, an intermediate of its own, or a
// remote one of which it was asked which root its proxies are given.
func trusts(e *Evidence, c *plan.Cluster) bool {
	return Stays(e, c) && e.Plan.Wanted.Root != nil
}

// judgeSameRoot refuses to change the root of a live cluster outside of a rotation, in
// which it is changed by adding to what is trusted and taking from it.
func judgeSameRoot(e *Evidence, c *plan.Cluster) []plan.Finding {
	want, rotation := e.Plan.Wanted.Root, e.Plan.Wanted.Rotation
	if c.Remote() {
		probe := e.Probes[c.Name]
		root, err := RootIn(probe.Root)
		if root == nil || err != nil || root.Same(want) || rotation != nil && root.Related(want) {
			return nil
		}
		return []plan.Finding{{
			State: "other root",
			Message: fmt.Sprintf("its proxies get root %s from %s, but the work directory holds root %s",
				root.Short(), strings.Join(c.Primaries, ", "), want.Short()),
			Hint: "see the log of istiod in " + strings.Join(c.Primaries, ", "),
		}}
	}
	b := Bundle(c)
	if b == nil || b.Root().Same(want) || rotation != nil && b.Root().Related(want) {
		return nil
	}
	f := plan.Finding{
		State:   "other root",
		Object:  cacerts(c),
		Message: fmt.Sprintf("the cluster trusts root %s, but the work directory holds root %s", b.Root().Shorts(), want.Shorts()),
		Hint:    "restore this mesh's certs/root-cert.pem; a running istiod ignores a different root. To change it: setup-mesh certs rotate-root",
	}
	if rotation == nil && b.Root().Related(want) {
		f.Hint = "a rotation of the root was begun: go on in the work directory that holds its certs/rotation.json, which says how far it is"
	}
	return []plan.Finding{f}
}

// firstCluster is where something is said of a mesh as a whole.
func firstCluster(e *Evidence, c *plan.Cluster) bool {
	for _, first := range e.Plan.Clusters {
		if trusts(e, first) {
			return c == first
		}
	}
	return false
}

// judgeRootEnds says that the root that signs ends, where that is so urgent. Nothing that
// it has signed is trusted after that, and another root takes its time.
func judgeRootEnds(when ...certs.Urgency) func(*Evidence, *plan.Cluster) []plan.Finding {
	return func(e *Evidence, _ *plan.Cluster) []plan.Finding {
		root, now := e.Plan.Wanted.Root, e.Plan.World.Now
		end := root.Cert().NotAfter
		urgency := certs.UrgencyOf(end, now)
		if !slices.Contains(when, urgency) {
			return nil
		}
		f := plan.Finding{
			State:   string(urgency),
			Message: fmt.Sprintf("root %s ends on %s, in %s", root.Short(), end.UTC().Format(time.DateOnly), span(end.Sub(now))),
			Hint:    "setup-mesh certs rotate-root leads the mesh to another one without an outage, which takes the time of all clusters",
		}
		if urgency == certs.Ended {
			f.Message = fmt.Sprintf("root %s has ended on %s: nothing that it has signed is trusted", root.Short(), end.UTC().Format(time.DateOnly))
			f.Hint = "make another root with setup-mesh certs rotate-root, and restart all istiods and workloads: without an outage it could be done before only"
		}
		return []plan.Finding{f}
	}
}

// judgeRotation notes, once for all clusters, how far a rotation of the root is.
func judgeRotation(e *Evidence, _ *plan.Cluster) []plan.Finding {
	r := e.Plan.Wanted.Rotation
	if r == nil {
		return nil
	}
	return []plan.Finding{{
		State:   string(r.Phase),
		Message: fmt.Sprintf("root %s is being replaced by root %s: %s", r.Old.Short(), r.New.Short(), r.Phase.Words()),
		Hint:    "setup-mesh certs rotate-root goes on; with --back it leads back to the old root",
	}}
}

// OtherRoot says whether c as a whole trusts another root than that of the mesh.
func OtherRoot(e *Evidence, c *plan.Cluster) bool { return len(judgeSameRoot(e, c)) > 0 }

// Bundle is the intermediate of a primary, nil if there is none, or none that
// can be read.
func Bundle(c *plan.Cluster) *certs.Bundle {
	live := c.Live.Object(cacerts(c))
	if c.Remote() || live == nil {
		return nil
	}
	b, err := certs.ParseBundle(desired.SecretData(live))
	if err != nil {
		return nil
	}
	return b
}

// judgeRootKey refuses an intermediate that nobody can sign.
func judgeRootKey(e *Evidence, c *plan.Cluster) []plan.Finding {
	ref := cacerts(c)
	ch := c.Planned(ref)
	if ch == nil || !ch.Pending() || !ch.Mint || e.Plan.Wanted.Root.CanSign() || OtherRoot(e, c) {
		return nil
	}
	if late, ok := ch.Item.Late.(*desired.Intermediate); ok {
		if b, _ := late.Ready(c.Live.Object(ref), e.Plan.World.Now); b != nil {
			return nil
		}
	}
	key := "root key"
	if e.Plan.Wanted.Root.Tiered() {
		key = "key of the signing CA"
	}
	return []plan.Finding{{
		Message: fmt.Sprintf("a new intermediate is needed, but the %s that signs it is missing", key),
		Hint:    WhoSigns(e.Plan.Wanted),
	}}
}

// WhoSigns is how a cluster gets another intermediate below the root that is wanted, which
// may not be known.
func WhoSigns(d *desired.Desired) string {
	if d.Root == nil || d.Root.CanSign() {
		return "setup-mesh apply renews it"
	}
	file := certs.RootKeyFile
	if d.Root.Tiered() {
		file = certs.SigningKeyFile
	}
	csr := "setup-mesh certs csr"
	if d.Rotation != nil {
		if _, isNew := d.Rotation.Signing(); isNew {
			file = "new-" + file
		} else {
			csr += " --back" // it is for the new root otherwise
		}
	}
	return fmt.Sprintf("put certs/%s back for this apply, name who has the key with --sign-command, or have it signed elsewhere: %s", file, csr)
}

// judgeDue warns of an intermediate that is kept although it is time for another one.
func judgeDue(e *Evidence, c *plan.Cluster) []plan.Finding {
	ch, b := c.Planned(cacerts(c)), Bundle(c)
	if ch == nil || ch.Mint || b == nil || e.Plan.Wanted.Root.CanSign() || OtherRoot(e, c) || certs.Judge(b.NotBefore(), b.NotAfter(), e.Plan.World.Now) != certs.Due {
		return nil
	}
	return []plan.Finding{{
		State: string(certs.Due), Object: ch.Object,
		Message: fmt.Sprintf("the intermediate is due: valid until %s; it is kept until somebody signs another", b.NotAfter().UTC().Format(time.DateOnly)),
		Hint:    WhoSigns(e.Plan.Wanted),
	}}
}

// cacerts is the Secret with the intermediate of c.
func cacerts(c *plan.Cluster) object.Ref { return object.SecretRef(c.Namespace, object.Cacerts) }

// signs is a cluster that has, or is to have, an intermediate of its own.
func signs(e *Evidence, c *plan.Cluster) bool { return trusts(e, c) && !c.Remote() }

// judgeRootNames refuses a root below which nobody would trust the workloads of the
// cluster.
func judgeRootNames(e *Evidence, c *plan.Cluster) []plan.Finding {
	d := e.Plan.Wanted
	ca, err := d.Root.Forbids(e.Plan.World.Now, d.Identity(c.Member))
	if err == nil {
		return nil
	}
	return []plan.Finding{{
		Message: fmt.Sprintf("the name constraints of %s do not allow this cluster's certificates: %v", ca, err),
		Hint:    fmt.Sprintf("use a root that permits URIs of trust domain %s and the DNS names istiod, istiod-remote and istio-pilot in %s.svc, or one without name constraints", d.TrustDomain, c.Namespace),
	}}
}

// RootIn is the certificate in the ConfigMap that istiod writes for proxies.
func RootIn(seen world.Observed) (*certs.Root, error) {
	if seen.Object == nil {
		return nil, seen.Err
	}
	text, _, err := unstructured.NestedString(seen.Object.Object, "data", "root-cert.pem")
	if err != nil {
		return nil, err
	}
	return certs.ParseRoot([]byte(text), nil)
}
