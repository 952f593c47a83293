package names

import "strings"

// Nearest returns the candidate that s was probably meant to be, or "": the one
// with the fewest edits, at most a third of its length, case not counted.
func Nearest(s string, candidates []string) string {
	best, fewest := "", 1<<30
	for _, c := range candidates {
		d := distance(strings.ToLower(s), strings.ToLower(c))
		if d <= max(1, len(c)/3) && d < fewest {
			best, fewest = c, d
		}
	}
	return best
}

// distance is the number of characters to insert, delete, replace or swap with
// their neighbour to get from a to b (optimal string alignment). Long texts are
// far from everything.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 64 || len(y) > 64 {
		return 1 << 20
	}
	var before []int
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		next := make([]int, len(y)+1)
		next[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(y)]
}

// OneOf is the hint for a key that is not among those that may stand there.
func OneOf(key string, known []string) string {
	if hint := DidYouMean(key, known); hint != "" {
		return hint
	}
	return "take it out, or write one of " + strings.Join(known, ", ")
}

// DidYouMean is the hint for a word that is not among candidates.
func DidYouMean(s string, candidates []string) string {
	if n := Nearest(s, candidates); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}
