package check

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// IDSameRoot is the check that a cluster trusts the root of the work directory.
const IDSameRoot = "trust/same-root"

// certificateChecks are about the root of a mesh and who holds its key.
func certificateChecks() []Check {
	return []Check{
		{ID: IDSameRoot, Severity: Refuses, Applies: trusts, Judge: judgeSameRoot},
		{ID: "trust/root-names", Severity: Refuses, Applies: signs, Judge: judgeRootNames},
		{ID: "trust/root-key", Severity: Refuses, Applies: trusts, Judge: judgeRootKey},
	}
}

// trusts is a cluster that has, or is to have, an intermediate of its own, or a
// remote one of which it was asked which root its proxies are given.
func trusts(e *Evidence, c *plan.Cluster) bool {
	return Stays(e, c) && e.Plan.Wanted.Root != nil
}

// judgeSameRoot refuses to change the root of a live cluster.
func judgeSameRoot(e *Evidence, c *plan.Cluster) []plan.Finding {
	want := e.Plan.Wanted.Root
	if c.Remote() {
		probe := e.Probes[c.Name]
		root, err := RootIn(probe.Root)
		if root == nil || err != nil || root.Fingerprint() == want.Fingerprint() {
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
	if b == nil || b.RootFingerprint() == want.Fingerprint() {
		return nil
	}
	return []plan.Finding{{
		State:   "other root",
		Object:  object.SecretRef(c.Namespace, object.Cacerts),
		Message: fmt.Sprintf("the cluster trusts root %s, but the work directory holds root %s", certs.Short(b.RootFingerprint()), want.Short()),
		Hint:    "restore this mesh's certs/root-cert.pem; a running istiod ignores a different root",
	}}
}

// OtherRoot says whether c as a whole trusts another root than that of the mesh.
func OtherRoot(e *Evidence, c *plan.Cluster) bool { return len(judgeSameRoot(e, c)) > 0 }

// Bundle is the intermediate of a primary, nil if there is none, or none that
// can be read.
func Bundle(c *plan.Cluster) *certs.Bundle {
	live := c.Live.Object(object.SecretRef(c.Namespace, object.Cacerts))
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
	ch := c.Planned(object.SecretRef(c.Namespace, object.Cacerts))
	b := Bundle(c)
	if ch == nil || !ch.Pending() || !ch.Mint || e.Plan.Wanted.Root.CanSign() || b != nil && b.RootFingerprint() != e.Plan.Wanted.Root.Fingerprint() {
		return nil
	}
	if late, ok := ch.Item.Late.(*desired.Intermediate); ok && late.Imported(e.Plan.World.Now, b) != nil {
		return nil
	}
	key, file := "root key", certs.RootKeyFile
	if e.Plan.Wanted.Root.Tiered() {
		key, file = "key of the signing CA", certs.SigningKeyFile
	}
	return []plan.Finding{{
		Message: fmt.Sprintf("a new intermediate is needed, but the %s that signs it is missing", key),
		Hint:    fmt.Sprintf("put certs/%s back for this apply, name who has the key with --sign-command, or have it signed elsewhere: setup-mesh certs csr", file),
	}}
}

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
		Hint:    fmt.Sprintf("use a root that permits URIs of trust domain %s and the DNS name istiod.%s.svc, or one without name constraints", d.TrustDomain, c.Namespace),
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
