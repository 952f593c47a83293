package topology

import "github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"

// Nearest returns the candidate that a mistyped word was probably meant to be, "" if
// none is near enough. The hints of [Problem] are found by the same rule.
func Nearest(word string, candidates []string) string { return names.Nearest(word, candidates) }
