package check

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// The trust domain is the first part of every identity, and proxies check those of their
// peers. It changes in steps, of which each is an apply: all istiods know the new domain
// as an alias, then it is the domain and the old one an alias, and once no workload has
// the old one that is dropped.
// https://istio.io/latest/docs/tasks/security/authorization/authz-td-migration/

// IDDomainDropped is the check for trust domains that go.
const IDDomainDropped = "trust/domain-dropped"

// domains are what an istiod signs for, and the others that it has proxies accept.
type domains struct {
	own     string
	aliases []string
}

// domainsOf reads the spec of an IstioControlPlane.
func domainsOf(spec map[string]any) domains {
	var d domains
	for _, at := range [][]string{{"meshConfig"}, {"values", "meshConfig"}} {
		mesh, _, _ := unstructured.NestedFieldNoCopy(spec, at...)
		m, _ := mesh.(map[string]any)
		if own, _ := m["trustDomain"].(string); d.own == "" {
			d.own = own
		}
		list, _ := m["trustDomainAliases"].([]any)
		for _, alias := range list {
			if text, ok := alias.(string); ok {
				d.aliases = append(d.aliases, text)
			}
		}
	}
	if d.own == "" {
		d.own = topology.DefaultTrustDomain
	}
	return d
}

func (d domains) accepts(domain string) bool {
	return d.own == domain || slices.Contains(d.aliases, domain)
}

// signsAlready is a primary that has been applied before, and stays one.
func signsAlready(e *Evidence, c *plan.Cluster) bool {
	return Joined(e, c) && !c.New && !c.Remote() && c.Desired != nil
}

// applied are the domains of the primaries as they are, by cluster, and who of them is not
// reached, so that nobody knows.
func applied(e *Evidence) (known map[string]domains, unknown []string) {
	known = map[string]domains{}
	for _, c := range e.Plan.Clusters {
		switch {
		case c.Leaving || c.Remote():
		case c.Unreached != "":
			unknown = append(unknown, c.Name)
		case signsAlready(e, c):
			known[c.Name] = domainsOf(c.Live.Record.Manifest)
		}
	}
	return known, unknown
}

const allReached = "apply when all clusters are reached, or take those that are gone out of topology.yaml"

// judgeSameDomain refuses a change that would have running workloads refuse one another:
// to a domain that not all accept yet, or from one that some still have.
func judgeSameDomain(e *Evidence, c *plan.Cluster) []plan.Finding {
	known, unknown := applied(e)
	was, want := known[c.Name], domainsOf(c.Desired.Manifest.Spec)
	dropped := slices.DeleteFunc(append(slices.Clone(was.aliases), was.own), want.accepts)
	if want.own == was.own && len(dropped) == 0 {
		return nil
	}
	var strange []string
	for name, d := range known {
		if !d.accepts(want.own) {
			strange = append(strange, name)
		}
	}
	slices.Sort(strange)
	change := fmt.Sprintf("the trust domain changes from %s to %s", was.own, want.own)
	switch {
	case want.own != was.own && len(strange) > 0:
		return []plan.Finding{{
			Message: fmt.Sprintf("%s, which workloads of %s do not accept yet: they would refuse those with new certificates", change, Few(strange)),
			Hint: fmt.Sprintf("go there in three applies: trust_domain: %s in topology.yaml with meshConfig.trustDomainAliases: [%s] in base.yaml; then trust_domain: %s with trustDomainAliases: [%s]; then, once all workloads were restarted, without the alias",
				was.own, want.own, want.own, was.own),
		}}
	case want.own != was.own && len(unknown) > 0:
		return []plan.Finding{{
			Message: fmt.Sprintf("%s, but %s is not reached: whether its workloads accept that is not known", change, Few(unknown)),
			Hint:    allReached,
		}}
	case want.own != was.own && !want.accepts(was.own):
		return []plan.Finding{{
			Message: fmt.Sprintf("%s, and workloads with old certificates would be refused", change),
			Hint:    fmt.Sprintf("put meshConfig.trustDomainAliases: [%s] into base.yaml, and keep it until all workloads of all clusters were restarted", was.own),
		}}
	}
	return stillSigned(dropped, known, unknown)
}

// stillSigned says which of the domains that are dropped some istiod still signs for, or
// may.
func stillSigned(dropped []string, known map[string]domains, unknown []string) []plan.Finding {
	var in []string
	for name, d := range known {
		if slices.Contains(dropped, d.own) {
			in = append(in, name)
		}
	}
	slices.Sort(in)
	switch {
	case len(in) > 0:
		return []plan.Finding{{
			Message: fmt.Sprintf("trust domain %s is dropped, but %s still signs with it", strings.Join(dropped, ", "), Few(in)),
			Hint:    "keep it in meshConfig.trustDomainAliases of base.yaml for this apply",
		}}
	case len(dropped) > 0 && len(unknown) > 0:
		return []plan.Finding{{
			Message: fmt.Sprintf("trust domain %s is dropped, but %s is not reached, and may sign with it", strings.Join(dropped, ", "), Few(unknown)),
			Hint:    allReached,
		}}
	}
	return nil
}

// dropsDomains are the aliases that an apply takes from the istiod of c.
func dropsDomains(c *plan.Cluster) []string {
	if c.Leaving || c.Remote() || c.New || c.Unreached != "" || c.Desired == nil || c.Live.Record == nil {
		return nil
	}
	return slices.DeleteFunc(domainsOf(c.Live.Record.Manifest).aliases, domainsOf(c.Desired.Manifest.Spec).accepts)
}

// DroppedDomains are the trust domains that some istiod is to accept no longer, sorted.
func DroppedDomains(p *plan.Plan) []string {
	var out []string
	for _, c := range p.Clusters {
		out = append(out, dropsDomains(c)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// judgeDomainDropped warns of the end of a change: an apply waits for it.
func judgeDomainDropped(e *Evidence, c *plan.Cluster) []plan.Finding {
	dropped := dropsDomains(c)
	if len(dropped) == 0 || len(judgeSameDomain(e, c)) > 0 {
		return nil
	}
	return []plan.Finding{{
		Message: fmt.Sprintf("trust domain %s is dropped: apply waits until no proxy of any cluster has a certificate of it", strings.Join(dropped, ", ")),
		Hint:    "restart all workloads of all clusters before: kubectl rollout restart; and change policies that name it",
	}}
}
