package manifest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

const ownedMesh = `mesh_id: m
contexts:
  east: {network: n1, gateway: {addresses: [192.0.2.1]}}
  west: {network: n2}
  served: {network: n2, primaries: [west]}
`

// TestOwnershipIsWhatNewDecides sets each owned setting in base.yaml to something odd:
// it is refused, or no cluster gets it.
func TestOwnershipIsWhatNewDecides(t *testing.T) {
	const odd = "odd-7"
	for _, o := range manifest.Ownership() {
		t.Run(o.Path, func(t *testing.T) {
			var spec any = odd
			path, item, isItem := strings.Cut(strings.TrimSuffix(o.Path, "]"), "[name=")
			switch {
			case isItem:
				spec = []any{map[string]any{"name": item, "label": map[string]any{"istio": odd}}}
			case o.Path == "values.global.meshNetworks":
				spec = map[string]any{odd: map[string]any{}}
			case o.Path == "values.global.readerServiceAccount", o.Path == "values.istiodRemote":
				spec = map[string]any{"name": odd}
			}
			keys := strings.Split(path, ".")
			for _, k := range slices.Backward(keys) {
				spec = map[string]any{k: spec}
			}
			base, err := yaml.Marshal(map[string]any{"apiVersion": manifest.VersionOperator, "kind": manifest.KindOperator, "spec": spec})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := manifest.ParseBase("base.yaml", base); err != nil {
				if !strings.Contains(err.Error(), path) {
					t.Errorf("refused for something else: %v", err)
				}
				return
			}
			m, b := parseBoth(t, []byte(ownedMesh), base)
			for _, c := range m.Clusters {
				got, warnings := manifest.New(m, b, c, release)
				if o.Some && len(m.Remotes(c.Name)) == 0 {
					continue
				}
				if strings.Contains(fmt.Sprint(got.Spec), odd) {
					t.Errorf("%s gets what base.yaml says: %v", c.Name, got.Spec)
				}
				if len(warnings)+len(got.Mistakes) == 0 && !c.Remote() {
					t.Errorf("%s: nobody says that it is not used", c.Name)
				}
			}
		})
	}
}

// TestOwnershipIsWhole: what New sets of its own accord is in the table.
func TestOwnershipIsWhole(t *testing.T) {
	notOwned := []string{ // base.yaml's counts where it says something
		"hub", "tag",
		"profile", // of remote clusters, which are remote whatever base.yaml says
	}
	m, b := parseBoth(t, []byte(ownedMesh), []byte("apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {}\n"))
	for _, c := range m.Clusters {
		got, _ := manifest.New(m, b, c, release)
		all := map[string]any{}
		leaves(all, "", got.Spec)
		for _, path := range slices.Sorted(maps.Keys(all)) {
			path = strings.TrimPrefix(path, ".")
			if !slices.Contains(notOwned, path) && !slices.ContainsFunc(manifest.Ownership(), func(o manifest.Owned) bool {
				owned, _, _ := strings.Cut(o.Path, "[")
				return path == owned || strings.HasPrefix(path, owned+".")
			}) {
				t.Errorf("%s: %s is set, and not in the table", c.Name, path)
			}
		}
	}
}
