package legacy

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// TestRules holds the tables to their own terms: a setting stands in them once, not
// below one that is taken whole before it, and what is moved is in a field of today's.
func TestRules(t *testing.T) {
	today := regexp.MustCompile(`^(namespace|(meshConfig|components|values)(\.[\w*-]+)+)$`)
	var seen []string
	for _, table := range [][]rule{blockRules, componentRules, valueRules, meshRules} {
		for _, r := range table {
			for _, before := range seen {
				if before == r.from || strings.HasPrefix(r.from, before+".") {
					t.Errorf("%s comes after %s, which takes it", r.from, before)
				}
			}
			if r.fate != kept && r.fate != idle && r.fate != moved {
				seen = append(seen, r.from)
			}
			if r.fate == moved && !today.MatchString(r.text) {
				t.Errorf("%s is moved to %q, want a path in today's spec", r.from, r.text)
			}
			if strings.Count(r.from, "*") < strings.Count(r.text, "*") && r.fate == moved {
				t.Errorf("%s is moved to %s: too few keys to stand for *", r.from, r.text)
			}
			if r.text == "" && r.fate != gone && r.fate != idle {
				t.Errorf("%s does not say what to do", r.from)
			}
		}
	}
}

// TestStepRows tries what is documented of the settings that code looks at: each is
// taken note of where it stands alone.
func TestStepRows(t *testing.T) {
	for _, row := range stepRows {
		for _, path := range row.Paths {
			t.Run(path, func(t *testing.T) {
				for _, value := range []string{"true", "false", "{enabled: true}", "x.example:9411"} {
					keys := strings.Split(path, ".")
					for i := len(keys) - 1; i >= 0; i-- {
						value = "{" + keys[i] + ": " + value + "}"
					}
					spec, problems := tree.Read("base.yaml", []byte(value))
					if len(problems) > 0 {
						t.Fatal(problems)
					}
					if _, decisions := Translate(spec, "spec"); len(decisions) > 0 {
						return
					}
				}
				t.Error("nothing is decided of it")
			})
		}
	}
}

// TestSpelling gives fields the names that are looked for, and leaves names of the
// user's own.
func TestSpelling(t *testing.T) {
	for name, test := range map[string]struct {
		spec string
		want map[string]any
		told int
	}{
		"fields in mappings, at any depth": {
			"{meshConfig: {trust_domain: a.example, default_config: {tracing: {max_path_tag_length: 9}}}}",
			map[string]any{"meshConfig": map[string]any{"trustDomain": "a.example", "defaultConfig": map[string]any{"tracing": map[string]any{"maxPathTagLength": int64(9)}}}}, 3,
		},
		"both names of a field that say different things below it": {
			"{meshConfig: {defaultConfig: {concurrency: 2}, default_config: {proxy_metadata: {a_b: c}}}}",
			map[string]any{"meshConfig": map[string]any{"defaultConfig": map[string]any{"concurrency": int64(2), "proxyMetadata": map[string]any{"a_b": "c"}}}}, 2,
		},
		"tags that have names of the user's": {
			"{values: {meshConfig: {defaultConfig: {tracing: {custom_tags: {my_tag: {literal: {value: x}}}}}}}}",
			map[string]any{"values": map[string]any{"meshConfig": map[string]any{"defaultConfig": map[string]any{"tracing": map[string]any{"customTags": map[string]any{"my_tag": map[string]any{"literal": map[string]any{"value": "x"}}}}}}}}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec, problems := tree.Read("base.yaml", []byte(test.spec))
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			got, decisions := Translate(spec, "spec")
			if diff := cmp.Diff(test.want, got.Map()); diff != "" || len(decisions) != test.told {
				t.Errorf("%d decisions, want %d (-want +got):\n%s", len(decisions), test.told, diff)
			}
		})
	}
}
