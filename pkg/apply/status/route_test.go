package status

import (
	"slices"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
)

// TestPairRules holds the steps to the registry: each is made of checks that there are,
// and that a status judges.
func TestPairRules(t *testing.T) {
	all := component.Checks()
	for _, rule := range rules() {
		for _, id := range slices.Concat(rule.pair, rule.back, rule.ofFrom, rule.ofReader, rule.ofTo) {
			i := slices.IndexFunc(all, func(c check.Check) bool { return c.ID == id })
			if i < 0 {
				t.Errorf("step %s is made of %s, which is not a check", rule.id, id)
			} else if all[i].Severity == check.Warns && id != "gateway/resolved" { // whose findings are unknown
				t.Errorf("step %s is made of %s, which a status does not count", rule.id, id)
			}
		}
	}
}
