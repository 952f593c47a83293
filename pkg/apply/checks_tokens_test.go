package apply

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// withTokens is d applied, with tokens of west that east got at issued.
func withTokens(t *testing.T, d *Desired, issued time.Time, lifetime time.Duration) *World {
	t.Helper()
	w := appliedWorld(t, d)
	edit(w.Clusters[0], object.SecretRef("istio-system", object.RemoteSecretPrefix+"west"), func(o map[string]any) {
		notes := o["metadata"].(map[string]any)["annotations"].(map[string]any)
		notes[annotationIssued] = issued.Format(time.RFC3339)
		notes[annotationExpires] = issued.Add(lifetime).Format(time.RFC3339)
	})
	return w
}

func TestTokenLifetime(t *testing.T) {
	const day = 24 * time.Hour
	d := WantedMesh(t, twoClusters, TestBase)
	short := []Finding{{
		ID: checkLifetime, Cluster: "west", State: "short",
		Message: "its API server grants tokens for 24 h, not the 365 d asked for: the other clusters' credentials for it end at 2026-11-22 12:00 UTC",
		Hint:    "run setup-mesh apply at least every 16 h, by a timer: it replaces tokens in the last third of their lifetime",
	}}
	tests := map[string]struct {
		issued      time.Time
		lifetime    time.Duration
		notes, want []Finding
	}{
		"a year":          {testNow, tokenLifetime, nil, []Finding{}},
		"90 days":         {testNow, 90 * day, nil, []Finding{}},
		"EKS":             {testNow, day, short, []Finding{}},
		"most of it left": {testNow.Add(-15 * time.Hour), day, nil, []Finding{}},
		"a third left": {testNow.Add(-17 * time.Hour), day, nil, []Finding{{
			ID: "discovery/credential-expires", Cluster: "east", Peer: "west",
			Message: "the credential for west is due: valid until 2026-11-21 19:00 UTC", Hint: "setup-mesh apply makes a new one",
		}}},
		"ended": {testNow.Add(-25 * time.Hour), day, nil, []Finding{{
			ID: "discovery/credential-expires", Cluster: "east", Peer: "west",
			Message: "the credential for west is expired: valid until 2026-11-21 11:00 UTC", Hint: "setup-mesh apply makes a new one",
		}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := NewPlan(d, withTokens(t, d, tt.issued, tt.lifetime), PlanOptions{})
			s := NewStatus(p, healthyProbes(p))
			if diff := cmp.Diff(tt.want, s.Findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if tt.notes != nil {
				if diff := cmp.Diff(tt.notes, s.Notes); diff != "" {
					t.Errorf("notes (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.notes, p.Warnings); diff != "" {
					t.Errorf("warnings of the plan (-want +got):\n%s", diff)
				}
			}
			if got, want := s.Clusters[0].Tokens, tt.issued.Add(tt.lifetime); !got.Equal(want) {
				t.Errorf("the first token ends %s, want %s", got, want)
			}
		})
	}
}

// An apply says how long the tokens are valid that it was granted.
func TestReportOfShortTokens(t *testing.T) {
	d := WantedMesh(t, twoClusters, TestBase)
	x := &execution{plan: NewPlan(d, EmptyWorld(d), PlanOptions{}), made: map[changeKey]bool{}, tokens: map[string]validity{}}
	x.granted("west", validity{testNow, testNow.Add(48 * time.Hour)})
	x.granted("west", validity{testNow, testNow.Add(24 * time.Hour)})
	x.granted("east", validity{testNow, testNow.Add(tokenLifetime)})
	notes := x.report(nil, nil, testNow).Notes
	if len(notes) != 1 || notes[0].ID != checkLifetime || notes[0].Cluster != "west" || notes[0].Hint == "" {
		t.Errorf("notes %v", notes)
	}
}
