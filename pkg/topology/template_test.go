package topology_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func TestTemplate(t *testing.T) {
	for _, id := range []string{"mymeshname", "no", "0123", "1e3", "MESH_ID", "null"} {
		t.Run(id, func(t *testing.T) {
			m, err := topology.ParseMesh("topology.yaml", topology.Template(id), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := &topology.Mesh{File: "topology.yaml", ID: id, TrustDomain: "cluster.local"}
			if diff := cmp.Diff(want, m, cmpopts.IgnoreUnexported(topology.Mesh{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTemplateExample takes the comment signs off the examples.
func TestTemplateExample(t *testing.T) {
	text := "mesh_id: m\ncontexts:\n"
	for line := range strings.Lines(string(topology.Template("mymeshname"))) {
		if example, ok := strings.CutPrefix(line, "#     "); ok {
			text += "  " + example
		}
	}
	m, err := topology.ParseMesh("topology.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range m.Clusters {
		names = append(names, strings.Join(append([]string{c.Name, "on", c.Network}, c.Primaries...), " "))
	}
	want := []string{"east-1 on network-east", "east-2 on network-east", "west-1 on network-west", "west-2 on network-west west-1"}
	if diff := cmp.Diff(want, names, cmpopts.IgnoreUnexported(topology.Mesh{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever contexts are called, the file that begins with them is read as it is meant.
func TestTemplateWithContexts(t *testing.T) {
	contexts := []string{
		"kind-east", "k3d-east", "east", "true", "3", "a: b", "{x}", "#", "- y", "user@cluster", "other@cluster",
		"arn:aws:eks:eu-west-1:111122223333:cluster/prod", "???", "!!!", strings.Repeat("long", 30), strings.Repeat("long", 30) + "er", "east-2", "kind-east-2",
	}
	m, err := topology.ParseMesh("topology.yaml", topology.Template("m", contexts...), contexts)
	if err != nil {
		t.Fatalf("%v\n%s", err, topology.Template("m", contexts...))
	}
	var got []string
	for _, c := range m.Clusters {
		got = append(got, c.Context)
	}
	if diff := cmp.Diff(contexts, got, cmpopts.IgnoreUnexported(topology.Mesh{})); diff != "" {
		t.Errorf("contexts (-want +got):\n%s", diff)
	}
}
