package apply

import (
	"cmp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// versionOf is the version of the istiod that serves a remote cluster.
func versionOf(p *Plan, c *ClusterPlan) string {
	for _, name := range c.Primaries {
		if primary := p.cluster(name); primary != nil && primary.Unreached == "" {
			if v := imageVersion(primary.Live.object(object.IstiodRef(primary.Namespace))); v != "" {
				return v
			}
		}
	}
	return ""
}

// distributed is the root that a remote cluster's proxies are given.
func (s *Status) distributed(p *Plan, c *ClusterPlan, seen Observed) Trust {
	ref, hint := rootConfigMapRef(c.Namespace), "see the log of istiod in "+strings.Join(c.Primaries, ", ")
	switch {
	case object.Absent(seen.Err):
		s.find("trust/root-distributed", c.Name, hint, "%s has not been written by %s", ref, strings.Join(c.Primaries, ", "))
		return Trust{State: "missing"}
	case seen.Err != nil:
		s.find("trust/root-distributed", c.Name, object.HintOf(seen.Err), "%v", seen.Err)
		return Trust{State: "unknown"}
	}
	text, _, _ := unstructured.NestedString(seen.Object.Object, "data", "root-cert.pem")
	root, err := certs.ParseRoot([]byte(text), nil)
	if err != nil {
		s.find("trust/root-distributed", c.Name, hint, "%s: %v", ref, err)
		return Trust{State: "unusable"}
	}
	t := Trust{Root: root.Short(), State: ok}
	if want := p.desired.Root; want != nil && root.Fingerprint() != want.Fingerprint() {
		t.State = "other root"
		s.find("trust/same-root", c.Name, hint, "is given root %s by %s, and the work directory holds root %s", root.Short(), strings.Join(c.Primaries, ", "), want.Short())
	}
	return t
}

// served is whether the primaries are where the cluster believes them to be, and
// what came of trying to have a pod injected: a connection that is open outlives
// the address it was made to.
func (s *Status) served(c *ClusterPlan, err error) string {
	state := ok
	for _, ch := range c.Changes {
		if ch.Part == order.Endpoints && ch.Action != Keep && !ch.removes() {
			state = "moved"
			s.find("control-plane/address", c.Name, "setup-mesh apply", "%s: %s", ch.Object, cmp.Or(ch.Reason, "is not as it should be"))
		}
	}
	if err == nil {
		return state
	}
	s.find("control-plane/injection", c.Name, "setup-mesh apply; then see whether "+strings.Join(c.Primaries, ", ")+" can be reached from the API server of "+c.Name,
		"new pods are not injected: %v", err)
	return string(object.ClassOf(err))
}
