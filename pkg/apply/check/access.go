package check

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

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
	swapsAmbient = "1.30.4" // and ztunnels are told of what it reads with the new one
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
	v, known := release(tag)
	switch {
	case !known:
		f.Message = fmt.Sprintf("which version of istiod runs is not known from its image's tag %q: before %s, endpoints of other clusters are lost for a while when a token is renewed", tag, swapsAlways)
	case v.LessThan(version.MustParseSemantic(swaps)):
		f.Message = fmt.Sprintf("istiod %s forgets a cluster before it reads it with a new token: its endpoints would be missing for about 30 s", tag)
	case v.LessThan(version.MustParseSemantic(swapsAlways)):
		f.Message = fmt.Sprintf("istiod %s may stop reading a cluster whose token is renewed, until it is restarted (%s)", tag, swapDeadlock)
	case c.Desired.Ambient && stale(v):
		f.Message = fmt.Sprintf("istiod %s goes on telling ztunnels what it knew of a cluster before its token was renewed, until it is restarted (%s)", tag, swapStale)
		f.Hint = "upgrade Istio to " + swapsAmbient + " or 1.31.0, or later; or renew with --allow-gaps, and restart the istiods one by one"
	default:
		return nil
	}
	return []plan.Finding{f}
}

// release is the version that a tag of Istio's images begins with, false for one of none. What
// follows it may be a candidate, which is older than the release, or a kind of image, which
// is not.
func release(tag string) (*version.Version, bool) {
	core, rest, _ := strings.Cut(tag, "-")
	for _, word := range []string{"alpha", "beta", "rc"} {
		if strings.HasPrefix(rest, word) {
			number, _, _ := strings.Cut(rest, "-")
			core += "-" + number
		}
	}
	v, err := version.ParseSemantic(core)
	return v, err == nil
}

// stale says whether an istiod of v goes on telling ztunnels what it knew of a cluster before
// it got a new token: the fix came between the candidates of 1.31, and to 1.30 later.
// https://github.com/istio/istio/blob/1.31.0/releasenotes/notes/multicluster-rebuild-collections-on-update.yaml
func stale(v *version.Version) bool {
	return v.LessThan(version.MustParseSemantic(swapsAmbient)) ||
		v.AtLeast(version.MustParseSemantic("1.31.0-alpha")) && !v.GreaterThan(version.MustParseSemantic("1.31.0-rc.0"))
}
