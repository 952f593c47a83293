package charts

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sync/errgroup"
)

func clusterSpec(b testing.TB, name string) map[string]any {
	spec := parse(b, multiNetwork)
	set(spec, name, "values", "global", "multiCluster", "clusterName")
	return spec
}

// BenchmarkRender is one process's work for a mesh of so many clusters: a new
// renderer, all clusters in parallel.
func BenchmarkRender(b *testing.B) {
	for _, clusters := range []int{1, 3, 8} {
		b.Run(fmt.Sprintf("clusters=%d", clusters), func(b *testing.B) {
			for b.Loop() {
				r := New()
				var g errgroup.Group
				g.SetLimit(runtime.GOMAXPROCS(0))
				for i := range clusters {
					g.Go(func() error {
						_, err := r.Render("istio-system", clusterSpec(b, fmt.Sprint("c", i)))
						return err
					})
				}
				if err := g.Wait(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("warm", func(b *testing.B) {
		r := New()
		spec := clusterSpec(b, "c")
		for b.Loop() {
			if _, err := r.Render("istio-system", spec); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	spec := clusterSpec(b, "c")
	for b.Loop() {
		if m := Check(spec); len(m) > 0 {
			b.Fatal(m)
		}
	}
}
