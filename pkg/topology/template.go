package topology

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
)

//go:embed template/topology.yaml
var meshTemplate string

// Template returns the topology.yaml that prep writes for a mesh: commented, with an
// example, and with the contexts as its clusters, all on one network. Contexts whose
// names give no cluster name of their own get one.
func Template(meshID string, contexts ...string) []byte {
	var b strings.Builder
	b.WriteString(strings.Replace(meshTemplate, "mesh_id: MESH_ID", "mesh_id: "+scalar(meshID), 1))
	if len(contexts) > 0 {
		b.WriteString("  # One network: the pods of all clusters reach each other directly. Where they do not,\n" +
			"  # give the clusters networks of their own.\n")
	}
	derived := map[string]int{}
	for _, c := range contexts {
		derived[ClusterName(c)]++
	}
	for _, c := range contexts {
		fmt.Fprintf(&b, "  %s: {network: network-1%s}\n", scalar(c), ownName(c, derived))
	}
	return []byte(b.String())
}

// ownName is the name that a context needs in the file, where the one that is derived
// from it is that of another as well, or none. taken counts the names, and counts it.
func ownName(context string, taken map[string]int) string {
	if name := ClusterName(context); name != "" && taken[name] == 1 {
		return ""
	}
	const room = 4 // for a number
	base := names.Slug(context)
	if base = strings.Trim(base[:min(len(base), 63-room)], "-"); base == "" {
		base = "cluster"
	}
	name := base
	for n := 2; taken[name] > 0; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	taken[name]++
	return ", name: " + scalar(name)
}

// scalar is a text as YAML, in one line.
func scalar(s string) string {
	out, err := yaml.Marshal(s)
	if err != nil || strings.Count(string(out), "\n") > 1 { // a string always has a YAML form
		return strconv.QuoteToASCII(s)
	}
	return strings.TrimSuffix(string(out), "\n")
}
