package apply

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

var update = flag.Bool("update", false, "write what the code gives as what is wanted")

// TestBaseCases reads base.yaml as users of Istio 1.4 and later bring it: what is said
// about each line, the spec that becomes of it, and what is installed.
func TestBaseCases(t *testing.T) {
	files, err := filepath.Glob("testdata/base-cases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, golden := told(t, string(data)), strings.TrimSuffix(file, ".yaml")+".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

// told is all that becomes of a base.yaml in the first of two clusters.
func told(t *testing.T, base string) string {
	t.Helper()
	d, decisions, err := desiredOf(t, charts.New(), twoClusters, base)
	var out strings.Builder
	if err != nil {
		problems(&out, "refused", err)
		return out.String()
	}
	out.WriteString("accepted\n")
	for _, n := range decisions {
		if n.Level == 0 {
			fmt.Fprintf(&out, "note: %s\n", n.Problem)
		}
	}
	if len(d.Warnings) > 0 {
		problems(&out, "warned", d.Warnings)
	}
	installed := map[string]bool{}
	for _, it := range d.Clusters[0].Items {
		if it.Ref.Kind == "Deployment" || it.Ref.Kind == "DaemonSet" || it.Ref.Kind == "PeerAuthentication" {
			installed[it.Ref.String()] = true
		}
	}
	fmt.Fprintf(&out, "installed: %s\n", strings.Join(slices.Sorted(maps.Keys(installed)), ", "))
	plain, _, err := desiredOf(t, charts.New(), twoClusters, TestBase)
	if err != nil {
		t.Fatal(err)
	}
	usual := map[string]string{}
	flatten("", plain.Clusters[0].Manifest.Spec, usual)
	own := map[string]string{}
	flatten("", d.Clusters[0].Manifest.Spec, own)
	for _, path := range slices.Sorted(maps.Keys(own)) {
		if v, there := usual[path]; !there || v != own[path] {
			fmt.Fprintf(&out, "spec%s: %s\n", path, own[path])
		}
	}
	return out.String()
}

// flatten puts every plain value of a spec under its path.
func flatten(path string, v any, into map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, child := range v {
			flatten(path+"."+k, child, into)
		}
	case []any:
		for i, item := range v {
			m, _ := item.(map[string]any)
			if name, named := m["name"]; named {
				flatten(fmt.Sprintf("%s[%v]", path, name), item, into)
			} else {
				flatten(fmt.Sprintf("%s[%d]", path, i), item, into)
			}
		}
	default:
		into[path] = fmt.Sprint(v)
	}
}

func problems(out *strings.Builder, what string, err error) {
	var ps topology.Problems
	if !errors.As(err, &ps) {
		fmt.Fprintf(out, "%s without a line: %v\n", what, err)
		return
	}
	for _, p := range ps {
		fmt.Fprintf(out, "%s: %s\n    %s\n", what, p, p.Hint)
	}
}

func desiredOf(t *testing.T, r *charts.Renderer, mesh, base string) (*desired.Desired, []manifest.Decision, error) {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", []byte(mesh), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.ParseBase("base.yaml", []byte(base))
	if err != nil {
		if rest := manifest.Rest("base.yaml", []byte(base)); rest != nil {
			err = append(err.(topology.Problems), desired.Mistakes(m, rest, r)...).Err() //nolint:errorlint // it is not wrapped
		}
		return nil, nil, err
	}
	d, err := NewDesired(desired.Wanted{Mesh: m, Base: b, Root: testRoot()}, r)
	return d, b.Decisions, err
}
