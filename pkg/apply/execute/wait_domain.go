package execute

import (
	"context"
	"fmt"
	"slices"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// waitNamed waits until no proxy of c has a certificate of a trust domain that is dropped.
func waitNamed(ctx context.Context, x *execution, c *plan.Cluster, r *reporter) error {
	dropped := check.DroppedDomains(x.plan)
	return pollEvery(ctx, trustInterval, r, func(ctx context.Context) (string, error) {
		return x.proxies(ctx, c, func(p observe.ProxyCerts) string { return namedIn(p, dropped) })
	})
}

// namedIn says that a proxy's identity is of one of the domains.
// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#2-spiffe-identity
func namedIn(p observe.ProxyCerts, domains []string) string {
	for _, id := range p.Chain[0].URIs {
		if id.Scheme == "spiffe" && slices.Contains(domains, id.Host) {
			return fmt.Sprintf("has a certificate of trust domain %s, until it is restarted, or its certificate renewed by %s at the latest",
				id.Host, p.Chain[0].NotAfter.UTC().Format("2006-01-02 15:04"))
		}
	}
	return ""
}
