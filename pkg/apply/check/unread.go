package check

import (
	"cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// NeededFor is the remedy where the user of c may not do what err is about, such as "list
// pods in namespace x"; "" for any other error.
func NeededFor(c *plan.Cluster, err error, what string) string {
	if object.ClassOf(err) != object.Forbidden {
		return ""
	}
	return "the user of context " + c.Context + " needs to " + what
}

// Unread is [plan.Unanswered], and tells a user who may not read which permission to get.
func Unread(c *plan.Cluster, err error, message, what string) plan.Finding {
	f := plan.Unanswered(err, message)
	f.Hint = cmp.Or(NeededFor(c, err, what), f.Hint)
	return f
}
