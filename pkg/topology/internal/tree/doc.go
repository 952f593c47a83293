// Package tree reads YAML into a [Tree], in which every value remembers where it
// was written, and merges, walks and decodes it. What is wrong with a file is
// collected as [Problems].
//
// What may stand in a file is judged elsewhere: here a file is only one document
// of plain YAML, within limits (see package topology), without aliases, tags and
// keys written twice.
package tree
