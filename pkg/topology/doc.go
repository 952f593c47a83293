// Package topology says what is wanted: it reads topology.yaml (which clusters,
// on which networks) and base.yaml (how Istio is to be installed on them) and
// turns the two into one [Mesh] and one [Manifest] per cluster.
//
// The package is pure: it reads no file, contacts no cluster and knows no clock.
// Callers hand over bytes and the name that the file is to have in messages.
//
// # Strictness
//
// Both files are read key by key with their positions ([Position]), and nothing
// in them is ignored: an unknown key, a key written twice, a second document, an
// alias or a custom tag is a mistake. All mistakes of a file are reported
// together, in the order of the file, as [Problems].
//
// Text is taken as it is written where text is expected, so a cluster named no
// or 0123 or 1e3 keeps its name. In base.yaml, where any type may stand, the
// words that YAML 1.1 reads as booleans and YAML 1.2 reads as text (yes, no, on,
// off) are refused: quote them, or write true or false.
//
// # Limits
//
// A file has at most 1 MiB, one document, 100 levels of nesting and 80,000 line
// ends, commas, colons and opening brackets, which keeps reading any input below
// 64 MiB of memory.
package topology

//go:generate go run ./internal/gen
