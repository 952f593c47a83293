package legacy

import (
	"regexp"
	"slices"
	"strings"
)

// snakeCase are the other names of fields, which Istio takes too:
// https://protobuf.dev/programming-guides/json/
var snakeCase = regexp.MustCompile(`^[a-z]+[0-9]*(_[a-z0-9]+)+$`)

// freeKeys are the fields of MeshConfig, outside of lists, that hold keys of the user's
// own: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
var freeKeys = []string{"proxyMetadata", "customTags", "runtimeValues"}

// spelling gives fields of the mesh's configuration the names that everything here
// looks for, and the charts: Istio would read neither of two fields that are one.
func spelling(t *translation) {
	t.spell([]string{"meshConfig"})
	t.spell([]string{"values", "meshConfig"})
}

func (t *translation) spell(at []string) {
	for _, k := range slices.Clone(t.spec.Get(at...).Keys()) {
		if snakeCase.MatchString(k) {
			t.move(append(slices.Clone(at), k), append(slices.Clone(at), camelCase(k)))
		}
	}
	for _, k := range t.spec.Get(at...).Keys() {
		if !slices.Contains(freeKeys, k) {
			t.spell(append(slices.Clone(at), k))
		}
	}
}

// camelCase is the name in JSON of the field of a protocol buffer.
func camelCase(field string) string {
	words := strings.Split(field, "_")
	for i := 1; i < len(words); i++ {
		words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
	}
	return strings.Join(words, "")
}
