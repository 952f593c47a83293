package apply

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// withTokens is d applied, with tokens of west that east got at issued.
func withTokens(t *testing.T, d *desired.Desired, issued time.Time, lifetime time.Duration) *world.World {
	t.Helper()
	w := appliedWorld(t, d)
	edit(w.Clusters[0], object.SecretRef("istio-system", object.RemoteSecretPrefix+"west"), func(o map[string]any) {
		notes := o["metadata"].(map[string]any)["annotations"].(map[string]any)
		notes[desired.AnnotationIssued] = issued.Format(time.RFC3339)
		notes[desired.AnnotationExpires] = issued.Add(lifetime).Format(time.RFC3339)
	})
	return w
}

func TestTokenLifetime(t *testing.T) {
	const day = 24 * time.Hour
	d := WantedMesh(t, twoClusters, TestBase)
	short := []plan.Finding{{
		ID: check.IDLifetime, Cluster: "west", State: "short",
		Message: "its API server grants tokens for 24 h, not the 365 d asked for: the other clusters' credentials for it expire at 2026-11-22 12:00 UTC",
		Hint:    "run setup-mesh apply on a timer, at least every 16 h: it replaces tokens in the last third of their lifetime",
	}}
	tests := map[string]struct {
		issued      time.Time
		lifetime    time.Duration
		notes, want []plan.Finding
	}{
		"a year":          {testNow, desired.TokenLifetime, nil, []plan.Finding{}},
		"90 days":         {testNow, 90 * day, nil, []plan.Finding{}},
		"EKS":             {testNow, day, short, []plan.Finding{}},
		"most of it left": {testNow.Add(-15 * time.Hour), day, nil, []plan.Finding{}},
		"a third left": {testNow.Add(-17 * time.Hour), day, nil, []plan.Finding{{
			ID: "discovery/credential-expires", Cluster: "east", Peer: "west",
			Message: "the credential for west is due: valid until 2026-11-21 19:00 UTC", Hint: "setup-mesh apply makes a new one",
		}}},
		"ended": {testNow.Add(-25 * time.Hour), day, nil, []plan.Finding{{
			ID: "discovery/credential-expires", Cluster: "east", Peer: "west",
			Message: "the credential for west is expired: valid until 2026-11-21 11:00 UTC", Hint: "setup-mesh apply makes a new one",
		}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := NewPlan(d, withTokens(t, d, tt.issued, tt.lifetime), plan.Options{})
			s := status.New(p, healthyProbes(p))
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
