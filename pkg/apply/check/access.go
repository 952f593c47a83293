package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// IDTakesTokens is the check of whether istiods take a new token without a gap.
const IDTakesTokens = "access/new-token"

// The releases of Istio that matter to a token that is renewed.
const (
	swaps        = "1.30.0" // reads a cluster with the new token before it lets go of the old one
	swapsAlways  = "1.30.3" // and does not get stuck on the way
	swapDeadlock = "https://github.com/istio/istio/issues/60612"
	swapsAmbient = "1.31.0" // and ztunnels are told of what it reads with the new one
	swapStale    = "https://github.com/istio/istio/issues/61342"
)

// accessChecks are about tokens that are renewed.
func accessChecks() []Check {
	return []Check{{ID: IDTakesTokens, Severity: Refuses, Applies: renews, Judge: judgeTakesTokens}}
}

// renews says whether the istiods of c get a new token by a plan that is about that.
func renews(e *Evidence, c *plan.Cluster) bool {
	return e.Plan.Renews() && Primary(e, c) && c.Putting(order.Credential)
}

// judgeTakesTokens refuses to renew tokens of istiods that lose endpoints by it. The
// version is that of the Deployment as it is there.
func judgeTakesTokens(e *Evidence, c *plan.Cluster) []plan.Finding {
	if e.Plan.Options.Access.AllowGaps {
		return nil
	}
	ref := object.IstiodRef(c.Namespace)
	tag := world.ImageVersion(c.Live.Object(ref))
	f := plan.Finding{
		Object: ref, State: tag,
		Hint: "upgrade Istio to " + swapsAlways + " or later; or accept the gap with --allow-gaps, one cluster at a time (--of " + c.Name + "), and restart istiod if it does not get over it",
	}
	switch {
	case !release(tag):
		f.Message = fmt.Sprintf("which version of istiod runs is not known from its image's tag %q: before %s, endpoints of other clusters are lost for a while when a token is renewed", tag, swapsAlways)
	case older(tag, swaps):
		f.Message = fmt.Sprintf("istiod %s forgets a cluster before it reads it with a new token: its endpoints would be missing for about 30 s", tag)
	case older(tag, swapsAlways):
		f.Message = fmt.Sprintf("istiod %s may stop reading a cluster whose token is renewed, until it is restarted (%s)", tag, swapDeadlock)
	case c.Desired.Ambient && older(tag, swapsAmbient):
		f.Message = fmt.Sprintf("istiod %s goes on telling ztunnels what it knew of a cluster before its token was renewed, until it is restarted (%s)", tag, swapStale)
		f.Hint = "upgrade Istio to " + swapsAmbient + " or later; or renew with --allow-gaps, and restart the istiods one by one"
	default:
		return nil
	}
	return []plan.Finding{f}
}

// release says whether a tag of Istio's images begins with a version.
func release(tag string) bool { return len(numbers(tag)) == 3 }

// older compares versions of Istio by their numbers. A candidate counts as the release.
func older(tag, than string) bool { return slices.Compare(numbers(tag), numbers(than)) < 0 }

// numbers are those of a version: 1, 30 and 3 of "1.30.3-distroless".
func numbers(tag string) []int {
	var out []int
	version, _, _ := strings.Cut(tag, "-")
	for _, part := range strings.Split(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		out = append(out, n)
	}
	return out
}
