package apply

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

func TestJudgeIntermediate(t *testing.T) {
	id := certs.Identity{Cluster: "a", Namespace: "istio-system", TrustDomain: "cluster.local"}
	live := func(root *certs.Root, id certs.Identity) *unstructured.Unstructured {
		c, err := (&desired.Intermediate{Root: root, ID: id}).Mint(t.Context(), desired.Minter{World: &world.World{}, Random: rand.Reader, Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		return c.Put(object.New("v1", "Secret", "istio-system", object.Cacerts, nil, nil))
	}
	ours := live(testRoot(), id)
	elsewhere := id
	elsewhere.Namespace = "mesh"
	broken := ours.DeepCopy()
	setData(broken.Object, "ca-key.pem", []byte("canary"))
	tests := map[string]struct {
		live *unstructured.Unstructured
		now  time.Time
		want string // how the reason begins; "" keeps it
	}{
		"fresh":                          {ours, testNow, ""},
		"after two thirds of its life":   {ours, testNow.AddDate(0, 7, 29), ""},
		"due":                            {ours, testNow.AddDate(0, 8, 2), "its intermediate is due: valid until 2027-11-21"},
		"expired":                        {ours, testNow.AddDate(2, 0, 0), "its intermediate is expired: valid until 2027-11-21"},
		"of another root":                {live(otherRoot(), id), testNow, "root-cert.pem holds root " + otherRoot().Short()},
		"for istiod in another place":    {live(testRoot(), elsewhere), testNow, ""}, // it vouches for any name
		"a key that is none":             {broken, testNow, "ca-key.pem: "},
		"an empty Secret, as if adopted": {object.New("v1", "Secret", "ns", object.Cacerts, nil, nil), testNow, "ca-cert.pem: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := (&desired.Intermediate{Root: testRoot(), ID: id}).Judge(&world.World{Now: tt.now}, tt.live)
			if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("Judge = %q, want %q", got, tt.want)
			}
			if strings.Contains(got, "canary") || strings.Contains(got, "PRIVATE") {
				t.Errorf("the reason shows the key: %s", got)
			}
		})
	}
}

func TestJudgeRemoteAccess(t *testing.T) {
	const ns = "istio-system"
	grant := object.SecretRef(ns, object.GrantPrefix+"a")
	secret := object.SecretRef(ns, object.RemoteSecretPrefix+"b")
	account := desired.AccountRef(ns, "istio-reader-service-account")
	tests := map[string]struct {
		world func(consumer, source *world.Live, w *world.World)
		want  string
	}{
		"as it was": {},
		"the API server moved": {
			world: func(_, source *world.Live, _ *world.World) { source.Endpoint.Server = "https://new.example.com" },
			want:  "API server of b: https://b.example.com:6443 -> https://new.example.com",
		},
		"its name changed": {
			world: func(_, source *world.Live, _ *world.World) { source.Endpoint.TLSServerName = "kubernetes" },
			want:  `TLS server name of b: "" -> "kubernetes"`,
		},
		"its CA changed": {
			world: func(_, source *world.Live, _ *world.World) { source.Endpoint.CA = []byte("another") },
			want:  "the CA of the API server of b changed",
		},
		"the grant is gone": {
			world: func(_, source *world.Live, _ *world.World) { source.Objects[grant] = world.Observed{} },
			want:  "its token was revoked in b",
		},
		"the grant was made anew": {
			world: func(_, source *world.Live, _ *world.World) {
				source.Objects[grant] = world.Observed{Object: fixture.ManagedBy(source.Object(grant), "uid-new")}
			},
			want: "its token is bound to an earlier grant of b",
		},
		"the grant cannot be read: the token may work": {
			world: func(_, source *world.Live, _ *world.World) {
				source.Objects[grant] = world.Observed{Err: errors.New("forbidden")}
			},
		},
		// A dead credential was never replaced: whoever deleted the account, or let
		// an apply make another one, was told that there is nothing to change.
		"the account of its token is gone": {
			world: func(_, source *world.Live, _ *world.World) { source.Objects[account] = world.Observed{} },
			want:  "the service account of its token is missing in b",
		},
		"the account of its token was made anew": {
			world: func(_, source *world.Live, _ *world.World) {
				source.Objects[account] = world.Observed{Object: fixture.ManagedBy(source.Object(account), "uid-new")}
			},
			want: "its token belongs to a service account that b no longer has",
		},
		"nobody wrote down of which account its token is": {
			world: func(consumer, _ *world.Live, _ *world.World) {
				edit(consumer, secret, func(o map[string]any) {
					delete(o["metadata"].(map[string]any)["annotations"].(map[string]any), desired.AnnotationAccount)
				})
			},
			want: "its token belongs to a service account that b no longer has",
		},
		"the account cannot be read: the token may work": {
			world: func(_, source *world.Live, _ *world.World) {
				source.Objects[account] = world.Observed{Err: errors.New("forbidden")}
			},
		},
		"the source is not reached: the token may work": {
			world: func(_, source *world.Live, _ *world.World) {
				source.Unreached, source.Endpoint = errors.New("i/o timeout"), object.Endpoint{}
			},
		},
		"the source is not in the world": {
			world: func(_, source *world.Live, w *world.World) { source.Name = "another" },
		},
		"the token is due": {
			world: func(_, _ *world.Live, w *world.World) { w.Now = testNow.AddDate(0, 9, 0) },
			want:  "its token is due: valid until 2027-11-21",
		},
		"the token expired": {
			world: func(_, _ *world.Live, w *world.World) { w.Now = testNow.AddDate(1, 1, 0) },
			want:  "its token is expired: valid until 2027-11-21",
		},
		"nobody wrote down until when": {
			world: func(consumer, _ *world.Live, _ *world.World) {
				edit(consumer, secret, func(o map[string]any) {
					notes := o["metadata"].(map[string]any)["annotations"].(map[string]any)
					delete(notes, desired.AnnotationExpires)
				})
			},
			want: "it does not say how long its token is valid",
		},
		"it is no kubeconfig": {
			world: func(consumer, _ *world.Live, _ *world.World) {
				edit(consumer, secret, func(o map[string]any) { setData(o, "b", []byte("canary: [")) })
			},
			want: "it does not hold a kubeconfig with one cluster and one user",
		},
		"it is for another cluster": {
			world: func(consumer, _ *world.Live, _ *world.World) {
				edit(consumer, secret, func(o map[string]any) {
					data := o["data"].(map[string]any)
					o["data"] = map[string]any{"c": data["b"]}
				})
			},
			want: "it does not hold a kubeconfig with one cluster and one user",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := WantedMesh(t, OneNetwork, TestBase)
			w := appliedWorld(t, d)
			if tt.world != nil {
				tt.world(w.Clusters[0], w.Clusters[1], w)
			}
			late := &desired.RemoteAccess{From: d.Clusters[1].Member, Account: d.Clusters[1].Account, Consumer: "a"}
			if got := late.Judge(w, w.Clusters[0].Object(secret)); got != tt.want {
				t.Errorf("Judge = %q, want %q", got, tt.want)
			}
			if late.Source() != "b" || !slices.Contains(late.Needs(), order.Applied("b", order.Grant, "a")) {
				t.Errorf("Source = %q, Needs = %v", late.Source(), late.Needs())
			}
		})
	}
}

// TestWantedObject checks what is sent for an object that is there.
func TestWantedObject(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	w := appliedWorld(t, d)
	for _, it := range d.Clusters[0].Items {
		live := w.Clusters[0].Object(it.Ref)
		got := desired.WantedObject(it, live)
		if !compare.Holds(got.Object, live.Object) {
			t.Errorf("%s: more is sent than is there", it.Ref)
		}
		if it.Late != nil && len(desired.SecretData(got)) == 0 {
			t.Errorf("%s: its content would be taken away", it.Ref)
		}
	}
	theirs := object.New("v1", "Namespace", "", "istio-system", nil, nil)
	got := desired.WantedObject(itemOf(t, d.Clusters[0], object.NamespaceRef("istio-system")), theirs)
	if a := got.GetAnnotations(); len(a) > 0 {
		t.Errorf("a namespace of somebody else is claimed: %v", a)
	}
}

func itemOf(t *testing.T, c *desired.Cluster, ref object.Ref) *desired.Item {
	t.Helper()
	for _, it := range c.Items {
		if it.Ref == ref {
			return it
		}
	}
	t.Fatalf("there is no %s", ref)
	return nil
}
