package component

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// IDs of checks that look at a sample of the proxies.
const (
	IDProxyNetwork = "proxies/network"
	IDProxyRoot    = "proxies/root"
)

// judgeProxyNetwork finds proxies that were started with another network than that of
// their cluster: they take gateways for neighbours, or neighbours for far away.
func judgeProxyNetwork(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	sample := e.Probes[c.Name].Sample
	out := notKnown(c, sample, "the network of", "get pods in all namespaces", func(w observe.Workload) error { return w.Err })
	for _, w := range sample.Asked {
		if w.Err != nil || w.Network == c.Network {
			continue
		}
		out = append(out, plan.Finding{
			Object: w.Pod, State: "other network",
			Message: fmt.Sprintf("the proxy of %s is on %s, but the cluster is on network %s%s", w.Pod, networkWords(w.Network), c.Network, asked(sample)),
			Hint:    cmp.Or(otherTemplate(c, w), restart(c, w)),
		})
	}
	return out
}

// otherTemplate is the remedy for a proxy whose workload is ours and was changed, "" for any
// other: restarted, it is told the same again.
func otherTemplate(c *plan.Cluster, w observe.Workload) string {
	ch := c.Planned(w.Owner)
	if ch == nil || !check.Changed(c, w.Owner) {
		return ""
	}
	id := check.IDGatewayWorkload
	if ch.Component == order.Ztunnel {
		id = check.IDZtunnelWorkload
	}
	return check.First(id, c.Name)
}

func networkWords(name string) string {
	if name == "" {
		return "no network"
	}
	return "network " + name
}

// judgeProxyRoot finds proxies that do not trust the root of the mesh, or have a
// certificate that others do not trust. A cluster that trusts another root altogether is
// the business of another check.
func judgeProxyRoot(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	if check.OtherRoot(e, c) {
		return nil
	}
	sample := e.Probes[c.Name].Sample
	out := notKnown(c, sample, "the certificates of", "get pods and create pods/portforward in all namespaces", func(w observe.Workload) error { return cmp.Or(w.Err, uncertified(w)) })
	for _, w := range sample.Asked {
		if w.Err != nil || w.CertsErr != nil {
			continue
		}
		for _, certs := range append([]observe.ProxyCerts{w.Certs}, w.Others...) {
			if state, words := distrust(certs, e.Plan.Wanted.Root, e.Plan.World.Now); state != "" {
				out = append(out, plan.Finding{
					Object: w.Pod, State: state, Message: fmt.Sprintf("the proxy of %s %s%s", w.Pod, words, asked(sample)), Hint: restart(c, w),
				})
				break
			}
		}
	}
	return out
}

// uncertified is why the certificates of a proxy are not known. A ztunnel on a node without
// enrolled pods has none, and needs none.
func uncertified(w observe.Workload) error {
	if w.Ztunnel && errors.Is(w.CertsErr, observe.ErrNoCertificate) {
		return nil
	}
	return w.CertsErr
}

// distrust is why a proxy and others under root do not trust each other, in a word or two
// and as the end of a sentence about the proxy; "" where they do.
func distrust(p observe.ProxyCerts, root *certs.Root, now time.Time) (state, words string) {
	leaf := p.Chain[0]
	switch {
	case !slices.ContainsFunc(p.Roots, func(r *x509.Certificate) bool { return r.Equal(root.Cert()) }):
		return "other root", fmt.Sprintf("trusts root %s, but that of the mesh is %s", shorts(p.Roots), root.Short())
	case !root.Issued(p.Chain):
		return "other root", fmt.Sprintf("has a certificate that does not lead to the mesh's root %s", root.Short())
	case now.After(leaf.NotAfter):
		return "expired", fmt.Sprintf("has a certificate that ended %s ago", now.Sub(leaf.NotAfter).Round(time.Minute))
	}
	return "", ""
}

// shorts are the fingerprints of certificates as findings show them.
func shorts(all []*x509.Certificate) string {
	var out []string
	for _, c := range all {
		out = append(out, certs.ShortOf(c))
	}
	return strings.Join(out, ", ")
}

// notKnown is that some of the sampled proxies did not say what they were asked.
func notKnown(c *plan.Cluster, sample observe.ProxySample, what, permission string, why func(observe.Workload) error) []plan.Finding {
	var names []string
	var first error
	for _, w := range sample.Asked {
		if err := why(w); err != nil {
			names, first = append(names, w.Pod.Namespace+"/"+w.Pod.Name), cmp.Or(first, err)
		}
	}
	if first == nil {
		return nil
	}
	message := fmt.Sprintf("could not read %s the proxies of pods %s: %v%s", what, check.Few(names), first, asked(sample))
	return []plan.Finding{check.Unread(c, first, message, permission)}
}

// asked says that others may be as wrong, where not all were asked.
func asked(s observe.ProxySample) string {
	if len(s.Asked) >= s.Of {
		return ""
	}
	return fmt.Sprintf(" (%d of %d proxies were asked)", len(s.Asked), s.Of)
}

// restart is the remedy for a proxy that was told something else when it was injected.
func restart(c *plan.Cluster, w observe.Workload) string {
	if w.Owner == (object.Ref{}) {
		return fmt.Sprintf("kubectl --context %s -n %s delete pod %s, and make it again: it is injected then", c.Context, w.Pod.Namespace, w.Pod.Name)
	}
	return check.Restart(c.Context, w.Owner)
}
