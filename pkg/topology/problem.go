package topology

import "github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"

// A Position is a place in a file. Line and Column count from 1; Column counts
// characters. The zero Position is not a place in a file: setup-mesh set the value
// itself.
type Position = tree.Position

// A Problem is one mistake, or one warning, about one place in a file.
type Problem = tree.Problem

// Problems is the error for a readable but wrong file, of [ParseMesh] and of
// package manifest's ParseBase. Returned as an error it is never empty; it is in
// document order. Only the first 1000 are kept.
type Problems = tree.Problems
