package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// Scripts read this. What is in it may become more; where anything in it goes or means
// something else, [status.Format] is another.
func TestStatusJSON(t *testing.T) {
	d := WantedMesh(t, sharedControlPlane, TestBase)
	w := appliedWorld(t, d)
	p := NewPlan(d, w, plan.Options{})
	m := &probed{t: t, world: w, probes: healthyProbes(p)}
	m.probes["east"].Credentials["north"] = &object.Error{Class: object.Unauthorized, Op: "check the stored kubeconfig", Message: "the API server rejected the credentials"}
	m.probe("east", func(p *check.Probe) {
		p.Validation = observe.ErrAccepted
		p.Knocks = []observe.Knock{{Address: "192.0.2.7:15443", TCP: errors.New("i/o timeout")}}
	})
	m.probe("north", func(p *check.Probe) {
		p.Skew, p.Roots.Err = 7*time.Second, &object.Error{Class: object.Forbidden, Op: "list ConfigMaps", Message: "forbidden"}
	})
	got, err := json.MarshalIndent(status.New(p, m.probes), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	// The root of tests is another one each time.
	got = append(bytes.ReplaceAll(got, []byte(testRoot().Short()), []byte("ROOT")), '\n')
	const golden = "testdata/status.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}
