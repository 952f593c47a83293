package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// IDs of checks whose findings a status repeats although they are warnings.
const (
	IDClockSkew    = "api-server/clock-skew"
	IDSameService  = "services/same-shape"
	IDSkew         = "versions/same-istio"
	IDNotRoutable  = "gateway/not-routable"
	IDProxyVersion = "proxies/version"

	IDIstiodWorkload  = "istiod/workload"
	IDGatewayWorkload = "gateway/workload"
	IDCNIWorkload     = "cni/workload"
	IDZtunnelWorkload = "ztunnel/workload"
)

// MeshChecks are about what clusters have to have in common.
func MeshChecks() []Check {
	clock := []Question{AskClock}
	return []Check{
		{ID: "api-server/clock", Severity: Ails, Asks: clock, Applies: Joined, Judge: judgeClock},
		{ID: IDClockSkew, Severity: Warns, Asks: clock, Applies: Joined, Judge: judgeClockSkew},
		{ID: "versions/skew", Severity: Ails, Applies: Primary, Judge: judgeSkew},
		{ID: IDSkew, Severity: Warns, Applies: Primary, Judge: judgeSameIstio},
		{ID: IDSameService, Severity: Warns, Asks: []Question{AskServices}, Applies: Joined, Judge: judgeSameShape},
		{ID: IDSameScope, Severity: Warns, Asks: []Question{AskServices, AskScopes}, Applies: scoped, Judge: judgeSameScope},
	}
}

// clockTolerance is what nobody has to hear of: an answer takes its time, and the
// header Date counts whole seconds.
const clockTolerance = 5 * time.Second

const clockHint = "set the clocks by NTP, that of this machine too"

// judgeClock finds a clock so wrong that certificates made now by the others are not
// valid yet there, or the other way round.
func judgeClock(e *Evidence, c *plan.Cluster) []plan.Finding {
	skew := e.Probes[c.Name].Skew
	if skew.Abs() <= certs.Backdate {
		return nil
	}
	return []plan.Finding{{
		State:   "clock",
		Message: fmt.Sprintf("%s, which is more than the %s by which certificates are made valid earlier: new ones are refused", clockWords(skew), span(certs.Backdate)),
		Hint:    clockHint,
	}}
}

func judgeClockSkew(e *Evidence, c *plan.Cluster) []plan.Finding {
	skew := e.Probes[c.Name].Skew
	if skew.Abs() <= clockTolerance || skew.Abs() > certs.Backdate {
		return nil
	}
	return []plan.Finding{{State: "clock", Message: clockWords(skew), Hint: clockHint}}
}

func clockWords(skew time.Duration) string {
	if skew < 0 {
		return fmt.Sprintf("the clock of its API server is %s behind that of this machine", -skew)
	}
	return fmt.Sprintf("the clock of its API server is %s ahead of that of this machine", skew)
}

// firstIstio is the first primary before c whose istiod runs another version, for
// which differ says so.
func firstIstio(e *Evidence, c *plan.Cluster, differ func(one, other string) bool) (*plan.Cluster, string, string) {
	mine := world.ImageVersion(c.Live.Object(object.IstiodRef(c.Namespace)))
	for _, other := range e.Plan.Clusters {
		if other == c {
			break
		}
		if !Primary(e, other) {
			continue
		}
		if theirs := world.ImageVersion(other.Live.Object(object.IstiodRef(other.Namespace))); mine != "" && theirs != "" && differ(mine, theirs) {
			return other, mine, theirs
		}
	}
	return nil, "", ""
}

// farApart says whether two versions are more than one minor version apart: what one
// control plane knows, the other need not understand.
// https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew
func farApart(one, other string) bool {
	a, ok1 := Minor(one)
	b, ok2 := Minor(other)
	return ok1 && ok2 && (a-b > 1 || b-a > 1)
}

func judgeSkew(e *Evidence, c *plan.Cluster) []plan.Finding {
	other, mine, theirs := firstIstio(e, c, farApart)
	if other == nil {
		return nil
	}
	return []plan.Finding{{
		Peer: other.Name, Message: fmt.Sprintf("its istiod runs Istio %s, and the one of %s runs %s: they are more than one minor version apart", mine, other.Name, theirs),
		Hint: "setup-mesh apply, with the same tag in base.yaml for all clusters",
	}}
}

func judgeSameIstio(e *Evidence, c *plan.Cluster) []plan.Finding {
	other, mine, theirs := firstIstio(e, c, func(one, other string) bool { return one != other && !farApart(one, other) })
	if other == nil {
		return nil
	}
	return []plan.Finding{{Peer: other.Name, Message: fmt.Sprintf("its istiod runs Istio %s, and the one of %s runs %s", mine, other.Name, theirs)}}
}

// Few names the first of several, and how many more there are.
func Few(names []string) string {
	const most = 3
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}
