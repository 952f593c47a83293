package applytest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// signing is a Secret cacerts with a chain.
func signing(chain, roots string) applytest.Object {
	o := cacerts(roots)
	o.Object["data"].(map[string]any)["cert-chain.pem"] = b64([]byte(chain))
	return o
}

// A proxy has what its istiod has: as soon as that tells it of other roots, and otherwise
// when its certificate is due.
func TestProxiesAreToldOfRoots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		east := clusters["east"]
		d := deployment("istiod", "istiod", "id")
		container := d.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		container["env"] = append(container["env"].([]any), map[string]any{"name": "ISTIO_MULTIROOT_MESH", "value": "true"})
		must(t, east, object.New("v1", "Namespace", "", ns, nil, nil), signing("a", pem), d,
			service("istiod", "istiod", "ClusterIP", 443), injector())
		settle()
		changes := 0
		f.OnIdentity(func(applytest.World, string, object.Ref) { changes++ })
		must(t, east, deployment("gateway", "gateway", ""))
		settle()
		both := pem + strings.ReplaceAll(pem, "root", "other")
		for _, step := range []struct {
			what, chain, roots string
			after              time.Duration
			want               [2]string
			changes            int
		}{
			{"the first", "a", pem, 0, [2]string{"a", pem}, 1},
			{"another chain below the same roots", "b", pem, 2 * time.Minute, [2]string{"a", pem}, 1},
			{"the same after half a day", "b", pem, 12 * time.Hour, [2]string{"b", pem}, 2},
			{"more roots", "c", both, 2 * time.Minute, [2]string{"c", both}, 3},
		} {
			must(t, east, signing(step.chain, step.roots))
			time.Sleep(step.after)
			var got [2]string
			f.Look(func(w applytest.World) {
				for _, p := range w.Proxies("east") {
					got = [2]string{p.Chain, p.Roots}
					if !p.Connected {
						t.Errorf("%s: not connected", step.what)
					}
				}
			})
			if diff := cmp.Diff(step.want, got); diff != "" || changes != step.changes {
				t.Errorf("%s: %d changes (-want +got):\n%s", step.what, changes, diff)
			}
		}
		shown(t, f, east, map[string]string{"default": "c", "ROOTCA": both})
	})
}

// shown is that the one proxy of east shows PEM text on its port, and that its istiod has it.
func shown(t *testing.T, f *applytest.Fleet, east object.Cluster, want map[string]string) {
	t.Helper()
	var proxy, istiod string
	f.Look(func(w applytest.World) { proxy, istiod = w.Proxies("east")[0].Pod.Name, w.Istiods("east")[0].Pod.Name })
	var page struct {
		Configs []struct {
			Name   string
			Secret struct {
				Own struct {
					Chain struct {
						Bytes []byte `json:"inline_bytes"`
					} `json:"certificate_chain"`
				} `json:"tls_certificate"`
				Validation struct {
					Roots struct {
						Bytes []byte `json:"inline_bytes"`
					} `json:"trusted_ca"`
				} `json:"validation_context"`
			}
		}
	}
	body, err := east.PodGet(t.Context(), ns, proxy, 15000, "/config_dump?resource=dynamic_active_secrets")
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range page.Configs {
		got[c.Name] = string(c.Secret.Own.Chain.Bytes) + string(c.Secret.Validation.Roots.Bytes)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	list, err := east.PodGet(t.Context(), ns, istiod, 15014, "/debug/syncz")
	if err != nil || !strings.Contains(string(list), `"cluster_id":"id"`) || !strings.Contains(string(list), proxy+"."+ns) {
		t.Errorf("syncz: %s, %v", list, err)
	}
}
