package apply

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// TestCauses: what comes of something else says what, and not that an apply mends it.
func TestCauses(t *testing.T) {
	noWebhook := &object.Error{Class: object.Webhook, Op: "create", Message: "no endpoints"}
	const ns, idle = "istio-system", "do first what istiod/running says of east"
	stop := func(w *world.World) {
		edit(w.Clusters[0], object.IstiodRef(ns), func(o map[string]any) {
			o["spec"].(map[string]any)["replicas"] = int64(0)
			o["status"] = map[string]any{}
		})
	}
	scale := "istiod/running east: kubectl --context kind-east -n istio-system scale deployment istiod --replicas=1"
	tests := map[string]struct {
		mesh   string
		change func(w *world.World)
		probe  func(probes map[string]check.Probe)
		want   []string
	}{
		"an istiod does not run": {
			mesh: twoClusters, change: stop,
			probe: func(probes map[string]check.Probe) {
				east := probes["east"]
				east.Injection, east.Validation, east.Istiods = noWebhook, noWebhook, nil
				east.Roots.PEM = map[string]string{"shop": ""}
				probes["east"] = east
			},
			want: []string{"trust/root-in-namespaces east: " + idle, scale, "control-plane/validation east: " + idle, "control-plane/injection east: " + idle, "discovery/synced east: " + idle},
		},
		"the istiod of a remote cluster does not run": {
			mesh: sharedControlPlane, change: stop,
			probe: func(probes map[string]check.Probe) {
				west := probes["west"]
				west.Injection, west.Root = noWebhook, world.Observed{Err: object.ErrNotFound}
				probes["west"] = west
			},
			want: []string{scale, "trust/root-distributed west: " + idle, "control-plane/injection west: " + idle},
		},
		"a primary has lost its credential for a remote cluster": {
			mesh: sharedControlPlane,
			change: func(w *world.World) {
				delete(w.Clusters[0].Objects, object.SecretRef(ns, object.RemoteSecretPrefix+"west"))
			},
			probe: func(probes map[string]check.Probe) {
				west := probes["west"]
				west.Root = world.Observed{Err: object.ErrNotFound}
				west.Roots.PEM = map[string]string{"shop": ""}
				probes["west"] = west
			},
			want: []string{"access/remote-secret east: setup-mesh apply",
				"trust/root-distributed west: do first what access/remote-secret says of east", "trust/root-in-namespaces west: do first what access/remote-secret says of east"},
		},
		"a credential has lost its label": {
			mesh: sharedControlPlane,
			change: func(w *world.World) {
				l, ref := w.Clusters[0], object.SecretRef(ns, object.RemoteSecretPrefix+"west")
				was := l.Object(ref)
				edit(l, ref, func(o map[string]any) { unstructured.RemoveNestedField(o, "metadata", "labels", "istio/multiCluster") })
				seen := l.Objects[ref]
				seen.Dry = was
				l.Objects[ref] = seen
			},
			probe: func(probes map[string]check.Probe) {
				delete(probes["east"].Istiods[0].Clusters, "west")
				west := probes["west"]
				west.Root = world.Observed{Err: object.ErrNotFound}
				probes["west"] = west
			},
			want: []string{"access/remote-secret east: setup-mesh apply", "discovery/synced east: do first what access/remote-secret says of east",
				"trust/root-distributed west: do first what access/remote-secret says of east"},
		},
		"a cluster does not answer": {
			mesh:   twoClusters,
			change: func(w *world.World) { w.Clusters[1].Unreached = errors.New("i/o timeout") },
			probe: func(probes map[string]check.Probe) {
				probes["east"].Credentials["west"] = &object.Error{Class: object.Unreachable, Op: "try", Message: "i/o timeout"}
			},
			want: []string{"discovery/credential-valid east: do first what cluster/reached says of west", "cluster/reached west: setup-mesh status, once it answers"},
		},
		"the address in a credential does not answer": {
			mesh: twoClusters, change: func(*world.World) {},
			probe: func(probes map[string]check.Probe) {
				probes["east"].Credentials["west"] = &object.Error{Class: object.Timeout, Op: "try", Message: "no answer", Hint: "is it up?"}
			},
			want: []string{"discovery/credential-valid east: is it up?"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := askedMesh(t, tt.mesh)
			tt.change(m.world)
			tt.probe(m.probes)
			var got []string
			for _, f := range status.New(NewPlan(WantedMesh(t, tt.mesh, TestBase), m.world, plan.Options{}), m.probes).Findings {
				got = append(got, f.ID+" "+f.Cluster+": "+f.Hint)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings with their remedies (-want +got):\n%s", diff)
			}
		})
	}
}
