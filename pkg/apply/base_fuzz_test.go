//go:build unix

package apply

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// FuzzBase judges and renders whatever base.yaml holds: nothing may make Istio's code
// panic, what is accepted renders, and what is not has a remedy.
func FuzzBase(f *testing.F) {
	files, err := filepath.Glob("testdata/base-cases/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	mesh, err := topology.ParseMesh("topology.yaml", []byte("mesh_id: m\ncontexts:\n  east: {network: n}\n"), nil)
	if err != nil {
		f.Fatal(err)
	}
	r, inputs := charts.New(), 0
	root := testRoot()
	r.Check(map[string]any{}) // reads the charts once, which is no input's fault
	f.Fuzz(func(t *testing.T, data []byte) {
		if inputs++; inputs%100 == 0 {
			r = charts.New() // one keeps what it has rendered
		}
		defer noHang()()
		if rest := manifest.Rest("base.yaml", data); rest != nil {
			holdRemedies(t, desired.Mistakes(mesh, rest, r))
			holdRemedies(t, desired.Mistakes(nil, rest, r))
		}
		b, err := manifest.ParseBase("base.yaml", data)
		if err != nil {
			return
		}
		_, err = NewDesired(desired.Wanted{Mesh: mesh, Base: b, Root: root}, r)
		if ps, ok := errors.AsType[topology.Problems](err); ok {
			holdRemedies(t, ps)
		} else if err != nil {
			t.Errorf("a mistake without a line: %v", err)
		}
	})
}

// noHang panics when more than a second of processor time, or a minute, goes by before the
// function that it returns is called. On a busy machine a second may go by with nothing done.
func noHang() (done func()) {
	start, busy, end := time.Now(), processorTime(), make(chan struct{})
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				if processorTime()-busy > time.Second || time.Since(start) > time.Minute {
					panic("it hangs")
				}
			}
		}
	}()
	return func() { close(end) }
}

// processorTime is what this process has had so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// holdRemedies holds that each mistake has words and a remedy.
func holdRemedies(t *testing.T, ps topology.Problems) {
	t.Helper()
	for _, p := range ps {
		if p.Message == "" || p.Hint == "" {
			t.Errorf("no remedy: %s", p)
		}
	}
}
