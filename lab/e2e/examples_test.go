package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/lab"
)

var update = flag.Bool("update", false, "rewrite the plans of the examples")

// varying is what differs from one run of an example to the next: a root is made for each, and time goes on.
var varying = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`root [0-9A-F]{2}(:[0-9A-F]{2}){2}`), "root 5F:3A:9C"},
	{regexp.MustCompile(`until \d{4}-\d{2}-\d{2}`), "until 2027-11-21"},
}

// Every example yields the plan that is written beside it, on clusters that have its contexts and no Istio, and then the
// mesh that it promises, in which every cluster is answered by every other.
func TestE2EExamples(t *testing.T) {
	needsLab(t)
	examples, err := filepath.Glob("../../examples/*/topology.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range examples {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) { testExample(t, dir) })
	}
}

func testExample(t *testing.T, dir string) {
	contexts, networks, meshID := contextsOf(t, filepath.Join(dir, "topology.yaml"))
	l := startLab(t, lab.Options{Contexts: contexts, Networks: networks})
	u := newUser(t, l.Kubeconfig())
	u.run(t, 0, "prep", "--mesh-id", meshID, "--org", "example.com")
	for _, name := range []string{"topology.yaml", "base.yaml"} {
		if err := copyFile(filepath.Join(u.dir, name), filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := u.run(t, 0, "plan").stdout
	for _, v := range varying {
		got = v.pattern.ReplaceAllString(got, v.instead)
	}
	golden := filepath.Join(dir, "plan.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the plan is not %s (go test ./e2e -run TestE2EExamples -update rewrites it):\n%s", golden, got)
	}
	wantWords(t, u.run(t, 0, "apply", "--yes"), "The mesh is one")
	wantWords(t, u.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, u.run(t, 0, "status"), "The mesh is one")
	if isAmbient(t, filepath.Join(dir, "base.yaml")) {
		return // nothing of the lab stands for the NAT before its gateway; TestE2EAmbient has calls
	}
	wantWords(t, u.run(t, 0, "verify"), "All with mutual TLS:", "Every cluster is answered by those that it should be.")
}

// isAmbient says whether a base.yaml has the profile of ambient mode.
func isAmbient(t *testing.T, file string) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^  profile: ambient$`).Match(b)
}

// contextsOf are the contexts of a topology and their networks, in its order, and its mesh ID.
func contextsOf(t *testing.T, file string) (contexts, networks []string, meshID string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var topology struct {
		MeshID   string    `yaml:"mesh_id"`
		Contexts yaml.Node `yaml:"contexts"`
	}
	if err := yaml.Unmarshal(b, &topology); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for i := 0; i < len(topology.Contexts.Content); i += 2 {
		var one struct {
			Network string `yaml:"network"`
		}
		if err := topology.Contexts.Content[i+1].Decode(&one); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		contexts, networks = append(contexts, topology.Contexts.Content[i].Value), append(networks, one.Network)
	}
	return contexts, networks, topology.MeshID
}
