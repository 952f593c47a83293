package topology_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
)

// TestInjectionListsNamespaces: the key without a namespace would say nothing.
func TestInjectionListsNamespaces(t *testing.T) {
	const remedy = "\n    list a namespace, as in injection: {namespaces: [sample]}, or take injection out\n"
	tests := map[string]struct{ in, want string }{
		"nothing":                {"{}", "topology.yaml:2:12: injection.namespaces: lists no namespace" + remedy},
		"a list that is null":    {"{namespaces: ~}", "topology.yaml:2:12: injection.namespaces: lists no namespace" + remedy},
		"an empty list":          {"{namespaces: []}", "topology.yaml:2:12: injection.namespaces: lists no namespace" + remedy},
		"a misspelt key":         {"{namspaces: [a]}", "topology.yaml:2:13: injection.namspaces: unknown key\n    did you mean namespaces?\n"},
		"one that is not a list": {"{namespaces: sample}", "topology.yaml:2:25: injection.namespaces: must be a list\n    write [sample]\n"},
		"the list itself":        {"[sample]", "topology.yaml:2:12: injection: must be a mapping with keys such as namespaces\n    write namespaces: and its value on a line below it, indented\n"},
		"every mistake of a list at once": {
			"{namespaces: [a, A, a, kube-system, istio-system]}",
			`topology.yaml:2:29: injection.namespaces[1]: "A" is not a valid namespace` + "\n    lower case letters, digits and \"-\", at most 63 characters; for example a\n" +
				`topology.yaml:2:32: injection.namespaces[2]: "a" is listed twice` + "\n    take it out\n" +
				`topology.yaml:2:35: injection.namespaces[3]: "kube-system" cannot be injected: it belongs to Istio or Kubernetes` + "\n    take it out\n" +
				`topology.yaml:2:48: injection.namespaces[4]: "istio-system" cannot be injected: it belongs to Istio or Kubernetes` + "\n    take it out\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ninjection: "+tt.in+"\n"), nil)
			if diff := cmp.Diff(tt.want, golden.Messages(t, err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
