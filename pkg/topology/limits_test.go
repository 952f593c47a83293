package topology_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// TestAbusiveInput feeds what is meant to use up memory. The limit is on
// everything allocated, so what was in use at once is less.
func TestAbusiveInput(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	key := "? " + strings.Repeat("k", 5_000) + "\n"
	deep := ""
	for i := range 90 {
		indent := strings.Repeat(" ", i)
		deep += indent + key + indent + ":\n"
	}
	deep += strings.Repeat(" ", 90) + "[" + strings.Repeat("a,", 79_000) + "]\n"
	tests := map[string]struct{ in, want string }{ // want: the first line
		"10 MB":               {strings.Repeat("# comment\n", 1<<20), "topology.yaml:1:1: is larger than 1 MiB (10485760 bytes)"},
		"one byte too many":   {strings.Repeat("#", 1<<20+1), "topology.yaml:1:1: is larger than 1 MiB (1048577 bytes)"},
		"as large as may be":  {strings.Repeat("#", 1<<20), "topology.yaml:1:1: is empty"},
		"100,000 levels":      {strings.Repeat("[", 100_000), "topology.yaml:1:1: is too large: it has 100000 line ends, commas, colons and brackets, and at most 80000 are allowed"},
		"50,000 levels":       {strings.Repeat("[", 50_000), "topology.yaml:1:1: is not valid YAML: exceeded max depth of 10000"},
		"1,000 levels":        {strings.Repeat("[", 1_000) + strings.Repeat("]", 1_000), "topology.yaml:1:102: is nested deeper than 100 levels"},
		"many entries":        {"a: [" + strings.Repeat("a,", 400_000) + "]", "topology.yaml:1:1: is too large: it has 400002 line ends, commas, colons and brackets, and at most 80000 are allowed"},
		"barely not too many": {"a: [" + strings.Repeat("a,", 79_900) + "]", "topology.yaml:1:1: a: unknown key"},
		"deep and wide":       {deep, "topology.yaml:1:1: mesh_id: is required"},
		"long keys":           {"? " + strings.Repeat("k", 500_000) + "\n: {" + strings.Repeat("a: a, ", 39_900) + "}", "topology.yaml:2:10: " + strings.Repeat("k", 300) + "....a: is already on line 2"},
		"wrong everywhere":    {"mesh_id: m\n" + strings.Repeat("aaaa: b\n", 39_900), "topology.yaml:3:1: aaaa: is already on line 2"},
		"alias bomb":          {bomb, "topology.yaml:1:5: a0: anchors and aliases (& and *) are not supported"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := topology.ParseMesh("topology.yaml", []byte(tt.in), nil)
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("no error")
			}
			if got, _, _ := strings.Cut(err.Error(), "\n"); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			t.Logf("allocated %d MiB in all", (after.TotalAlloc-before.TotalAlloc)>>20)
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("allocated %d MiB in all, want at most 64", used>>20)
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
	m, err := topology.ParseMesh("topology.yaml", in.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Clusters) != 5_000 {
		t.Errorf("got %d clusters, want 5000", len(m.Clusters))
	}
}

// TestManyUnknownPrimaries: no hint is worth minutes.
func TestManyUnknownPrimaries(t *testing.T) {
	var in bytes.Buffer
	in.WriteString("mesh_id: m\ncontexts:\n")
	for i := range 5_000 {
		fmt.Fprintf(&in, "  context-%d-%s: {network: n}\n", i, strings.Repeat("a", 40))
	}
	in.WriteString("  far: {network: n, primaries: [" + strings.Repeat("context-0-"+strings.Repeat("b", 30)+", ", 12_000) + "]}\n")
	begin := time.Now()
	_, err := topology.ParseMesh("topology.yaml", in.Bytes(), nil)
	if err == nil || !strings.HasPrefix(err.Error(), "topology.yaml:5003:33: contexts.far.primaries[0]: ") {
		t.Fatalf("got %.200v", err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}
