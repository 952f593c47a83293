package running

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestSet(t *testing.T) {
	var s Set[string]
	ends, end := context.WithCancel(t.Context())
	ended := make(chan string, 10)
	start := func(pod types.UID, of string) {
		s.Start(ends, pod, func() (string, func(context.Context)) {
			return of, func(ctx context.Context) { <-ctx.Done(); ended <- of }
		})
	}
	want := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, s.All()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	start("1", "one")
	start("2", "two")
	start("3", "three")
	start("1", "one again")
	want("what has started", "one", "two", "three")
	if got, runs := s.Get("2"); got != "two" || !runs {
		t.Errorf("%q, %v runs for the second", got, runs)
	}
	s.Stop("2")
	if got := <-ended; got != "two" {
		t.Errorf("%s has ended, and not the one that was stopped", got)
	}
	want("after one was stopped", "one", "three")
	s.Keep([]*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{UID: "3"}}, {ObjectMeta: metav1.ObjectMeta{UID: "4"}}})
	if got := <-ended; got != "one" {
		t.Errorf("%s has ended, and not the one whose pod is gone", got)
	}
	want("after one was kept", "three")
	end()
	s.Wait()
	if got := <-ended; got != "three" {
		t.Errorf("%s has ended with everything", got)
	}
	start("5", "five")
	want("after everything has ended", "three")
}
