package certcheck

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"istio.io/istio/pkg/log"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A mesh judges bundles twice: with pkg/certs, and by living on them.
type mesh struct {
	dir   string
	envoy *envoy // nil if it is not here

	agreed, refused int            // both say yes; both say no
	strict          map[string]int // pkg/certs says no, on purpose; by the reason
	bad             int
}

func newMesh(t testing.TB) *mesh {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel) // thousands of bundles say the same
	}
	return &mesh{dir: t.TempDir(), envoy: newEnvoy(t), strict: map[string]int{}}
}

// A reason is why pkg/certs refuses what a mesh could live on.
type reason struct {
	says    string // what its error matches
	because string
	envoy   bool // Envoy refuses as well; the reason holds where it is not there to be asked
}

// reasons are all there are.
func reasons() []reason {
	return []reason{
		{`is missing|holds no PEM block|cannot be read$|PEM blocks? |PEM headers|private key|malformed|: x509: |is larger than`, "a file holds what does not belong there, or is damaged", false},
		{`tls.crt: does not end with a line break`, "istiod loses what follows, and may get by without", false},
		{`is not the name of a host`, "BoringSSL came to compare well-formed hosts only", false},
		{`they have a minimum or a maximum`, "RFC 5280 forbids it, and Envoy refuses it on the names of workloads", false},
		{`^ca-cert.pem: must not sign`, "another certificate of the same key stands in the chain; ours would not", false},
		{`holds no revocation list signed by`, "istiod looks for one of each name; certificates of one name and two keys confuse it", false},
		{`cannot be read by Envoy: it is not encoded`, "RFC 5280 knows no such shape, and BoringSSL came to refuse it", false},
		{`has a name with an empty part`, "BoringSSL came to refuse it", false},
		{`or an entry has one`, "BoringSSL came to refuse critical extensions of entries", false},
		{`has an issuing distribution point`, "a place is taken for one that no certificate names", false},
		{`of which Envoy reads no more|can list$`, "a message of TLS has bounds; ours leave room", false},

		{`ca-crl.pem: PEM block`, "Envoy skips what has another label", true},
		{`looks no further|looks for no other`, "Envoy takes the first certificate of the name", true},
		{`did not sign|was not signed by any|does not hold the certificate|so Envoy does not take|must not sign`, "Envoy finds no way to a root", true},
		{`cannot be read by Envoy`, "BoringSSL is stricter than Go about an extension", true},
		{`extended key usage without|critical extension that Envoy|allows \d+ CAs below|is not a CA certificate$`, "Envoy refuses a tier", true},
		{`has name constraints`, "Envoy reads name constraints in another way than Go", true},
		{`^ca-crl.pem: `, "Envoy wants a CRL of everybody", true},
	}
}

// compare judges a bundle twice. Where pkg/certs says yes and the mesh says no, or
// says no without one of the reasons, the test fails.
func (m *mesh) compare(t *testing.T, data map[string][]byte, id certs.Identity) {
	t.Helper()
	verdict := judge(data, id)
	life := m.lives(t, data, id)
	switch {
	case verdict == nil && life == nil:
		m.agreed++
	case verdict == nil:
		m.bad++
		t.Errorf("pkg/certs says yes, but %v%s", life, dump(data))
	case life != nil:
		m.refused++
	default:
		for _, r := range reasons() {
			if regexp.MustCompile(r.says).MatchString(verdict.Error()) && (!r.envoy || m.envoy == nil) {
				m.strict[r.because]++
				return
			}
		}
		m.bad++
		t.Errorf("a mesh can live on it, but pkg/certs says %v%s", verdict, dump(data))
	}
}

func judge(data map[string][]byte, id certs.Identity) error {
	b, err := certs.ParseBundle(data)
	if err != nil {
		return err
	}
	return b.Verify(nil, time.Now(), id)
}

// dump shows the certificates of a bundle that was judged in two ways. Its keys
// were made for it.
func dump(data map[string][]byte) string {
	if !testing.Verbose() {
		return " (run with -v to see the bundle)"
	}
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(data)) {
		if !strings.HasSuffix(name, "key.pem") && name != "tls.key" {
			fmt.Fprintf(&out, "\n%s:\n%s", name, data[name])
		}
	}
	return out.String()
}

// report prints the counts.
func (m *mesh) report(t *testing.T) {
	total := m.agreed + m.refused + m.bad
	for _, n := range m.strict {
		total += n
	}
	t.Logf("%d bundles: accepted by both %d, refused by both %d, disagreements %d; refused on purpose:", total, m.agreed, m.refused, m.bad)
	for _, because := range slices.Sorted(maps.Keys(m.strict)) {
		t.Logf("%6d %s", m.strict[because], because)
	}
	if m.agreed == 0 || m.refused == 0 {
		t.Error("all bundles are of one kind: this tests nothing")
	}
}
