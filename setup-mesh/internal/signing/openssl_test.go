package signing

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/certs/certstest"
)

// TestRecipe has openssl sign as docs/certificates.md says.
func TestRecipe(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	docs, err := os.ReadFile("../../../docs/certificates.md")
	if err != nil {
		t.Fatal(err)
	}
	recipe := regexp.MustCompile(`(?m)^    exec (openssl x509 (?:.*\\\n)*.*)$`).FindSubmatch(docs)
	if recipe == nil {
		t.Fatal("docs/certificates.md has no recipe for openssl")
	}
	now := time.Now()
	ca, err := certstest.New("company", nil, now, nil, func(c *x509.Certificate) { c.NotAfter = now.AddDate(2, 0, 0) })
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, err := ca.KeyPEM(certstest.ECParam)
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{"root-cert.pem": ca.CertPEM(), "root-key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := NewCommand(script(t, fmt.Sprintf("cd %s\nexec %s\n", dir, recipe[1])), Limit, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	root, err := certs.ParseRoot(ca.CertPEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := root.SignedBy(c).Issue(t.Context(), rand.Reader, now, east)
	if err != nil {
		t.Fatal(err)
	}
	if b.Cluster() != "east-1" || b.NotAfter().Before(now.AddDate(0, 11, 0)) {
		t.Errorf("for %q, until %v", b.Cluster(), b.NotAfter())
	}
}
