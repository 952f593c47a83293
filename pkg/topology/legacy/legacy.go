package legacy

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// A rule says what became of one setting of Istio 1.4.
type rule struct {
	from string // its path below the spec
	fate fate
	text string // moved, replaced: the path today; always: the reason; gone: what to do instead
}

// A fate is what became of a setting.
type fate string

const (
	moved    fate = "moved"    // the same value stands in another place today
	replaced fate = "replaced" // another setting, with values of its own, does it today
	always   fate = "always"   // today it is always so
	gone     fate = "gone"     // nothing of it is left
)

func (r rule) hint() string {
	switch r.fate {
	case moved, replaced:
		return "use " + r.text
	case always:
		return "leave it out: " + r.text
	}
	return r.text
}

// noun tells a key of the spec from a value, which the charts of 1.4 read.
func (r rule) noun() string {
	if strings.HasPrefix(r.from, "values.") {
		return "value"
	}
	return "key"
}

// Has says whether the setting at a path below the spec is one of Istio 1.4 that
// [Check] reports.
func Has(path string) bool {
	for _, r := range rules {
		if r.from == path {
			return true
		}
	}
	return false
}

// Check reports the settings of a spec that Istio no longer has, each once,
// with what became of them, and judges those that are understood. path is the
// spec's own.
func Check(t *tree.Tree, path string, ps *tree.Problems) {
	for _, r := range rules {
		keys := strings.Split(r.from, ".")
		if t.Get(keys...) != nil {
			ps.Add(t.KeyAt(keys...), tree.Join(path, keys...), r.hint(), "is a %s of Istio 1.4, not translated yet", r.noun())
		}
	}
	checkUnderstood(t, path, ps)
}
