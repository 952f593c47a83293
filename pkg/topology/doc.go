// Package topology says which clusters a mesh has: it reads topology.yaml into a
// [Mesh], and knows their networks, their roles, and who reads whom ([Mesh.Reads]).
//
// The package is pure, and so are all below it: they read no file, contact no
// cluster and know no clock. Callers hand over bytes, and the name of the file in
// messages.
//
// # Rooms
//
// Imports point from the top of this list to its end:
//
//	manifest        base.yaml, overlay and owned values -> one Manifest per cluster
//	topology        topology.yaml -> Mesh
//	internal/spec   what may stand in base.yaml's spec and in an overlay
//	legacy          what Istio 1.4 wrote, and what became of it
//	internal/tree   YAML with positions, and the problems with it
//	internal/names  the rules for names
//	internal/file   topology.yaml as it is written; docs and JSON Schema come from it
//
// # Strictness
//
// topology.yaml and base.yaml are read key by key with their positions
// ([Position]), and nothing in them is ignored: an unknown key, a key written
// twice, a second document, an alias or a custom tag is a mistake. All mistakes of
// a file are reported together, in the order of the file, as [Problems].
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
