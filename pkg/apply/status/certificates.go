package status

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// CertificatesFormat is the version of the JSON of [Certificates].
const CertificatesFormat = "setup-mesh.io/certificates/v1"

// Certificates are those of a mesh: who vouches for whom, and how long.
type Certificates struct {
	Format string `json:"format"`
	Mesh   string `json:"mesh"`
	// Root is what the work directory has all clusters trust; the first one signs. Key
	// says whether it can: where its key is kept elsewhere, nothing can be renewed here.
	Root     []certs.Description   `json:"root"`
	Key      bool                  `json:"key"`
	Clusters []ClusterCertificates `json:"clusters"`
	Findings []plan.Finding        `json:"findings"`        // what is wrong or has to be replaced
	Notes    []plan.Finding        `json:"notes,omitempty"` // worth knowing, and nothing has to be done
}

// ClusterCertificates are those of one cluster.
type ClusterCertificates struct {
	Name      string `json:"name"`
	Role      string `json:"role"`
	Unreached string `json:"unreached,omitempty"`
	// Issuing is the CA that istiod signs workloads with, nil for a remote cluster, and
	// where it cannot be read.
	Issuing *certs.Description  `json:"issuing,omitempty"`
	Roots   []certs.Description `json:"roots"` // that the cluster trusts
	// Served is "ok" where proxies are given the root that the mesh has, Proxies where
	// those that were asked have it; otherwise what is wrong.
	Served  string           `json:"served"`
	Proxies string           `json:"proxies"`
	Asked   Proxies          `json:"asked,omitzero"`
	Tokens  map[string]Token `json:"tokens,omitempty"` // that its istiods read others with
}

// Due says whether something has to be done: what is wrong, and what ends soon.
func (c *Certificates) Due() bool {
	ends := func(d certs.Description) bool { return d.Due != certs.NotDue }
	return len(c.Findings) > 0 || slices.ContainsFunc(c.Root, ends) || slices.ContainsFunc(c.Clusters, func(one ClusterCertificates) bool {
		return one.Issuing != nil && ends(*one.Issuing)
	})
}

// ofCertificates says whether a finding is about certificates or tokens, by its ID.
func ofCertificates(f plan.Finding) bool {
	return strings.HasPrefix(f.ID, "trust/") || slices.Contains([]string{check.IDLifetime, component.IDAccepted, component.IDProxyRoot, "cluster/reached"}, f.ID)
}

// NewCertificates judges the certificates of a plan by the answers to [ask.Examine].
func NewCertificates(p *plan.Plan, probes map[string]check.Probe) *Certificates {
	e, s := check.NewEvidence(p, nil, probes), New(p, probes)
	out := &Certificates{Format: CertificatesFormat, Mesh: p.Mesh, Root: []certs.Description{}, Clusters: []ClusterCertificates{}, Findings: []plan.Finding{}}
	if root := p.Wanted.Root; root != nil {
		out.Root, out.Key = root.Describe(p.World.Now), root.CanSign()
	}
	for _, f := range s.Findings {
		if ofCertificates(f) {
			out.Findings = append(out.Findings, f)
		}
	}
	for _, f := range s.Notes {
		if ofCertificates(f) {
			out.Notes = append(out.Notes, f)
		}
	}
	for _, line := range s.Clusters {
		out.Clusters = append(out.Clusters, certificatesOf(e, p.Cluster(line.Name), line, s.Findings))
	}
	return out
}

func certificatesOf(e *check.Evidence, c *plan.Cluster, line Cluster, found []plan.Finding) ClusterCertificates {
	now := e.Plan.World.Now
	out := ClusterCertificates{Name: c.Name, Role: c.Role, Unreached: c.Unreached, Roots: []certs.Description{}, Served: unknown, Proxies: unknown, Tokens: line.TokenOf}
	if !check.Stays(e, c) || c.Unreached != "" {
		return out
	}
	if b := check.Bundle(c); b != nil {
		issuing := b.Describe(now)
		out.Issuing, out.Roots = &issuing, b.Root().Describe(now)
	} else if root, err := check.RootIn(e.Probes[c.Name].Root); c.Remote() && err == nil && root != nil { // what its proxies are given
		out.Roots = root.Describe(now)
	}
	out.Served = cell(found, c.Name, "", check.IDSameRoot, component.IDRootDistributed, component.IDNamespaceRoots)
	out.Proxies, out.Asked = cell(found, c.Name, "", component.IDProxyRoot), line.Proxies
	return out
}

// unknown is the cell of what could not be asked.
const unknown = "?"
