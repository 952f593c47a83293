package simulate

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestMain lets garbage wait: histories make a lot of it, and little stays.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	debug.SetMemoryLimit(1 << 30)
	os.Exit(m.Run())
}

// play has a history happen in a bubble.
func play(t *testing.T, h history, log io.Writer) (out *failure) {
	synctest.Test(t, func(t *testing.T) {
		out = newSim(h, log).run(t.Context())
	})
	return out
}

// number is an environment variable, or what it is without.
func number(name string, without uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return without
}

// TestHistories runs short histories: SIM_COUNT of them, from the seed SIM_FROM on.
// SIM_SEED replays one whole, or as short as here where SIM_SHORT is set; SIM_KEPT
// replays those that were kept for that seed.
func TestHistories(t *testing.T) {
	if seed := number("SIM_KEPT", 0); seed > 0 {
		for _, k := range kept(t) {
			if k.History.Seed == seed {
				if f := play(t, k.History, os.Stdout); f != nil {
					t.Errorf("round %d: %s", f.round, f)
				}
			}
		}
		return
	}
	if seed := number("SIM_SEED", 0); seed > 0 {
		h := generate(seed)
		if os.Getenv("SIM_SHORT") != "" {
			h = h.short()
		}
		if f := play(t, h, os.Stdout); f != nil {
			t.Fatalf("seed %d, round %d: %s", seed, f.round, f)
		}
		return
	}
	count := uint64(5000)
	if testing.Short() {
		count = 200
	}
	histories(t, number("SIM_FROM", 1), number("SIM_COUNT", count), history.short, func(t *testing.T, h history, f *failure) {
		t.Errorf("SIM_SHORT=1 SIM_SEED=%d, round %d: %s", h.Seed, f.round, f)
		failed := shrink(t, h, f)
		t.Logf("the same with less: %s", failed)
	})
}

// TestSoak runs whole histories until it is stopped, or SIM_COUNT of them. Those
// that fail are kept for [TestRegressions].
func TestSoak(t *testing.T) {
	if os.Getenv("SIM_SOAK") == "" {
		t.Skip("make soak runs it")
	}
	from := number("SIM_FROM", uint64(time.Now().Unix()))
	whole := func(h history) history { return h }
	histories(t, from, number("SIM_COUNT", math.MaxInt), whole, func(t *testing.T, h history, f *failure) {
		fmt.Printf("SIM_SEED=%d, round %d: %s\n", h.Seed, f.round, f) // at once: the end may be far
		t.Errorf("SIM_SEED=%d, round %d: %s", h.Seed, f.round, f)
		if err := keep(shrink(t, h, f)); err != nil {
			t.Error(err)
		}
	})
}

// histories runs count histories on all processors.
func histories(t *testing.T, from, count uint64, cut func(history) history, failed func(*testing.T, history, *failure)) {
	roots()
	var next, failures, done atomic.Uint64
	start := time.Now()
	t.Cleanup(func() {
		t.Logf("%d histories from seed %d in %s", done.Load(), from, time.Since(start).Round(time.Second))
	})
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for failures.Load() < 20 {
				n := next.Add(1) - 1
				if n >= count {
					return
				}
				h := cut(generate(from + n))
				if os.Getenv("SIM_TRACE") != "" { // which one it was that crashed
					fmt.Fprintln(os.Stderr, "seed", h.Seed)
				}
				if f := play(t, h, nil); f != nil {
					failures.Add(1)
					failed(t, h, f)
				}
				if n := done.Add(1); n%5000 == 0 {
					fmt.Printf("%d histories, %d failed, %s\n", n, failures.Load(), time.Since(start).Round(time.Second))
				}
			}
		})
	}
}

// TestRegressions replays the histories that have failed.
func TestRegressions(t *testing.T) {
	for _, k := range kept(t) {
		t.Run(fmt.Sprint(k.History.Seed), func(t *testing.T) {
			t.Parallel()
			if f := play(t, k.History, nil); f != nil {
				t.Errorf("round %d: %s\nit was kept for: %s", f.round, f, k.Found)
			}
		})
	}
}
