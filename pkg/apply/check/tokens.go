package check

import (
	"fmt"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDLifetime is the check for credentials that do not last.
const IDLifetime = "discovery/credential-lifetime"

// tokenChecks are about when credentials end.
func tokenChecks() []Check {
	return []Check{{ID: IDLifetime, Severity: Warns, Applies: isRead, Judge: judgeLifetime}}
}

// shortLifetime is what nobody has to hear of: an apply in the last third of it
// happens in the course of things. EKS grants 24 hours and GKE 48 whatever is
// asked for.
const shortLifetime = 90 * 24 * time.Hour

// ShortLived is the finding that the tokens for a cluster do not last, v being the
// one that ends first; none if they do.
func ShortLived(v desired.Validity) []plan.Finding {
	if v.Expires.IsZero() || v.Lifetime() >= shortLifetime {
		return nil
	}
	return []plan.Finding{{
		State: "short",
		Message: fmt.Sprintf("its API server grants tokens for %s, not the %s asked for: the other clusters' credentials for it expire at %s",
			span(v.Lifetime()), span(desired.TokenLifetime), v.Expires.UTC().Format("2006-01-02 15:04 UTC")),
		Hint: fmt.Sprintf("run setup-mesh apply on a timer, at least every %s: it replaces tokens in the last third of their lifetime", span(v.Lifetime()*2/3)),
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
func judgeLifetime(e *Evidence, c *plan.Cluster) []plan.Finding {
	var first desired.Validity
	for _, name := range c.Desired.ReadBy {
		consumer := e.Plan.Cluster(name)
		if consumer == nil || consumer.Unreached != "" {
			continue
		}
		if v, ok := desired.ValidityOf(consumer.Credential(c.Name)); ok && (first.Expires.IsZero() || v.Expires.Before(first.Expires)) {
			first = v
		}
	}
	return ShortLived(first)
}

// Expiries are when the tokens end that c has, by source.
func Expiries(c *plan.Cluster) map[string]time.Time {
	out := map[string]time.Time{}
	for _, source := range c.Reads {
		if v, ok := desired.ValidityOf(c.Credential(source)); ok {
			out[source] = v.Expires
		}
	}
	return out
}

// FirstExpiry is when the first of the tokens that c has ends, zero for none.
func FirstExpiry(c *plan.Cluster) time.Time {
	var first time.Time
	for _, end := range Expiries(c) {
		if first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first
}
