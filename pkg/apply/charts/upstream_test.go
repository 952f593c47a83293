package charts

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"istio.io/istio/operator/pkg/render"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// TestRenderIsUpstreams renders what users bring, once by itself and once with what
// topology.yaml decides, as Istio's own renderer does: object by object, field by
// field, but for the east-west gateway, which is an installation of its own here.
func TestRenderIsUpstreams(t *testing.T) {
	files, err := filepath.Glob("../testdata/base-cases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	mesh, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts:\n  east: {network: n1}\n  west: {network: n2}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	renderer, compared := New(), 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		base, err := manifest.ParseBase("base.yaml", data)
		if err != nil {
			continue // refused, which other tests look at
		}
		m, _ := manifest.New(mesh, base, mesh.Clusters[0], manifest.Release{Hub: Hub, Tag: Release})
		spec := m.Operator()
		if mistakes(Check(spec)) || len(m.Mistakes) > 0 {
			continue
		}
		ours, err := renderer.Render("istio-system", spec)
		if _, ok := errors.AsType[*RefusedError](err); ok {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		compared++
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(upstream(t, spec), byIdentity(ours)); diff != "" {
				t.Errorf("(-upstream +ours):\n%s", diff)
			}
		})
	}
	if compared < 15 {
		t.Errorf("%d cases were compared", compared)
	}
}

func mistakes(all []Finding) bool {
	for _, f := range all {
		if !f.Warning {
			return true
		}
	}
	return false
}

func byIdentity(objects []Object) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, o := range objects {
		if !strings.HasSuffix(o.Component, ":"+EastWestGateway) {
			out[identity(o)] = o.Object
		}
	}
	return out
}

// upstream is what Istio's renderer makes of a spec without the east-west gateway.
func upstream(t *testing.T, spec map[string]any) map[string]map[string]any {
	t.Helper()
	own, err := clone(spec)
	if err != nil {
		t.Fatal(err)
	}
	dropEmpty(own)
	components, _ := own["components"].(map[string]any)
	list, _ := components["ingressGateways"].([]any)
	var others []any
	for _, entry := range list {
		if entry.(map[string]any)["name"] != EastWestGateway {
			others = append(others, entry)
		}
	}
	if components["ingressGateways"] = others; others == nil {
		delete(components, "ingressGateways")
	}
	content, err := json.Marshal(map[string]any{
		"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "metadata": map[string]any{"namespace": "istio-system"}, "spec": own,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "iop.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	sets, _, err := render.GenerateManifest([]string{file}, nil, false, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	objects := classify(sets)
	release(objects)
	undeclare(objects)
	return byIdentity(objects)
}
