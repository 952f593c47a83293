package component

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// IDs of checks.
const (
	IDCertificate     = "trust/certificate"
	IDRootDistributed = "trust/root-distributed"
	IDNamespaceRoots  = "trust/root-in-namespaces"
)

// trustChecks are about what proxies and control planes prove who they are with.
func trustChecks() []check.Check {
	return []check.Check{
		{ID: IDCertificate, Severity: check.Ails, Applies: check.Primary, Judge: judgeCertificate},
		{ID: IDRootDistributed, Severity: check.Ails, Asks: []check.Question{check.AskRoot}, Applies: check.Remote, Judge: judgeRoot},
		{ID: IDNamespaceRoots, Severity: check.Ails, Asks: []check.Question{check.AskRoots}, Applies: trusts, Judge: judgeNamespaceRoots},
	}
}

// judgeCertificate looks at the intermediate of a primary, as the plan does. One
// under another root is the business of another check.
func judgeCertificate(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	ref := object.SecretRef(c.Namespace, object.Cacerts)
	live := c.Live.Object(ref)
	if live == nil {
		return []plan.Finding{{State: "missing", Object: ref, Message: fmt.Sprintf("there is no %s", ref), Hint: check.Mend}}
	}
	b, err := certs.ParseBundle(desired.SecretData(live))
	if err != nil {
		return []plan.Finding{{State: "unusable", Object: ref, Message: fmt.Sprintf("%s: %v", ref, err), Hint: check.Mend}}
	}
	if verdict := certs.Judge(b.NotBefore(), b.NotAfter(), e.Plan.World.Now); verdict != certs.Fresh {
		return []plan.Finding{{
			State: string(verdict), Object: ref,
			Message: fmt.Sprintf("the intermediate is %s: valid until %s", verdict, b.NotAfter().Format(time.DateOnly)),
			Hint:    check.WhoSigns(e.Plan.Wanted),
		}}
	}
	root := e.Plan.Wanted.Root
	if root != nil && check.OtherRoot(e, c) {
		return nil
	}
	if err := b.Verify(root, e.Plan.World.Now, e.Plan.Wanted.Identity(c.Member)); err != nil {
		return []plan.Finding{{State: "unusable", Object: ref, Message: fmt.Sprintf("%s: %v", ref, err), Hint: check.Mend}}
	}
	if ch := c.Planned(ref); ch != nil && ch.Mint && ch.Reason != "" && e.Plan.Wanted.Revoked != nil {
		return []plan.Finding{{State: "not revoked", Object: ref, Message: fmt.Sprintf("%s: %s", ref, ch.Reason), Hint: check.Mend}}
	}
	return nil
}

// judgeRoot looks at the root that a remote cluster's proxies are given.
func judgeRoot(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	seen := e.Probes[c.Name].Root
	ref, by := object.RootConfigMapRef(c.Namespace), strings.Join(c.Primaries, ", ")
	hint := cmp.Or(idleIstiods(e, c), unlet(e, c), "see the log of istiod in "+by)
	_, err := check.RootIn(seen)
	switch {
	case object.Absent(seen.Err):
		return []plan.Finding{{State: "missing", Object: ref, Message: fmt.Sprintf("%s has not been written by %s", ref, by), Hint: hint}}
	case seen.Err != nil:
		return []plan.Finding{plan.Unanswered(seen.Err, seen.Err.Error())}
	case err != nil:
		return []plan.Finding{{State: "unusable", Object: ref, Message: fmt.Sprintf("%s: %v", ref, err), Hint: hint}}
	}
	return nil
}

// unlet is the remedy of what primaries of a remote cluster do not write there because their
// credential for it is gone or was changed, "" where it is right.
func unlet(e *check.Evidence, c *plan.Cluster) string {
	for _, name := range c.Primaries {
		if p := e.Plan.Cluster(name); p != nil && check.Primary(e, p) {
			if remedy := spoiltCredential(p, c.Name); remedy != "" {
				return remedy
			}
		}
	}
	return ""
}

// trusts is a cluster of a mesh whose root is known.
func trusts(e *check.Evidence, c *plan.Cluster) bool {
	return check.Joined(e, c) && e.Plan.Wanted.Root != nil
}

// judgeNamespaceRoots looks at the root that proxies are given, in every namespace
// whose pods are injected. A cluster that trusts another root altogether is the
// business of another check.
func judgeNamespaceRoots(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	roots := e.Probes[c.Name].Roots
	if roots.Err != nil {
		message := fmt.Sprintf("could not compare the root certificates that proxies get: %v", roots.Err)
		return []plan.Finding{check.Unread(c, roots.Err, message, "list namespaces and, in all of them, configmaps")}
	}
	if check.OtherRoot(e, c) {
		return nil
	}
	var missing, other []string
	for _, ns := range object.SortedKeys(roots.PEM) {
		switch text := roots.PEM[ns]; {
		case text == "":
			missing = append(missing, ns)
		case !e.Plan.Wanted.Root.In([]byte(text)):
			other = append(other, ns)
		}
	}
	by := "istiod"
	if c.Remote() {
		by = "istiod in " + strings.Join(c.Primaries, ", ")
	}
	var out []plan.Finding
	say := func(names []string, state, words string) {
		if len(names) > 0 {
			out = append(out, plan.Finding{
				State: state, Object: object.RootConfigMapRef(names[0]), Message: fmt.Sprintf(words, check.Few(names)),
				Hint: cmp.Or(idleIstiods(e, c), unlet(e, c), by+" writes ConfigMap "+object.RootConfigMap+" into every namespace: see its log"),
			})
		}
	}
	say(missing, "missing", "proxies get no root certificate in namespace %s")
	say(other, "other root", "proxies get another root certificate than that of the mesh in namespace %s")
	return out
}
