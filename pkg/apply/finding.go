package apply

// A Finding is something about a cluster ("" for the whole mesh) that a user
// has to know, and what to do about it.
type Finding struct {
	ID      string `json:"id,omitempty"` // stable, as area/claim
	Cluster string `json:"cluster,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Detail is what the hint speaks of where that takes several lines, such as
	// a manifest.
	Detail string `json:"detail,omitempty"`
}
