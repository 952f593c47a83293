package simulate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// A mesh is what a user has in a work directory.
type mesh struct {
	ID        string
	Namespace string
	Shared    []string `json:",omitempty"`
	Injected  []string `json:",omitempty"` // namespaces
	Members   []member `json:",omitempty"`
	Trace     int      // of base.yaml
	Env       int      `json:",omitempty"`
	Strict    bool     `json:",omitempty"`
	Mode      string   `json:",omitempty"` // "", ambient, or mixed: sidecars beside it
	Enrolled  []string `json:",omitempty"` // namespaces, in an ambient mesh
	// Root is which of the roots is the one of the work directory, and Phase how far
	// its rotation to the other one is, "" for none.
	Root  int         `json:",omitempty"`
	Phase certs.Phase `json:",omitempty"`
}

// A member is a context of topology.yaml. Clusters are named as in the fleet.
type member struct {
	Cluster   string
	Context   string
	Name      string
	Network   string
	Account   string   `json:",omitempty"`
	Primaries []string `json:",omitempty"`
	Apart     bool     `json:",omitempty"` // disableRegistryJoin
	Address   string   `json:",omitempty"`
	Port      int      `json:",omitempty"`
	Note      int      `json:",omitempty"` // an annotation of the gateway
	Server    string   `json:",omitempty"` // apiServer.server
	Env       int      `json:",omitempty"` // in its overlay
}

func (m mesh) clone() mesh {
	m.Shared, m.Injected, m.Enrolled = slices.Clone(m.Shared), slices.Clone(m.Injected), slices.Clone(m.Enrolled)
	m.Members = slices.Clone(m.Members)
	for i := range m.Members {
		m.Members[i].Primaries = slices.Clone(m.Members[i].Primaries)
	}
	return m
}

func (m mesh) member(cluster string) *member {
	for i := range m.Members {
		if m.Members[i].Cluster == cluster {
			return &m.Members[i]
		}
	}
	return nil
}

// reads says whether the istiod of consumer is to read source.
func (m mesh) reads(consumer, source string) bool {
	c, s := m.member(consumer), m.member(source)
	if c == nil || s == nil || consumer == source || len(c.Primaries) > 0 {
		return false
	}
	return slices.Contains(s.Primaries, consumer) || !c.Apart && !s.Apart
}

// multiNetwork says whether clusters need gateways to reach each other.
func (m mesh) multiNetwork() bool {
	return slices.ContainsFunc(m.Members, func(c member) bool { return c.Network != m.Members[0].Network })
}

// mend makes the mesh one that topology.yaml can say: primaries are members with
// a control plane of their own.
func (m *mesh) mend() {
	remote := map[string]bool{}
	for _, c := range m.Members {
		remote[c.Cluster] = len(c.Primaries) > 0
	}
	for i := range m.Members {
		c := &m.Members[i]
		if m.Mode != "" {
			c.Primaries = nil
		}
		c.Primaries = slices.DeleteFunc(c.Primaries, func(p string) bool {
			r, ok := remote[p]
			return !ok || r || p == c.Cluster
		})
		slices.Sort(c.Primaries)
		c.Primaries = slices.Compact(c.Primaries)
		if len(c.Primaries) == 0 {
			c.Primaries = nil
		}
	}
}

func (m mesh) topology() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mesh_id: %s\n", m.ID)
	if len(m.Shared) > 0 {
		fmt.Fprintf(&b, "sharedServices: [%s]\n", strings.Join(m.Shared, ", "))
	}
	m.ambient(&b)
	if len(m.Injected) > 0 && m.Mode != "ambient" {
		fmt.Fprintf(&b, "injection: {namespaces: [%s]}\n", strings.Join(m.Injected, ", "))
	}
	b.WriteString("contexts:\n")
	for _, c := range m.Members {
		fmt.Fprintf(&b, "  %s: {network: %s, name: %s", c.Context, c.Network, c.Name)
		if m.Namespace != "istio-system" {
			fmt.Fprintf(&b, ", namespace: %s", m.Namespace)
		}
		if c.Account != "" {
			fmt.Fprintf(&b, ", serviceAccountReader: %s", c.Account)
		}
		if len(c.Primaries) > 0 {
			var contexts []string
			for _, p := range c.Primaries {
				contexts = append(contexts, m.member(p).Context)
			}
			fmt.Fprintf(&b, ", primaries: [%s]", strings.Join(contexts, ", "))
		}
		if c.Apart {
			b.WriteString(", disableRegistryJoin: true")
		}
		b.WriteString(c.gateway(m.Mode))
		if c.Server != "" {
			fmt.Fprintf(&b, ", apiServer: {server: '%s'}", c.Server)
		}
		if c.Env > 0 {
			fmt.Fprintf(&b, ", overlay: {values: {pilot: {env: {SIM: '%d'}}}}", c.Env)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func (c member) gateway(mode string) string {
	var parts []string
	if c.Address != "" && mode != "mixed" { // else nobody would know whose it is
		parts = append(parts, "addresses: ["+c.Address+"]")
		if c.Port > 0 {
			parts = append(parts, fmt.Sprintf("port: %d", c.Port))
		}
	}
	if c.Note > 0 {
		parts = append(parts, fmt.Sprintf("annotations: {example.com/note: '%d'}", c.Note))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", gateway: {" + strings.Join(parts, ", ") + "}"
}

func (m mesh) base() string {
	s := "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: " + m.profile() + "\n  values:\n"
	s += fmt.Sprintf("    pilot: {traceSampling: %d", m.Trace)
	if m.Env > 0 {
		s += fmt.Sprintf(", env: {SIM: '%d'}", m.Env)
	}
	s += "}\n"
	if m.Strict {
		s += "    global: {mtls: {enabled: true}}\n"
	}
	return s
}

// files is all that a user has written.
func (m mesh) files() string {
	return m.topology() + m.base() + fmt.Sprintf("root %d %s", m.Root, m.Phase)
}

// began is when the clocks of all bubbles start.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// roots are made once for all histories, two for each mesh: of P-256, which takes
// a tenth of the time that P-384 takes.
var roots = sync.OnceValue(func() map[string][2]*certs.Root {
	out := map[string][2]*certs.Root{}
	for _, id := range meshIDs {
		var both [2]*certs.Root
		for i := range both {
			root, err := newRoot(id)
			if err != nil {
				panic(err)
			}
			both[i] = root
		}
		out[id] = both
	}
	return out
})

func newRoot(id string) (*certs.Root, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: id + " root"}, NotBefore: began, NotAfter: began.AddDate(30, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	keys.add(block)
	secret := certs.NewSecret(block)
	return certs.ParseRoot(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), &secret)
}

var meshIDs = []string{"mesh-a", "mesh-b"}

// desired is what the files say. A mistake in them is an error.
func (m mesh) desired() (*desired.Desired, error) {
	topo, err := topology.ParseMesh("topology.yaml", []byte(m.topology()), nil)
	if err != nil {
		return nil, err
	}
	base, err := manifest.ParseBase("base.yaml", []byte(m.base()))
	if err != nil {
		return nil, err
	}
	return apply.NewDesired(desired.Wanted{Mesh: topo, Base: base, Root: roots()[m.ID][m.Root], Rotation: m.rotation()}, standIn{})
}

// wanted is what a mesh is to be or, if all of it ends, not to be. The same files
// are read once.
func (s *sim) wanted(m mesh, ends bool) (*desired.Desired, error) {
	key := m.files()
	if ends {
		key += "ends"
	}
	s.mu.Lock()
	d := s.read[key]
	s.mu.Unlock()
	if d != nil {
		return d, nil
	}
	d, err := m.desired()
	if ends {
		d, err = m.departing()
	}
	if err != nil {
		return nil, err
	}
	s.remember(d)
	s.mu.Lock()
	s.read[key] = d
	s.mu.Unlock()
	return d, nil
}

// remember has each intermediate verified once, and few made: that takes more time
// than all else in an apply, and is package certs' own business.
func (s *sim) remember(d *desired.Desired) {
	for _, c := range d.Clusters {
		for _, it := range c.Items {
			if it.Ref.Name == object.Cacerts {
				it.Late = judged{it.Late, s, d.MeshID, c.Member.Namespace, c.Member.Name, d.Root.Shorts()}
			}
		}
	}
}

// judged remembers which intermediates are good, and those of the first day.
type judged struct {
	desired.Late
	s                       *sim
	mesh, namespace, member string
	roots                   string // that are trusted, the one that signs first
}

// An intermediate is the data of a Secret cacerts, of a member of a mesh that has roots.
type intermediate struct {
	mesh, member, roots string
	data                [sha256.Size]byte
}

// A validity is when a certificate begins and ends.
type validity struct{ from, until time.Time }

// intermediateOf is the one in a Secret.
func intermediateOf(secret applytest.Object, member, roots string) intermediate {
	return intermediate{secret.GetLabels()[object.LabelMesh], member, roots, dataOf(secret)}
}

func dataOf(secret applytest.Object) [sha256.Size]byte {
	return sha256.Sum256([]byte(encode(secret.Object["data"])))
}

// Judge implements [desired.Late]. A certificate that is verified stays so until it
// is due.
func (j judged) Judge(w *world.World, live *unstructured.Unstructured) string {
	key := intermediateOf(live, j.member, j.roots)
	j.s.mu.Lock()
	v, ok := j.s.good[key]
	j.s.mu.Unlock()
	if ok && certs.Judge(v.from, v.until, w.Now) == certs.Fresh {
		return ""
	}
	return j.Late.Judge(w, live)
}

// A minting is the nth intermediate that a history makes in an hour for a member, in
// the place of one that may stay but for what it trusts.
type minting struct {
	mesh, namespace, member, roots string
	instead                        [sha256.Size]byte
	hour                           time.Time
	nth                            int
}

// mintings are those of all histories: in each the clock begins at the same time.
var mintings sync.Map

// Mint implements [desired.Late].
func (j judged) Mint(ctx context.Context, m desired.Minter) (desired.Content, error) {
	m.Now = m.Now.Truncate(time.Hour)
	key := minting{mesh: j.mesh, namespace: j.namespace, member: j.member, roots: j.roots, hour: m.Now}
	if c := m.World.Cluster(j.member); c != nil {
		if live := c.Object(object.SecretRef(j.namespace, object.Cacerts)); live != nil {
			key.instead = dataOf(live)
		}
	}
	j.s.mu.Lock()
	j.s.minted[key]++
	key.nth = j.s.minted[key]
	j.s.mu.Unlock()
	if c, ok := mintings.Load(key); ok {
		return c.(desired.Content), nil
	}
	c, err := j.Late.Mint(ctx, m)
	if err == nil && m.Now.Before(began.Add(24*time.Hour)) {
		mintings.Store(key, c)
	}
	return c, err
}

// verified notes that the intermediate of a member, which has just been written, is
// good: whoever mints one has it verified.
func (s *sim) verified(secret applytest.Object, member, roots string) {
	notes := secret.GetAnnotations()
	from, err := time.Parse(time.RFC3339, notes["setup-mesh.io/issued"])
	until, err2 := time.Parse(time.RFC3339, notes["setup-mesh.io/not-after"])
	if err == nil && err2 == nil {
		s.good[intermediateOf(secret, member, roots)] = validity{from, until}
	}
}

// departing is what a teardown wants.
func (m mesh) departing() (*desired.Desired, error) {
	topo, err := topology.ParseMesh("topology.yaml", []byte(m.topology()), nil)
	if err != nil {
		return nil, err
	}
	return desired.Departing(topo), nil
}
