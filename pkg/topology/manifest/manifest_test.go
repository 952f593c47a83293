package manifest_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

var release = manifest.Release{Hub: "docker.io/istio", Tag: "1.31.0"}

// TestManifest makes the manifests of every archive in testdata/manifest, which
// holds a topology.yaml, a base.yaml and what comes of them: the manifest of each
// cluster, the warnings, and what the charts do not get to see.
func TestManifest(t *testing.T) {
	files, err := filepath.Glob("testdata/manifest/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := map[string][]byte{}
			for _, f := range archive.Files {
				in[f.Name] = f.Data
			}
			m, b := parseBoth(t, in["topology.yaml"], in["base.yaml"])
			got := manifestSections(m, b)
			if *update {
				archive.Files = append(archive.Files[:2:2], got...)
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(texts(archive.Files[2:]), texts(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

func parseBoth(t *testing.T, mesh, base []byte) (*topology.Mesh, *manifest.Base) {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", mesh, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.ParseBase("base.yaml", base)
	if err != nil {
		t.Fatal(err)
	}
	return m, b
}

func manifestSections(m *topology.Mesh, b *manifest.Base) []txtar.File {
	var files []txtar.File
	for _, c := range m.Clusters {
		got, warnings := manifest.New(m, b, c, release)
		files = append(files, txtar.File{Name: c.Name + ".yaml", Data: got.YAML()})
		if text := golden.Text(got.Mistakes); text != "" {
			files = append(files, txtar.File{Name: c.Name + " mistakes", Data: []byte(text)})
		}
		if text := golden.Text(warnings); text != "" {
			files = append(files, txtar.File{Name: c.Name + " warnings", Data: []byte(text)})
		}
		var hidden strings.Builder
		written, passed := map[string]any{}, map[string]any{}
		leaves(written, "spec", got.Spec)
		leaves(passed, "spec", got.Operator())
		for _, path := range slices.Sorted(maps.Keys(written)) {
			if !reflect.DeepEqual(written[path], passed[path]) {
				fmt.Fprintln(&hidden, path, written[path], "->", passed[path])
			}
			delete(passed, path)
		}
		for path, v := range passed {
			fmt.Fprintln(&hidden, path, "was not written, and is", v)
		}
		fmt.Fprintln(&hidden, "strict mutual TLS:", got.StrictMTLS())
		files = append(files, txtar.File{Name: c.Name + " for the charts", Data: []byte(hidden.String())})
	}
	return files
}

// leaves writes what v holds below its mappings into out, each under its path.
func leaves(out map[string]any, path string, v any) {
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		out[path] = v
		return
	}
	for k, below := range m {
		leaves(out, path+"."+k, below)
	}
}

func texts(files []txtar.File) map[string]string {
	m := map[string]string{}
	for _, f := range files {
		m[f.Name] = string(f.Data)
	}
	return m
}

const twoNetworks = `mesh_id: m
contexts:
  kind-east:
    network: east
    overlay:
      values:
        pilot: {traceSampling: 10}
      components:
        ingressGateways:
          - name: istio-eastwestgateway
            k8s: {replicaCount: 2}
  kind-west: {network: west}
`

const smallBase = `apiVersion: install.istio.io/v1alpha2
kind: IstioControlPlane
spec:
  meshConfig:
    accessLogFile: /dev/stdout
  components:
    pilot:
      k8s:
        nodeSelector: {kubernetes.io/os: linux}
        env:
          - name: A
            value: b
  values:
    pilot: {env: {B: c}}
`

func TestManifestAt(t *testing.T) {
	m, b := parseBoth(t, []byte(twoNetworks), []byte(smallBase))
	got, _ := manifest.New(m, b, m.Clusters[0], release)
	tests := map[string]struct{ path, want string }{
		"a value of the overlay":          {"spec.values.pilot.traceSampling", "topology.yaml:7:17"},
		"a value of base.yaml":            {"spec.meshConfig.accessLogFile", "base.yaml:5:5"},
		"without the leading spec":        {"meshConfig.accessLogFile", "base.yaml:5:5"},
		"an unknown key under a known":    {"spec.meshConfig.notAField.x", "base.yaml:4:3"},
		"a key with dots":                 {"spec.components.pilot.k8s.nodeSelector.kubernetes.io/os", "base.yaml:9:24"},
		"an item by name":                 {"spec.components.pilot.k8s.env[name=A].value", "base.yaml:12:13"},
		"an item by name, Istio's way":    {"spec.components.pilot.k8s.env.[name:A].value", "base.yaml:12:13"},
		"an item by number":               {"spec.components.pilot.k8s.env[0].value", "base.yaml:12:13"},
		"an item by number, with dots":    {"spec.components.pilot.k8s.env.0.value", "base.yaml:12:13"},
		"an item that is not there":       {"spec.components.pilot.k8s.env[7].value", "base.yaml:10:9"},
		"set by setup-mesh":               {"spec.values.global.meshID", ""},
		"set in a mapping of the user":    {"spec.values.pilot.env.ISTIO_MULTIROOT_MESH", ""},
		"set in an item of the user":      {"spec.components.ingressGateways[name=istio-eastwestgateway].enabled", ""},
		"the user's, in a completed item": {"spec.components.ingressGateways[name=istio-eastwestgateway].k8s.replicaCount", "topology.yaml:11:19"},
		"the spec":                        {"spec", "base.yaml:3:1"},
		"nothing known":                   {"spec.nothing", "base.yaml:3:1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if at := got.At(tt.path).String(); at != tt.want {
				t.Errorf("At(%q) = %q, want %q", tt.path, at, tt.want)
			}
		})
	}
	m, b = parseBoth(t, []byte(twoNetworks), []byte(`apiVersion: install.istio.io/v1alpha2
kind: IstioControlPlane
spec:
  components:
    ingressGateways:
      - name: istio-eastwestgateway
        k8s: {service: {ports: [{name: mine, port: 80}]}}
`))
	got, _ = manifest.New(m, b, m.Clusters[1], release)
	ports := "spec.components.ingressGateways[name=istio-eastwestgateway].k8s.service.ports"
	if at, want := got.At(ports).String(), "base.yaml:7:25"; at != want {
		t.Errorf("At of a list that is completed = %q, want %q", at, want)
	}
	_, b = parseBoth(t, []byte(twoNetworks), []byte(smallBase))
	if got, want := b.At("spec.values.pilot.env.B").String(), "base.yaml:14:19"; got != want {
		t.Errorf("Base.At = %q, want %q", got, want)
	}
}

func TestManifestProblem(t *testing.T) {
	m, b := parseBoth(t, []byte(twoNetworks), []byte(smallBase))
	got, _ := manifest.New(m, b, m.Clusters[0], release)
	tests := map[string]struct{ path, want string }{
		"from base.yaml":      {"spec.meshConfig.accessLogFile", "base.yaml:5:5: spec.meshConfig.accessLogFile: is odd"},
		"from an overlay":     {"spec.values.pilot.traceSampling", "topology.yaml:7:17: contexts.kind-east.overlay.values.pilot.traceSampling: is odd"},
		"set by setup-mesh":   {"spec.values.global.meshID", "spec.values.global.meshID: is odd"},
		"the spec as a whole": {"spec", "base.yaml:3:1: spec: is odd"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if p := got.Problem(tt.path, "is odd", "").String(); p != tt.want {
				t.Errorf("got  %s\nwant %s", p, tt.want)
			}
		})
	}
}

// TestManifestIsDeterministicAndPure makes each manifest twice, changes the
// first, and compares.
func TestManifestIsDeterministicAndPure(t *testing.T) {
	m, b := parseBoth(t, []byte(twoNetworks), []byte(smallBase))
	for _, c := range m.Clusters {
		first, _ := manifest.New(m, b, c, release)
		want := string(first.YAML())
		clear(first.Spec)
		clear(first.Operator())
		clear(b.Spec)
		clear(c.Overlay)
		second, _ := manifest.New(m, b, c, release)
		if diff := cmp.Diff(want, string(second.YAML())); diff != "" {
			t.Errorf("%s (-first +second):\n%s", c.Name, diff)
		}
	}
}

// TestManifestAtOfARemote: positions are those of the files, though half of base.yaml
// is left out.
func TestManifestAtOfARemote(t *testing.T) {
	m, b := parseBoth(t, []byte(`mesh_id: m
contexts:
  near: {network: n}
  far:
    network: n
    primaries: [near]
    overlay:
      values: {sidecarInjectorWebhook: {reinvocationPolicy: IfNeeded}}
`), []byte(smallBase+"    global: {proxy: {logLevel: info}}\n"))
	got, _ := manifest.New(m, b, m.Clusters[1], release)
	tests := map[string]struct{ path, want string }{
		"from base.yaml":    {"spec.values.global.proxy.logLevel", "base.yaml:15:22: spec.values.global.proxy.logLevel: is odd"},
		"from the overlay":  {"spec.values.sidecarInjectorWebhook.reinvocationPolicy", "topology.yaml:8:41: contexts.far.overlay.values.sidecarInjectorWebhook.reinvocationPolicy: is odd"},
		"set by setup-mesh": {"spec.values.istiodRemote.injectionPath", "spec.values.istiodRemote.injectionPath: is odd"},
		"left out":          {"spec.values.pilot.env.B", "base.yaml:13:3: spec.values.pilot.env.B: is odd"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if p := got.Problem(tt.path, "is odd", "").String(); p != tt.want {
				t.Errorf("got  %s\nwant %s", p, tt.want)
			}
		})
	}
	primary, _ := manifest.New(m, b, m.Clusters[0], release)
	if got, want := primary.At("spec.values.pilot.env.B").String(), "base.yaml:14:19"; got != want {
		t.Errorf("in the primary after that, At = %q, want %q", got, want)
	}
}
