package legacy

import (
	"regexp"
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// TestRules holds the tables to their own terms: a setting stands in them once, not
// below one that is taken whole before it, and what is moved is in a field of today's.
func TestRules(t *testing.T) {
	today := regexp.MustCompile(`^(namespace|(meshConfig|components|values)(\.[\w*]+)+)$`)
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
