package e2e

import (
	"context"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2ERootElsewhere makes a mesh without the key of its root: a program signs at first, and then a renewed CA comes
// from where the key is. The istiods are real.
func TestE2ERootElsewhere(t *testing.T) {
	needsLab(t)
	j := newJourney(t, lab.Options{Clusters: 2})
	vault := filepath.Join(filepath.Dir(j.dir), "vault")
	sign := j.program + " certs sign --dir " + vault + " --csr -"
	cacerts := func(t *testing.T, name, key string) string {
		t.Helper()
		for from, c := range j.clusters {
			if nameOf(from) != name {
				continue
			}
			s, err := c.kube.CoreV1().Secrets("istio-system").Get(context.Background(), "cacerts", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return string(s.Data[key])
		}
		t.Fatalf("there is no cluster %s", name)
		return ""
	}
	var first string
	j.inOrder(t, []step{
		{"Prep", func(t *testing.T) {
			j.run(t, 0, "prep", "--dir", vault, "--mesh-id", "mymeshname", "--org", "example.com")
			j.run(t, 0, "prep", "--mesh-id", "mymeshname", "--root-cert", filepath.Join(vault, "certs/root-cert.pem"))
			j.topology(t, inEast1, inEast2)
			wantWords(t, j.run(t, 1, "plan"), "the root key that signs it is missing", "--sign-command")
		}},
		{"SignCommand", func(t *testing.T) {
			wantWords(t, j.run(t, 0, "plan", "--sign-command", sign), "signed by the sign command")
			j.run(t, 0, "apply", "--yes", "--sign-command", sign)
			wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
			wantWords(t, j.run(t, 0, "status"), "one")
			first = cacerts(t, "east-1", "ca-cert.pem")
		}},
		{"Import", func(t *testing.T) {
			j.run(t, 0, "certs", "csr", "--cluster", "east-1")
			r := j.run(t, 0, "certs", "sign", "--dir", vault, "--csr", filepath.Join(j.dir, "certs/request-east-1.csr"))
			j.write(t, "answer.pem", r.stdout)
			j.run(t, 0, "certs", "import", "--from", filepath.Join(j.dir, "answer.pem"))
			wantWords(t, j.run(t, 2, "plan", "--detailed-exitcode"), "imported", "a newer one was imported")
			j.run(t, 0, "apply", "--yes")
			if after := cacerts(t, "east-1", "ca-cert.pem"); after == first || after == "" {
				t.Error("east-1 has the CA that it had before")
			}
			wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
			j.run(t, 0, "status")
			wantWords(t, j.run(t, 0, "certs", "status"), "Nothing is due.")
		}},
	})
}
