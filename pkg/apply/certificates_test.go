package apply

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// What is due is found by its date, with what to do about it, and makes the difference for
// whoever asks every day.
func TestCertificates(t *testing.T) {
	const day = 24 * time.Hour
	tests := map[string]struct {
		after time.Duration // since all was made
		due   bool
		found []string
		notes []string
	}{
		"new":                       {0, false, nil, nil},
		"an intermediate is due":    {250 * day, true, []string{"trust/certificate east", "trust/certificate west"}, nil},
		"the root ends in 59 days":  {certs.RootLifetime - 59*day, true, []string{"trust/certificate east", "trust/certificate west"}, []string{"trust/root-ends-soon east"}},
		"the root ends in 13 days":  {certs.RootLifetime - 13*day, true, []string{"trust/root-ends east", "trust/certificate east", "trust/certificate west"}, nil},
		"the root has ended":        {certs.RootLifetime + day, true, []string{"trust/root-ends east", "trust/certificate east", "trust/certificate west"}, nil},
		"the root ends in 61 days":  {certs.RootLifetime - 61*day, true, []string{"trust/certificate east", "trust/certificate west"}, nil},
		"a third of the life is in": {120 * day, false, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, twoClusters, TestBase)
			w := appliedWorld(t, d)
			w.Now = testNow.Add(tt.after)
			p := NewPlan(d, w, plan.Options{})
			got := status.NewCertificates(p, healthyProbes(p))
			if got.Due() != tt.due {
				t.Errorf("due: %v", got.Due())
			}
			for _, pair := range []struct {
				want []string
				got  []plan.Finding
			}{{tt.found, got.Findings}, {tt.notes, got.Notes}} {
				var ids []string
				for _, f := range pair.got {
					if f.Hint == "" {
						t.Errorf("%s has no remedy", f.ID)
					}
					if f.ID != check.IDLifetime && f.ID != "discovery/credential-accepted" {
						ids = append(ids, f.ID+" "+f.Cluster)
					}
				}
				if diff := cmp.Diff(pair.want, ids); diff != "" {
					t.Errorf("findings (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// Facts of certificates, and who has signed them; a cluster that is not reached is not
// known, which is not fine.
func TestCertificatesOfClusters(t *testing.T) {
	d := inPhase(t, certs.SignNew)
	w := appliedWorld(t, d)
	w.Cluster("b").Unreached = errors.New("i/o timeout")
	p := NewPlan(d, w, plan.Options{})
	probes := healthyProbes(p)
	r := probes["r"]
	r.Root.Object = object.New("v1", "ConfigMap", "istio-system", object.RootConfigMap, nil, map[string]any{"data": map[string]any{"root-cert.pem": string(d.Root.PEM())}})
	probes["r"] = r
	got := status.NewCertificates(p, probes)
	var lines []string
	for _, r := range got.Root {
		lines = append(lines, fmt.Sprintf("root %s %s %d d", certs.Short(r.Fingerprint), r.Algorithm, r.Days))
	}
	for _, c := range got.Clusters {
		line := fmt.Sprintf("%s %s served %s proxies %s", c.Name, c.Role, c.Served, c.Proxies)
		if c.Issuing != nil {
			line += fmt.Sprintf(" issuing %s %d d by %s", c.Issuing.Algorithm, c.Issuing.Days, certs.Short(c.Issuing.SignedBy))
		}
		lines = append(lines, fmt.Sprintf("%s roots %d", line, len(c.Roots)))
	}
	want := []string{
		fmt.Sprintf("root %s %s 3650 d", otherRoot().Short(), certs.Algorithm(otherRoot().Cert())), fmt.Sprintf("root %s %s 3650 d", testRoot().Short(), certs.Algorithm(testRoot().Cert())),
		fmt.Sprintf("a primary served ok proxies ok issuing ECDSA P-256 365 d by %s roots 2", otherRoot().Short()),
		"b primary served ? proxies ? roots 0",
		"r remote served ok proxies ok roots 2",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("certificates (-want +got):\n%s", diff)
	}
	if !got.Due() || !got.Key {
		t.Errorf("due: %v, key: %v", got.Due(), got.Key)
	}
}

// Whoever finds a CA that is due or has ended is told who can sign another, not to run an
// apply that has no key to do it with.
func TestRemedyWithoutTheRootKey(t *testing.T) {
	for name, days := range map[string]int{"due": 250, "expired": 400} {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, twoClusters, TestBase)
			w := appliedWorld(t, d)
			w.Now = testNow.AddDate(0, 0, days)
			root, err := certs.ParseRoot(testRoot().PEM(), nil)
			if err != nil {
				t.Fatal(err)
			}
			setRoot(t, d, root)
			p := NewPlan(d, w, plan.Options{})
			found := 0
			for _, f := range status.NewCertificates(p, healthyProbes(p)).Findings {
				if f.ID != "trust/certificate" {
					continue
				}
				found++
				if want := "put certs/root-key.pem back for this apply, name who has the key with --sign-command, or have it signed elsewhere: setup-mesh certs csr"; f.Hint != want {
					t.Errorf("%s: %q", f.Cluster, f.Hint)
				}
			}
			if found != 2 {
				t.Errorf("%d clusters have a finding, want 2", found)
			}
		})
	}
}
