package apply

import (
	"fmt"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

const checkLifetime = "discovery/credential-lifetime"

// tokenChecks are about when credentials end.
func tokenChecks() []Check {
	return []Check{{ID: checkLifetime, Severity: Warns, Applies: isRead, Judge: judgeLifetime}}
}

// shortLifetime is what nobody has to hear of: an apply in the last third of it
// happens in the course of things. EKS grants 24 hours and GKE 48 whatever is
// asked for.
const shortLifetime = 90 * 24 * time.Hour

// shortLived is the finding about tokens of the cluster source of which the one
// that ends first is v; none if they last.
func shortLived(v validity) []Finding {
	if v.expires.IsZero() || v.lifetime() >= shortLifetime {
		return nil
	}
	return []Finding{{
		State: "short",
		Message: fmt.Sprintf("its API server grants tokens for %s, not the %s asked for: the other clusters' credentials for it end at %s",
			span(v.lifetime()), span(tokenLifetime), v.expires.UTC().Format("2006-01-02 15:04 UTC")),
		Hint: fmt.Sprintf("run setup-mesh apply at least every %s, by a timer: it replaces tokens in the last third of their lifetime", span(v.lifetime()*2/3)),
	}}
}

// span words a duration in days, or in hours where that says too little.
func span(d time.Duration) string {
	if hours := int(d.Round(time.Minute).Hours()); hours < 72 {
		if hours == 0 {
			return fmt.Sprintf("%d min", int(d.Minutes()))
		}
		return fmt.Sprintf("%d h", hours)
	}
	return fmt.Sprintf("%d d", int(d.Round(time.Hour).Hours())/24)
}

// judgeLifetime looks at the tokens of c that other clusters have.
func judgeLifetime(e *Evidence, c *ClusterPlan) []Finding {
	var first validity
	for _, name := range c.Desired.ReadBy {
		consumer := e.plan.cluster(name)
		if consumer == nil || consumer.Unreached != "" {
			continue
		}
		if v, ok := validityOf(consumer.credential(c.Name)); ok && (first.expires.IsZero() || v.expires.Before(first.expires)) {
			first = v
		}
	}
	return shortLived(first)
}

// judgeExpiry finds credentials of c that have ended, or will soon.
func judgeExpiry(e *Evidence, c *ClusterPlan) []Finding {
	var out []Finding
	for _, source := range c.Reads {
		v, ok := validityOf(c.credential(source))
		if !ok || e.probes[c.Name].Credentials[source] != nil {
			continue
		}
		if verdict := certs.Judge(v.issued, v.expires, e.plan.world.Now); verdict == certs.Due || verdict == certs.Expired {
			out = append(out, Finding{
				Peer:    source,
				Message: fmt.Sprintf("the credential for %s is %s: valid until %s", source, verdict, v.expires.UTC().Format("2006-01-02 15:04 UTC")),
				Hint:    "setup-mesh apply makes a new one",
			})
		}
	}
	return out
}

// firstExpiry is when the first of the tokens that c has ends, zero for none.
func (c *ClusterPlan) firstExpiry() time.Time {
	var first time.Time
	for _, source := range c.Reads {
		if v, ok := validityOf(c.credential(source)); ok && (first.IsZero() || v.expires.Before(first)) {
			first = v.expires
		}
	}
	return first
}
