package simulate

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A namespace that is being deleted, as after a teardown that was interrupted at its
// last step, is waited for and made again by the same apply.
func TestNamespaceThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := generate(1)
		h.Size, h.Rounds = 1, nil
		h.Start[0].Members = h.Start[0].Members[:1]
		h.Start[0].mend()
		s := newSim(h, nil)
		defer s.fleet.Close()
		apply := func() {
			t.Helper()
			m := s.meshes[0].clone()
			s.arm([]intent{{m, false}})
			if o := s.apply(s.process(t.Context(), "first", m, false), options{timeout: 5 * time.Minute}); o.err != nil || !o.report.Complete() {
				t.Fatalf("apply: %v", o)
			}
		}
		apply()
		c := s.fleet.Cluster("a")
		c.Set(func(set *applytest.Settings) { set.Delays.Ending = 20 * time.Second })
		if err := c.As("kubectl").Delete(object.NamespaceRef("istio-system")); err != nil {
			t.Fatal(err)
		}
		apply()
		time.Sleep(time.Minute)
		s.fleet.Look(s.whole)
		if s.failed != nil {
			t.Error(s.failed)
		}
	})
}
