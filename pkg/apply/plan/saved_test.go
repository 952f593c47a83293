package plan

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
)

func TestParseSavedErrors(t *testing.T) {
	tests := map[string]struct{ in, wantErr string }{
		"nothing":          {"", "decode the plan: EOF"},
		"another format":   {`{"format": "setup-mesh.io/plan/v1"}`, "decode the plan: its format is not setup-mesh.io/plan/v2"},
		"another file":     {`{"mesh_id": "m"}`, `decode the plan: json: unknown field "mesh_id"`},
		"null":             {`null`, "decode the plan: its format is not setup-mesh.io/plan/v2"},
		"a cluster is not": {`{"format": "setup-mesh.io/plan/v2", "clusters": [null]}`, "decode the plan: one of its clusters is null"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseSaved([]byte(tt.in)); err == nil || err.Error() != tt.wantErr {
				t.Errorf("got %v, want %s", err, tt.wantErr)
			}
		})
	}
}

// Of several objects that are only in a saved plan, the same one is named each time.
func TestStaleNamesTheFirst(t *testing.T) {
	was := &Cluster{Member: record.Member{Name: "a"}}
	for i := range 40 {
		ref := object.Ref{Kind: "Secret", Namespace: "n", Name: fmt.Sprintf("s%02d", i)}
		was.Changes = append(was.Changes, Change{Object: ref, Action: Delete})
	}
	saved := &SavedPlan{Plan: &Plan{Format: Format, Clusters: []*Cluster{was}}}
	now := &Plan{Format: Format, Clusters: []*Cluster{{Member: was.Member}}}
	if diff := cmp.Diff([]string{"a: Secret n/s00: delete in the plan, not now"}, saved.Stale(now)); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
}

func FuzzParseSaved(f *testing.F) {
	f.Add([]byte(`{"format":"setup-mesh.io/plan/v2","mesh":"m","istio":"1.31.0","clusters":[{"name":"a","changes":[{"component":"gateway","object":{"kind":"Service","name":"x"},"action":"create"}]}],"digest":"x"}`))
	f.Add([]byte(`{"format":"setup-mesh.io/plan/v2","clusters":[null]}`))
	f.Add([]byte(`{"format":"setup-mesh.io/plan/v2","clusters":[{}],"refusals":[{}],"digest":1}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		s, err := ParseSaved(in)
		if err != nil {
			return
		}
		if lines := s.Stale(&Plan{Format: Format, Clusters: []*Cluster{{Member: record.Member{Name: "a"}}}}); len(lines) == 0 {
			t.Error("a plan that nobody made is not stale")
		}
	})
}
