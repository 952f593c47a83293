package e2e

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// drifted wants a change by others to be in the plan and in status.
func (u *upkeep) drifted(t *testing.T, change string, words ...string) {
	t.Helper()
	got := u.planJSON(t, 2, "--detailed-exitcode").changes()
	if !slices.Contains(got["east-1"], change) || len(got) != 1 {
		t.Errorf("the plan is %v, want %s in east-1", got, change)
	}
	wantWords(t, u.run(t, 2, "status"), words...)
}

// selector: a key more, and the Service has no endpoints.
func (u *upkeep) selector(t *testing.T) {
	patch := []byte(`{"spec":{"selector":{"version":"v2"}}}`)
	services := u.clusters[east1].kube.CoreV1().Services("istio-system")
	if _, err := services.Patch(t.Context(), "istiod", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	u.drifted(t, "update Service istio-system/istiod", "control-plane/service", "east-1")
	u.healed(t)
	service, err := services.Get(t.Context(), "istiod", metav1.GetOptions{})
	if err != nil || service.Spec.Selector["version"] != "" {
		t.Errorf("after an apply Service istiod selects %v: %v", service.Spec.Selector, err)
	}
}

// injector: a condition more, and no namespace is one whose pods are injected.
func (u *upkeep) injector(t *testing.T) {
	webhooks := u.clusters[east1].kube.AdmissionregistrationV1().MutatingWebhookConfigurations()
	config, err := webhooks.Get(t.Context(), "istio-sidecar-injector", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range config.Webhooks {
		config.Webhooks[i].NamespaceSelector.MatchLabels = map[string]string{"team": "a"}
	}
	if _, err := webhooks.Update(t.Context(), config, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "east-1: pods are not injected", func(ctx context.Context) error {
		return errorIf(u.clusters[east1].injects(ctx) == nil, "they are still")
	})
	u.drifted(t, "update MutatingWebhookConfiguration istio-sidecar-injector", "control-plane/webhooks", "east-1")
	u.healed(t)
}

func (u *upkeep) noInjector(t *testing.T) {
	webhooks := u.clusters[east1].kube.AdmissionregistrationV1().MutatingWebhookConfigurations()
	if err := webhooks.Delete(t.Context(), "istio-sidecar-injector", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	u.drifted(t, "create MutatingWebhookConfiguration istio-sidecar-injector", "control-plane/webhooks", "east-1")
	u.healed(t)
}

// account: the tokens of an account end with it, and one that is made again under its name has none.
func (u *upkeep) account(t *testing.T) {
	ctx, accounts := t.Context(), u.clusters[east2].kube.CoreV1().ServiceAccounts("istio-system")
	if err := accounts.Delete(ctx, "istio-reader-service-account", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	wantRevoked(t, stored(t, u.clusters[east1], "istio-system", "east-2"))
	wantWords(t, u.run(t, 2, "status"), "access/reader", "east-2")
	u.healed(t)
	for _, consumer := range []string{east1, west1} {
		if err := listServices(stored(t, u.clusters[consumer], "istio-system", "east-2")); err != nil {
			t.Errorf("the credential of %s for east-2: %v", consumer, err)
		}
	}
	wantRemotes(t, u.clusters[east1], []string{"east-2", "west-1"})
}

// versionsOfTheRecord: what was recorded in one version and is wanted in another is one object.
func (u *upkeep) versionsOfTheRecord(t *testing.T) {
	ctx, maps := t.Context(), u.clusters[east1].kube.CoreV1().ConfigMaps("istio-system")
	cm, err := maps.Get(ctx, "setup-mesh", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(cm.Data["record.json"]), &record); err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, o := range record["objects"].([]any) {
		if o := o.(map[string]any); o["group"] == "networking.istio.io" {
			o["version"] = "v1beta1"
			changed++
		}
	}
	text, err := json.Marshal(record)
	if err != nil || changed == 0 {
		t.Fatalf("%d objects of Istio's kinds are recorded: %v", changed, err)
	}
	cm.Data["record.json"] = string(text)
	if _, err := maps.Update(ctx, cm, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range u.planJSON(t, 0).changes()["east-1"] {
		if strings.HasPrefix(c, "delete ") {
			t.Errorf("the plan of east-1: %s", c)
		}
	}
}

// namespaceEnds: somebody has deleted Istio's namespace, and something holds that up. An apply waits for the end,
// and makes the namespace and what was in it again.
func (u *upkeep) namespaceEnds(t *testing.T) {
	ctx, c := t.Context(), u.clusters[east2].kube
	namespaces := c.CoreV1().Namespaces()
	if _, err := namespaces.Patch(ctx, "istio-system", types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.com/held"]}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := namespaces.Delete(ctx, "istio-system", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "east-2: istiod is gone", func(ctx context.Context) error {
		_, err := c.AppsV1().Deployments("istio-system").Get(ctx, "istiod", metav1.GetOptions{})
		return errorIf(!apierrors.IsNotFound(err), "Deployment istiod: %v", err)
	})
	base := u.read(t, "base.yaml")
	u.write(t, "base.yaml", strings.Replace(base, "spec:\n  profile:", "spec:\n  meshConfig:\n    accessLogFile: /dev/stdout\n  profile:", 1))
	run := u.start(t, "apply", "--yes")
	run.waitFor(t, "east-1", "configuration:")
	if _, err := namespaces.Patch(ctx, "istio-system", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, 0, run.end(t))
	u.applied(t)
}
