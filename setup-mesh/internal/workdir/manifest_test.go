package workdir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file of workloads that is too large is refused, and never cut off.
func TestReadWorkloads(t *testing.T) {
	dir := t.TempDir()
	large, most := filepath.Join(dir, "large.yaml"), filepath.Join(dir, "most.yaml")
	for file, size := range map[string]int64{large: maxWorkloads + 1, most: maxWorkloads} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := ReadWorkloads(large, nil); err == nil || err.Error() != large+": is larger than 64 MiB" {
		t.Errorf("a large file: %v", err)
	}
	if _, data, err := ReadWorkloads(most, nil); err != nil || len(data) != maxWorkloads {
		t.Errorf("the largest file: %d bytes, %v", len(data), err)
	}
	if name, data, err := ReadWorkloads("-", strings.NewReader("a: b\n")); name != "standard input" || string(data) != "a: b\n" || err != nil {
		t.Errorf("standard input: %q, %q, %v", name, data, err)
	}
}
