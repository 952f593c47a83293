package simulate

import (
	"testing"
	"time"
)

// TestChangesOfRole are histories of two clusters in which b changes its role,
// without a fault: whatever stands behind the Service that its webhook calls
// meanwhile, pods are injected as pods of b.
func TestChangesOfRole(t *testing.T) {
	role := edit{Kind: "role", A: 1, B: 0}
	tests := map[string]struct {
		remote bool
		edits  []edit
	}{
		"a remote cluster becomes a primary":                    {true, []edit{role}},
		"a remote cluster becomes a primary under another name": {true, []edit{role, {Kind: "name", A: 1, B: 1}}},
		"a primary becomes a remote cluster":                    {false, []edit{role}},
		"a primary becomes a remote cluster on another network": {false, []edit{role, {Kind: "network", A: 1, B: 2}}},
		"a remote cluster and its primary exchange their roles": {true, []edit{role, {Kind: "role", A: 0, B: 1}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calm := round{Timeout: 5 * time.Minute, Pause: time.Minute}
			h := history{Seed: 1, Size: 2, Slow: make([]time.Duration, most), Rounds: []round{calm, calm}}
			h.Rounds[1].Edits = tt.edits
			m := mesh{ID: meshIDs[0], Namespace: "istio-system", Trace: 1, Members: []member{
				{Cluster: "a", Context: "a", Name: "a", Network: "net-1"}, {Cluster: "b", Context: "b", Name: "b", Network: "net-2"},
			}}
			if tt.remote {
				m.Members[1].Primaries = []string{"a"}
			}
			h.Start = []mesh{m, {ID: meshIDs[1], Namespace: "istio-system", Trace: 1}}
			if f := play(t, h, t.Output()); f != nil {
				t.Errorf("round %d: %s", f.round, f)
			}
		})
	}
}
