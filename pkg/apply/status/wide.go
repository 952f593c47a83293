package status

import (
	"math"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// A Token is how long a stored credential is valid.
type Token struct {
	NotAfter time.Time `json:"notAfter"`
	Hours    int       `json:"hours"` // until then
}

// tokens are those that c reads others with, by the cluster that they are for.
func tokens(e *check.Evidence, c *plan.Cluster) map[string]Token {
	out := map[string]Token{}
	for source, end := range check.Expiries(c) {
		out[source] = Token{NotAfter: end, Hours: int(math.Round(end.Sub(e.Plan.World.Now).Hours()))}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// rootDays is how long the root of the work directory is valid, 0 where a cluster does
// not trust that one.
func rootDays(e *check.Evidence, fingerprint string) int {
	root := e.Plan.Wanted.Root
	if root == nil || root.Short() != fingerprint {
		return 0
	}
	return int(math.Round(root.Cert().NotAfter.Sub(e.Plan.World.Now).Hours() / 24))
}
