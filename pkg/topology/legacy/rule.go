package legacy

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// A rule says what became of one setting.
type rule struct {
	from string // its path below the spec; "*" stands for any one key
	fate fate
	text string // moved: the path today, "*" as in from; else why, or what to do
	// quiet are the values that ask for nothing today: the defaults of their time.
	quiet []string
}

// A fate is what became of a setting.
type fate string

const (
	moved   fate = "moved"   // the same value stands in another place today
	always  fate = "always"  // it is always so today; what asks for something else is refused
	gone    fate = "gone"    // nothing of it is left, which is told where it asked for something
	addon   fate = "addon"   // a block with a switch: off asks for nothing, on is told
	refused fate = "refused" // cannot be honoured
	kept    fate = "kept"    // stays as it is, and is told: it does less than it did
	idle    fate = "idle"    // what is quiet goes; all else is for today's rules
)

// values are shorthand in the tables.
func values(v ...string) []string { return v }

// apply carries out r where its setting is.
func (r rule) apply(t *translation) {
	for _, m := range matches(t.spec, strings.Split(r.from, "."), nil) {
		r.applyTo(t, m)
	}
}

// matches are the paths of the tree that a pattern fits.
func matches(t *tree.Tree, pattern, at []string) [][]string {
	if len(pattern) == 0 {
		return [][]string{slices.Clone(at)}
	}
	var out [][]string
	for _, k := range slices.Clone(t.Keys()) {
		if pattern[0] == k || pattern[0] == "*" {
			out = append(out, matches(t.Get(k), pattern[1:], append(at, k))...)
		}
	}
	return out
}

func (r rule) applyTo(t *translation, keys []string) {
	v := t.spec.Get(keys...)
	quiet := isEmpty(v) || v.Kind == tree.Scalar && slices.Contains(r.quiet, v.Text)
	switch {
	case r.fate == moved && !quiet:
		t.move(keys, r.target(keys))
	case r.fate == kept && !quiet:
		t.tell(Warning, keys, "", r.text, "has less effect than it had")
	case quiet && r.fate == always && !v.IsNull():
		t.take(keys, Note, "", "is always so today")
	case quiet || r.fate == gone && r.text == "":
		t.take(keys, Note, "", "asks for nothing today")
	case r.fate == idle:
	case r.fate == addon && isOff(v):
		t.take(keys, Note, "", "is off, and asks for nothing today")
	case r.fate == always:
		t.take(keys, Mistake, "take it out: "+r.text, "is not possible today")
	case r.fate == refused:
		t.take(keys, Mistake, r.text, "is not supported")
	default:
		t.take(keys, Warning, r.text, "has no effect today")
	}
}

// target is where a moved setting goes: each "*" is the key that it stood for.
func (r rule) target(keys []string) []string {
	var stood []string
	for i, p := range strings.Split(r.from, ".") {
		if p == "*" {
			stood = append(stood, keys[i])
		}
	}
	to := strings.Split(r.text, ".")
	for i := range to {
		if to[i] == "*" {
			to[i], stood = stood[0], stood[1:]
		}
	}
	return to
}

// isEmpty says whether a setting is there without saying anything.
func isEmpty(v *tree.Tree) bool {
	return v.IsNull() || v.Kind == tree.Sequence && len(v.Items) == 0 || v.Kind == tree.Mapping && len(v.Keys()) == 0
}

// isOff says whether a block has a switch, which is off, or nothing in it.
func isOff(v *tree.Tree) bool {
	return v.Kind == tree.Mapping && (len(v.Keys()) == 0 || v.Get("enabled") != nil && v.Get("enabled").Value == false)
}
