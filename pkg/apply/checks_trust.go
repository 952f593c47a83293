package apply

import (
	"fmt"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

const (
	checkCertificate     = "trust/certificate"
	checkRootDistributed = "trust/root-distributed"
)

// trustChecks are about what proxies and control planes prove who they are with.
func trustChecks() []Check {
	return []Check{
		{ID: checkCertificate, Severity: Ails, Applies: primary, Judge: judgeCertificate},
		{ID: checkRootDistributed, Severity: Ails, Asks: []Question{AskRoot}, Applies: remote, Judge: judgeRoot},
	}
}

// judgeCertificate looks at the intermediate of a primary. One under another
// root is the business of another check.
func judgeCertificate(e *Evidence, c *ClusterPlan) []Finding {
	ref := object.SecretRef(c.Namespace, object.Cacerts)
	live := c.Live.object(ref)
	if live == nil {
		return []Finding{{State: "missing", Object: ref, Message: fmt.Sprintf("there is no %s", ref), Hint: mend}}
	}
	b, err := certs.ParseBundle(secretData(live))
	if err != nil {
		return []Finding{{State: "unusable", Object: ref, Message: fmt.Sprintf("%s: %v", ref, err), Hint: mend}}
	}
	if verdict := certs.Judge(b.NotBefore(), b.NotAfter(), e.plan.world.Now); verdict != certs.Fresh {
		return []Finding{{
			State: string(verdict), Object: ref,
			Message: fmt.Sprintf("the intermediate is %s: valid until %s", verdict, b.NotAfter().Format(time.DateOnly)),
			Hint:    "setup-mesh apply renews it",
		}}
	}
	return nil
}

// judgeRoot looks at the root that a remote cluster's proxies are given.
func judgeRoot(e *Evidence, c *ClusterPlan) []Finding {
	seen := e.probes[c.Name].Root
	ref, by := rootConfigMapRef(c.Namespace), strings.Join(c.Primaries, ", ")
	hint := "see the log of istiod in " + by
	_, err := rootIn(seen)
	switch {
	case object.Absent(seen.Err):
		return []Finding{{State: "missing", Object: ref, Message: fmt.Sprintf("%s has not been written by %s", ref, by), Hint: hint}}
	case seen.Err != nil:
		return []Finding{unknown(seen.Err, seen.Err.Error())}
	case err != nil:
		return []Finding{{State: "unusable", Object: ref, Message: fmt.Sprintf("%s: %v", ref, err), Hint: hint}}
	}
	return nil
}
