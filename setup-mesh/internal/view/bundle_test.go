package view

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBundled says what is missing, and in which files secrets were found late.
func TestBundled(t *testing.T) {
	var out, msg bytes.Buffer
	Bundled(&out, &msg, BundleFacts{File: "b.tar.gz", Bytes: 2048, Files: 3, Missing: []string{"west: not reached"}, Found: []string{"base.yaml", "plan.json"}})
	want := `setup-mesh: warning: not in the bundle: west: not reached
setup-mesh: warning: values of Secrets stood in base.yaml and plan.json, and were taken out: see [redacted] there, and please report where they came from
It holds no secrets, but names and addresses of your clusters. Read it before you send it.
To read it: tar -xzf b.tar.gz; README.txt says what is where.
`
	if diff := cmp.Diff([]string{"b.tar.gz   3 files, 2.0 KiB\n", want}, []string{out.String(), msg.String()}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
