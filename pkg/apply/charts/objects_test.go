package charts

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"istio.io/istio/manifests"
)

// everything renders all profiles and the gateways that no profile has.
func everything(t *testing.T) map[string][]Object {
	t.Helper()
	r := New()
	out := map[string][]Object{
		"multi-network": mustRender(t, r, "istio-system", multiNetwork),
		"every gateway": mustRender(t, r, "istio-system", `{components: {cni: {enabled: true}, ztunnel: {enabled: true},
		  ingressGateways: [{name: in}, {name: in-2, namespace: other}], egressGateways: [{name: out, enabled: true}]},
		  values: {defaultRevision: default}}`),
		"replicas declared": mustRender(t, r, "istio-system", `{components: {pilot: {k8s: {replicaCount: 2}}, ingressGateways: [{name: in, k8s: {replicaCount: 3}}]}}`),
	}
	profiles, err := fs.Glob(manifests.FS, "profiles/*.yaml")
	if err != nil || len(profiles) == 0 {
		t.Fatal(profiles, err)
	}
	for _, p := range profiles {
		name := strings.TrimSuffix(strings.TrimPrefix(p, "profiles/"), ".yaml")
		out["profile "+name] = mustRender(t, r, "istio-system", fmt.Sprintf("{profile: %s, values: {defaultRevision: default}}", name))
	}
	return out
}

func TestObjects(t *testing.T) {
	image := regexp.MustCompile(`(?m)^[ ]*(?:- )?(?:"?image"?): ?"?([a-z][^\s"{]*/[^\s"{]*|auto\b)`)
	for name, objects := range everything(t) {
		t.Run(name, func(t *testing.T) {
			scaled := map[string]bool{}
			for _, o := range objects {
				if o.GetKind() == "HorizontalPodAutoscaler" {
					scaled[o.GetNamespace()+"/"+o.GetName()] = true
				}
			}
			images := 0
			for _, o := range objects {
				at := fmt.Sprintf("%s %s %s", o.Component, o.GetKind(), o.GetName())
				checkComponent(t, at, o)
				walk(o.Object, func(path string, v any) {
					switch v := v.(type) {
					case map[string]any, []any, string, bool, int64:
					case float64:
						if o.GetKind() != "CustomResourceDefinition" {
							t.Errorf("%s: %s is the float64 %v", at, path, v)
						}
					case nil:
						if o.GetKind() != "CustomResourceDefinition" {
							t.Errorf("%s: %s is null", at, path)
						}
					default:
						t.Errorf("%s: %s is a %T", at, path, v)
					}
					text, _ := v.(string)
					if strings.Contains(text, "1.0.0") && strings.Contains(path, ".labels.") {
						t.Errorf("%s: %s is %q", at, path, text)
					}
					if strings.HasSuffix(path, ".image") {
						text = "image: " + text
					}
					for _, m := range image.FindAllStringSubmatch(text, -1) {
						images++
						if m[1] != "auto" && (!strings.HasPrefix(m[1], Hub+"/") || !strings.Contains(m[1], ":"+Release)) {
							t.Errorf("%s: %s has the image %s", at, path, m[1])
						}
					}
					for _, bad := range []string{"istio/testing", "istio.io/testing", "istio-testing", ":latest", `tag: latest`, `"tag": "latest"`} {
						if strings.Contains(text, bad) {
							t.Errorf("%s: %s contains %q", at, path, bad)
						}
					}
					switch {
					case strings.HasPrefix(path, ".status"), strings.HasSuffix(path, "creationTimestamp"):
						t.Errorf("%s declares %s", at, path)
					case strings.HasSuffix(path, ".failurePolicy") && o.GetKind() == "ValidatingWebhookConfiguration":
						t.Errorf("%s declares %s", at, path)
					case path == ".spec.replicas" && scaled[o.GetNamespace()+"/"+o.GetName()]:
						t.Errorf("%s declares %s beside an autoscaler", at, path)
					}
				})
			}
			if images == 0 && slices.ContainsFunc(objects, func(o Object) bool { return o.GetKind() == "Deployment" }) {
				t.Error("found no image at all; is the test still looking in the right place?")
			}
		})
	}
}

// checkComponent checks that o's component is one that there is, and a gateway's its
// own.
func checkComponent(t *testing.T, at string, o Object) {
	t.Helper()
	kind, gateway, _ := strings.Cut(o.Component, ":")
	if !slices.Contains(ranks, kind) {
		t.Errorf("%s: there is no such component", at)
	}
	gateways := []string{"istio-ingressgateway", "istio-egressgateway", "istio-eastwestgateway", "in", "in-2", "out"}
	if strings.HasSuffix(kind, "gateway") != slices.Contains(gateways, gateway) {
		t.Errorf("%s: there is no such gateway", at)
	}
}

func walk(v any, visit func(path string, v any)) { walkAt("", v, visit) }

func walkAt(path string, v any, visit func(path string, v any)) {
	visit(path, v)
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			walkAt(path+"."+key, child, visit)
		}
	case []any:
		for i, child := range v {
			walkAt(fmt.Sprintf("%s[%d]", path, i), child, visit)
		}
	}
}
