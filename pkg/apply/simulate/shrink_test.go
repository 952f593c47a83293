package simulate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// shrink leaves out of a history what it fails without, at the same invariant.
func shrink(t *testing.T, h history, f *failure) found {
	out := found{f.Error(), h}
	for range 3 { // what goes may let more go
		before := len(encode(out.History))
		for _, less := range lesser(out.History) {
			smaller := less(out.History)
			if len(encode(smaller)) >= len(encode(out.History)) {
				continue
			}
			if g := play(t, smaller, nil); g != nil && g.invariant == f.invariant {
				out = found{g.Error(), smaller}
			}
		}
		if len(encode(out.History)) == before {
			break
		}
	}
	return out
}

// lesser are ways to make a history smaller, from the last round to the first, so
// that each is good whatever those before it did.
func lesser(h history) []func(history) history {
	var out []func(history) history
	for i := len(h.Rounds) - 1; i >= 0; i-- {
		out = append(out, func(h history) history {
			h.Rounds = slices.Delete(slices.Clone(h.Rounds), i, i+1)
			return h
		})
	}
	for i := len(h.Rounds) - 1; i >= 0; i-- {
		r := h.Rounds[i]
		change := func(f func(*round)) {
			out = append(out, func(h history) history {
				if i < len(h.Rounds) {
					h.Rounds = slices.Clone(h.Rounds)
					f(&h.Rounds[i])
				}
				return h
			})
		}
		change(func(r *round) { r.Rival = nil })
		change(func(r *round) { r.Asleep = nil })
		change(func(r *round) { r.Renew = false })
		for j := len(r.Edits) - 1; j >= 0; j-- {
			change(func(r *round) { r.Edits = without(r.Edits, j) })
		}
		for j := len(r.Faults) - 1; j >= 0; j-- {
			change(func(r *round) { r.Faults = without(r.Faults, j) })
		}
		for j := len(r.Outside) - 1; j >= 0; j-- {
			change(func(r *round) { r.Outside = without(r.Outside, j) })
		}
		for j := len(r.During) - 1; j >= 0; j-- {
			change(func(r *round) { r.During = without(r.During, j) })
		}
	}
	return out
}

func without[T any](list []T, i int) []T {
	if i >= len(list) {
		return list
	}
	return slices.Delete(slices.Clone(list), i, i+1)
}

// found is a history that failed, and how.
type found struct {
	Found   string
	History history
}

func (f found) String() string { return f.Found + "\n" + encode(f.History) }

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// seeds is where histories are kept that failed, one a line.
const seeds = "testdata/seeds/found.jsonl"

var keeping sync.Mutex

func keep(f found) error {
	keeping.Lock()
	defer keeping.Unlock()
	file, err := os.OpenFile(seeds, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("keep a history: %w", err)
	}
	_, err = fmt.Fprintln(file, encode(f))
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

func kept(t *testing.T) []found {
	t.Helper()
	data, err := os.ReadFile(seeds)
	if err != nil {
		t.Fatal(err)
	}
	var out []found
	lines := bufio.NewScanner(strings.NewReader(string(data)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var f found
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			t.Fatalf("%s: %v", seeds, err)
		}
		out = append(out, f)
	}
	return out
}
