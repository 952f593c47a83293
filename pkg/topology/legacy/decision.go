package legacy

import "github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"

// A Decision is what became of one setting. Its position and path are the user's,
// its message follows the path in a sentence.
type Decision struct {
	tree.Problem
	Level Level
	To    string // the path below the spec where it stands today; "" for nowhere
}

// A Level says how much a user has to know of a [Decision].
type Level int

const (
	// Note is the level of a setting that means today what it meant, elsewhere or by
	// itself.
	Note Level = iota
	// Warning is that of a setting without effect, where one was asked for.
	Warning
	// Mistake is that of a setting that cannot be honoured.
	Mistake
)

// Problems returns the decisions of one level as problems, in their order.
func Problems(all []Decision, level Level) tree.Problems {
	var out tree.Problems
	for _, d := range all {
		if d.Level == level {
			out = append(out, d.Problem)
		}
	}
	return out
}
