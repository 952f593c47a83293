package topology_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// TestAbusiveInput feeds what is meant to use up memory. The limit is on
// everything allocated, so what was in use at once is less.
func TestAbusiveInput(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	tests := map[string]struct{ in, want string }{
		"10 MB":              {strings.Repeat("# comment\n", 1<<20), "topology.yaml:1:1: is larger than 1 MiB (10485760 bytes)"},
		"one byte too many":  {strings.Repeat("#", 1<<20+1), "topology.yaml:1:1: is larger than 1 MiB (1048577 bytes)"},
		"as large as may be": {strings.Repeat("#", 1<<20), "topology.yaml:1:1: is empty"},
		"100,000 levels":     {strings.Repeat("[", 100_000), "topology.yaml:1:1: is no YAML: exceeded max depth of 10000"},
		"1,000 levels":       {strings.Repeat("[", 1_000) + strings.Repeat("]", 1_000), "topology.yaml:1:102: is nested deeper than 100 levels"},
		"many entries":       {"a: [" + strings.Repeat("a,", 400_000) + "]", "topology.yaml:1:1: has more than 100000 entries"},
		"alias bomb":         {bomb, "topology.yaml:1:5: a0: anchors and aliases (& and *) are not read here"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := topology.ParseMesh("topology.yaml", []byte(tt.in))
			runtime.ReadMemStats(&after)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("allocated %d MiB, want at most 64", used>>20)
			}
		})
	}
}

// TestLargestAllowedInput reads a file just below the limits: 5,000 clusters.
func TestLargestAllowedInput(t *testing.T) {
	var in bytes.Buffer
	in.WriteString("mesh_id: m\ncontexts:\n")
	for i := range 5_000 {
		fmt.Fprintf(&in, "  context-%d: {network: network-%d, overlay: {values: {pilot: {traceSampling: 1}}}}\n", i, i%10)
	}
	m, err := topology.ParseMesh("topology.yaml", in.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Clusters) != 5_000 {
		t.Errorf("got %d clusters, want 5000", len(m.Clusters))
	}
}
