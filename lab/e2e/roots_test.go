package e2e

import (
	"context"
	"path/filepath"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2ERootElsewhere makes a mesh without the key of its root: a program signs at first, then a renewed CA comes from
// where the key is, and then the mesh is led to another root with its key elsewhere. The istiods are real.
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
		{"RotateElsewhere", j.rotatesElsewhere},
	})
}

// rotatesElsewhere leads the mesh to a root whose key another work directory has, once back and then to its end. Neither
// the old key nor the new one is in the work directory.
func (j *journey) rotatesElsewhere(t *testing.T) {
	vault := filepath.Join(filepath.Dir(j.dir), "other-vault")
	j.run(t, 0, "prep", "--dir", vault, "--mesh-id", "mymeshname", "--org", "example.com")
	rotate := func(code int, flags ...string) result {
		t.Helper()
		return j.run(t, code, append([]string{"certs", "rotate-root", "--yes"}, flags...)...)
	}
	waits := []string{"both roots are trusted, and the old one signs", "is to sign now, its key is not here", "was imported for east-1 and east-2", "setup-mesh certs csr,"}
	wantWords(t, rotate(1, "--to-root-cert", filepath.Join(vault, "certs/root-cert.pem")), waits...)
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.", "is being replaced by root")
	wantWords(t, rotate(0, "--back"), "Step 3 of 3", "again")
	wantWords(t, rotate(1), waits...)
	wantWords(t, j.run(t, 0, "certs", "status"), "signs, and its key is elsewhere", "trusted", "is being replaced by root")

	wantWords(t, j.run(t, 0, "certs", "csr"), "request-east-1.csr", "request-east-2.csr")
	for _, name := range []string{"east-1", "east-2"} {
		r := j.run(t, 0, "certs", "sign", "--dir", vault, "--csr", filepath.Join(j.dir, "certs/request-"+name+".csr"))
		j.write(t, name+".crt", r.stdout)
	}
	wantWords(t, j.run(t, 0, "certs", "import", "--from", filepath.Join(j.dir, "east-1.crt")), "next: setup-mesh certs rotate-root")
	wantWords(t, rotate(1), "was imported for east-2")
	j.run(t, 0, "certs", "import", "--from", filepath.Join(j.dir, "east-2.crt"))
	wantWords(t, rotate(0), "Step 2 of 3", "imported", "Step 3 of 3", "The mesh has root")
	wantWords(t, j.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, j.run(t, 0, "status"), "The mesh is one")
	wantWords(t, j.run(t, 0, "certs", "csr"), "signed  ", "cluster-east-1-key.pem")
}
