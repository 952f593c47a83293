package plan

import "github.com/setup-mesh/setup-mesh/pkg/apply/object"

// A Finding is something about a cluster that a user has to know, and what to
// do about it. Whoever treats one finding differently asks for its ID and for
// what it is about, never for its words.
type Finding struct {
	ID      string `json:"id"`                // of the [check.Check] that found it
	Cluster string `json:"cluster,omitempty"` // "" for the whole mesh
	// Peer is the other cluster of something between two, Object the one object
	// that it is about, Manager whoever manages objects that are not ours.
	Peer    string     `json:"peer,omitempty"`
	Object  object.Ref `json:"object,omitzero"`
	Manager string     `json:"manager,omitempty"`
	// State is the finding in one or two words, for a table: "missing".
	State string `json:"state,omitempty"`
	// Unknown says that the answer could not be had: whether something is
	// wrong is not known.
	Unknown bool   `json:"unknown,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Detail is what the hint speaks of where that takes several lines, such as
	// a manifest.
	Detail string `json:"detail,omitempty"`
}

// unknown is the finding that an answer could not be had.
func Unanswered(err error, message string) Finding {
	return Finding{Unknown: true, State: "unknown", Message: message, Hint: object.HintOf(err), Detail: object.DetailOf(err)}
}
