package status

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Words are what a state of [Cluster] Served or Discovers is called where people read
// it. Most states say enough by themselves and stay as they are.
func Words(state string) string {
	switch object.Class(state) {
	case object.Unauthorized:
		return "token refused"
	case object.Forbidden:
		return "permission missing"
	case object.Untrusted:
		return "certificate not trusted"
	case object.Webhook:
		return "webhook not reached"
	case object.ServerFault:
		return "API server error"
	case object.Unclassified:
		return "error"
	}
	if state == "moved" {
		return "gateway address changed"
	}
	return state
}

// Words are the state and, where there is an intermediate, the days until it ends.
func (t Trust) Words() string {
	if t.State == "" || t.NotAfter.IsZero() {
		return t.State
	}
	return fmt.Sprintf("%s, %d d", t.State, t.Days)
}
