package applytest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func settle() { time.Sleep(30 * time.Second) }

func ready(t *testing.T, o *unstructured.Unstructured) status.Status {
	t.Helper()
	r, err := status.Compute(o)
	if err != nil {
		t.Fatal(err)
	}
	return r.Status
}

func TestDeploymentsAreRolledOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		east, c := clusters["east"], f.Cluster("east")
		must(t, east, object.New("v1", "Namespace", "", ns, nil, nil), cacerts(pem), deployment("istiod", "istiod", "id"))
		if got := ready(t, c.Get(object.IstiodRef(ns))); got != status.InProgressStatus {
			t.Errorf("at first %s", got)
		}
		settle()
		if got := ready(t, c.Get(object.IstiodRef(ns))); got != status.CurrentStatus {
			t.Errorf("then %s", got)
		}
		pods := func() (names []string) {
			for _, p := range c.List(schema.GroupKind{Kind: "Pod"}, ns) {
				names = append(names, p.GetName())
			}
			return names
		}
		was := pods()

		// Another root is served only by another pod.
		must(t, east, cacerts("another root"))
		settle()
		root := func() (root string) {
			f.Look(func(w applytest.World) { root = w.Istiods("east")[0].Root })
			return root
		}
		if !slices.Equal(was, pods()) || root() != pem {
			t.Errorf("pods %v, root %q", pods(), root())
		}
		restarted := deployment("istiod", "istiod", "id")
		restarted.Object["spec"].(map[string]any)["template"].(map[string]any)["metadata"].(map[string]any)["annotations"] = map[string]any{"restarted": "at"}
		must(t, east, restarted)
		if got := ready(t, c.Get(object.IstiodRef(ns))); got != status.InProgressStatus || len(pods()) != 2 {
			t.Errorf("during the rollout %s, %v", got, pods())
		}
		settle()
		if got := ready(t, c.Get(object.IstiodRef(ns))); got != status.CurrentStatus || len(pods()) != 1 || slices.Equal(was, pods()) || root() != "another root" {
			t.Errorf("after the rollout %s, %v, %q", got, pods(), root())
		}

		if err := east.Delete(t.Context(), object.IstiodRef(ns), object.DeleteOptions{Foreground: true}); err != nil {
			t.Fatal(err)
		}
		if c.Get(object.IstiodRef(ns)) == nil {
			t.Error("gone before its pods")
		}
		settle()
		if c.Get(object.IstiodRef(ns)) != nil || len(pods()) != 0 {
			t.Errorf("left: %v", pods())
		}
	})
}

// An istiod that allows for several roots takes a bundle that grows or shrinks,
// and no other: https://github.com/istio/istio/blob/1.31.0/pilot/pkg/bootstrap/istio_ca.go
func TestRootsAreReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		east := clusters["east"]
		d := deployment("istiod", "istiod", "id")
		container := d.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
		container["env"] = append(container["env"].([]any), map[string]any{"name": "ISTIO_MULTIROOT_MESH", "value": "true"})
		must(t, east, object.New("v1", "Namespace", "", ns, nil, nil), cacerts(pem), d)
		settle()
		other := strings.ReplaceAll(pem, "root", "other")
		third := strings.ReplaceAll(pem, "root", "third")
		for _, step := range []struct{ cacerts, served string }{{other + pem, other + pem}, {other, other}, {third + pem, other}} {
			must(t, east, cacerts(step.cacerts))
			time.Sleep(2 * time.Minute)
			f.Look(func(w applytest.World) {
				if got := w.Istiods("east")[0].Root; got != step.served {
					t.Errorf("with %q: %q", step.cacerts, got)
				}
				if got := nested(w.Get("east", object.Ref{Kind: "ConfigMap", Namespace: ns, Name: object.RootConfigMap}), "data", "root-cert.pem"); got != step.served {
					t.Errorf("written %q", got)
				}
			})
		}
	})
}

func TestDeploymentOverItsQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		c := f.Cluster("east")
		c.Set(func(s *applytest.Settings) { s.Stuck = func(object.Ref) string { return "exceeded quota: pods" } })
		must(t, clusters["east"], object.New("v1", "Namespace", "", ns, nil, nil), deployment("istiod", "istiod", "id"))
		settle()
		d := c.Get(object.IstiodRef(ns))
		if got := ready(t, d); got != status.InProgressStatus && got != status.FailedStatus {
			t.Errorf("got %s", got)
		}
		failed := false
		for _, e := range asList(nested(d, "status", "conditions")) {
			m := e.(map[string]any)
			failed = failed || m["type"] == "ReplicaFailure" && m["status"] == "True" && m["message"] == "exceeded quota: pods"
		}
		if !failed {
			t.Errorf("status %v", d.Object["status"])
		}
		c.Set(func(s *applytest.Settings) { s.Stuck = nil })
		settle()
		if got := ready(t, c.Get(object.IstiodRef(ns))); got != status.CurrentStatus {
			t.Errorf("then %s", got)
		}
	})
}

func TestSlicesOfAServiceWithoutItsSelector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		c := f.Cluster("east")
		must(t, clusters["east"], object.New("v1", "Namespace", "", ns, nil, nil), deployment("istiod", "istiod", "id"), service("istiod", "istiod", "ClusterIP", 443))
		settle()
		slicesNow := func() []*unstructured.Unstructured {
			return c.List(schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}, ns)
		}
		was := slicesNow()
		if len(was) != 1 || len(asList(was[0].Object["endpoints"])) != 1 || was[0].GetLabels()["endpointslice.kubernetes.io/managed-by"] != "endpointslice-controller.k8s.io" {
			t.Fatalf("got %v", was)
		}
		must(t, clusters["east"], service("istiod", "", "ClusterIP", 443))
		if err := clusters["east"].Delete(t.Context(), object.IstiodRef(ns), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		settle()
		if now := slicesNow(); len(now) != 1 || now[0].GetResourceVersion() != was[0].GetResourceVersion() {
			t.Errorf("got %v", now)
		}
		if err := clusters["east"].Delete(t.Context(), object.IstiodServiceRef(ns), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		settle()
		if now := slicesNow(); len(now) != 0 {
			t.Errorf("left %v", now)
		}
	})
}

func TestBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		c, ref := f.Cluster("east"), object.GatewayServiceRef(ns)
		c.Set(func(s *applytest.Settings) { s.NoBalancer = true })
		must(t, clusters["east"], object.New("v1", "Namespace", "", ns, nil, nil), service(object.EastWestGateway, "gw", "LoadBalancer", 15443))
		address := func() string {
			for _, e := range asList(nested(c.Get(ref), "status", "loadBalancer", "ingress")) {
				return e.(map[string]any)["ip"].(string)
			}
			return ""
		}
		settle()
		if got := address(); got != "" {
			t.Errorf("got %q", got)
		}
		c.Set(func(s *applytest.Settings) { s.NoBalancer = false })
		settle()
		first := address()
		c.MoveAddress(ref)
		if second := address(); first == "" || second == "" || first == second {
			t.Errorf("got %q, then %q", first, second)
		}
	})
}

func validator() *unstructured.Unstructured {
	return object.New("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "istio-validator-"+ns,
		map[string]any{"labels": map[string]any{"istio.io/rev": "default", "istio": "istiod"}},
		map[string]any{"webhooks": []any{map[string]any{
			"name": "rev.validation.istio.io", "sideEffects": "None", "admissionReviewVersions": []any{"v1"},
			"clientConfig": map[string]any{"service": map[string]any{"namespace": ns, "name": "istiod", "path": "/validate"}},
			"rules": []any{map[string]any{
				"apiGroups": []any{"networking.istio.io"}, "apiVersions": []any{"*"}, "operations": []any{"CREATE", "UPDATE"}, "resources": []any{"*"},
			}},
		}}})
}

func TestValidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, clusters := world(t, "east")
		east := clusters["east"]
		must(t, east, object.New("v1", "Namespace", "", ns, nil, nil), applytest.CRD(schema.GroupKind{Group: "networking.istio.io", Kind: "Gateway"}))
		settle()
		probe := object.New("networking.istio.io/v1", "Gateway", ns, "probe", map[string]any{"annotations": map[string]any{"istio.io/always-reject": "true"}}, map[string]any{"spec": map[string]any{}})
		try := func(want object.Class) {
			t.Helper()
			if _, err := east.Try(t.Context(), probe); object.ClassOf(err) != want && (err != nil || want != "") {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		try("")
		must(t, east, validator())
		try(object.Webhook)
		if _, err := east.Apply(t.Context(), probe, object.ApplyOptions{DryRun: true}); object.ClassOf(err) != object.Webhook {
			t.Errorf("got %v", err)
		}
		must(t, east, service("istiod", "istiod", "ClusterIP", 443), deployment("istiod", "istiod", "id"))
		settle()
		try(object.Denied)
		probe.SetAnnotations(nil)
		try("")
		applied := must(t, east, validator())
		if got := applied.Object["webhooks"].([]any)[0].(map[string]any); got["failurePolicy"] != "Fail" || nested(&unstructured.Unstructured{Object: got}, "clientConfig", "caBundle") == nil {
			t.Errorf("applying again took istiod's fields: %v", got)
		}
	})
}

// Several slices under one Service are endpoints of it, dead or alive.
func TestEachEndpointIsJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		east, c := clusters["east"], f.Cluster("east")
		must(t, east, object.New("v1", "Namespace", "", ns, nil, nil), cacerts(pem), service("istiod", "istiod", "ClusterIP", 443), deployment("istiod", "istiod", "id"), injector(),
			object.New("discovery.k8s.io/v1", "EndpointSlice", ns, "istiod-gone", map[string]any{"labels": map[string]any{"kubernetes.io/service-name": "istiod"}}, map[string]any{
				"addressType": "IPv4", "endpoints": []any{map[string]any{"addresses": []any{"192.0.2.1"}}},
				"ports": []any{map[string]any{"name": "https-webhook", "port": int64(15017)}},
			}))
		settle()
		var served, dead int
		for _, v := range c.Injection(ns) {
			if v.Served {
				served++
			} else if dead++; !strings.Contains(v.Reason, "timeout") {
				t.Errorf("got %+v", v)
			}
		}
		if served != 1 || dead != 1 {
			t.Errorf("%d served, %d dead", served, dead)
		}
		pod := object.New("v1", "Pod", ns, "probe", map[string]any{"labels": map[string]any{"sidecar.istio.io/inject": "true"}},
			map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "istio-proxy", "image": "auto"}}}})
		seen := map[object.Class]int{}
		for range 100 {
			_, err := east.Try(t.Context(), pod)
			class := object.Class("")
			if err != nil {
				class = object.ClassOf(err)
			}
			seen[class]++
		}
		if seen[""] == 0 || seen[object.Webhook] == 0 || len(seen) != 2 {
			t.Errorf("got %v", seen)
		}

		// A CA that is not the one that istiod has.
		if _, err := c.As("kubectl").Edit(object.RefOf(injector()), func(o *unstructured.Unstructured) {
			o.Object["webhooks"].([]any)[0].(map[string]any)["clientConfig"].(map[string]any)["caBundle"] = b64([]byte("other"))
		}); err != nil {
			t.Fatal(err)
		}
		for _, v := range c.Injection(ns) {
			if v.Served {
				t.Errorf("got %+v", v)
			}
		}
	})
}

func TestDiscoveryOfARevokedCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, run, clusters := world(t, "east", "west")
		east, west := clusters["east"], clusters["west"]
		namespace := object.New("v1", "Namespace", "", ns, nil, nil)
		must(t, east, namespace, cacerts(pem), deployment("istiod", "istiod", "east-id"))
		grant := must(t, west, append([]*unstructured.Unstructured{namespace}, reader()...)...)
		token, _, err := west.Token(t.Context(), ns, "reader", object.RefOf(grant), string(grant.GetUID()), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(token.Bytes()), applytest.TokenCanary) {
			t.Error("a leak would not be found")
		}
		kubeconfig := stored(west.Endpoint(), string(token.Bytes()))
		secret := object.New("v1", "Secret", ns, "remote", map[string]any{"labels": map[string]any{"istio/multiCluster": "true"}}, map[string]any{"data": map[string]any{"west-id": b64(kubeconfig)}})
		state := func() (state string) {
			f.Look(func(w applytest.World) { state = w.Istiods("east")[0].Remotes["west-id"] })
			return state
		}
		f.Cluster("west").Set(func(s *applytest.Settings) { s.Down = true })
		must(t, east, secret)
		settle()
		if state() != "timeout" {
			t.Errorf("while west is away: %s", state())
		}
		f.Cluster("west").Set(func(s *applytest.Settings) { s.Down = false })
		settle()
		if state() != "synced" {
			t.Errorf("when west is back: %s", state())
		}
		if err := west.Delete(t.Context(), object.RefOf(grant), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := run.CheckKubeconfig(t.Context(), kubeconfig); object.ClassOf(err) != object.Unauthorized {
			t.Errorf("got %v", err)
		}
		if err := east.Delete(t.Context(), object.RefOf(secret), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		settle()
		if state() != "" {
			t.Errorf("without its secret: %s", state())
		}
		must(t, east, secret)
		settle()
		if state() != "timeout" {
			t.Errorf("with a token that was revoked: %s", state())
		}
	})
}

func TestTokensEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, run, clusters := world(t, "west")
		west := clusters["west"]
		grant := must(t, west, append([]*unstructured.Unstructured{object.New("v1", "Namespace", "", ns, nil, nil)}, reader()...)...)
		f.Cluster("west").Set(func(s *applytest.Settings) { s.TokenCap = time.Hour })
		token, expires, err := west.Token(t.Context(), ns, "reader", object.RefOf(grant), string(grant.GetUID()), 1000*time.Hour)
		if err != nil || time.Until(expires) != time.Hour {
			t.Fatal(expires, err)
		}
		kubeconfig := stored(west.Endpoint(), string(token.Bytes()))
		if _, err := run.CheckKubeconfig(t.Context(), kubeconfig); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if _, err := west.CheckToken(t.Context(), kubeconfig); object.ClassOf(err) != object.Unauthorized {
			t.Errorf("got %v", err)
		}
	})
}

// A CRD that is made again while the end of the one before takes its time is served.
func TestCRDThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := applytest.New(1)
		defer f.Close()
		c := f.Add("a")
		c.Set(func(s *applytest.Settings) { s.Delays.Ending = 10 * time.Second })
		kind := schema.GroupKind{Group: "networking.istio.io", Kind: "Gateway"}
		hand := c.As("kubectl")
		create := func(o applytest.Object) {
			t.Helper()
			if _, err := hand.Create(o); err != nil {
				t.Fatal(err)
			}
		}
		create(applytest.CRD(kind))
		time.Sleep(time.Second)
		gateway := object.New("networking.istio.io/v1", "Gateway", "default", "x", nil, nil)
		create(gateway)
		if err := hand.Delete(object.RefOf(applytest.CRD(kind))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(11 * time.Second)
		create(applytest.CRD(kind))
		time.Sleep(time.Second)
		create(gateway)
	})
}
