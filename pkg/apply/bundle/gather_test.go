package bundle

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// TestTheLatestEvents are taken where there are very many.
func TestTheLatestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := applytest.New(1)
		defer fleet.Close()
		east := fleet.Add("east")
		if _, err := east.As("kubectl").Create(object.New("v1", "Namespace", "", ns, nil, nil)); err != nil {
			t.Fatal(err)
		}
		begin := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
		for i := range maxEvents + 2 { // the latest last, as lists have them by name
			seen := begin.Add(time.Duration(i) * time.Second).Format(time.RFC3339)
			if _, err := east.As("kubectl").Create(object.New("v1", "Event", ns, fmt.Sprintf("e%03d", i), nil, map[string]any{"lastTimestamp": seen})); err != nil {
				t.Fatal(err)
			}
		}
		run, ctx := fleet.Run(t.Context())
		client, err := run.Open("east")
		if err != nil {
			t.Fatal(err)
		}
		got, err := list(ctx, Source{Namespace: ns, Client: client}, kind{GroupKind: gk("", "Event")})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"500 events", "e002", "e501"}
		if diff := cmp.Diff(want, []string{fmt.Sprintf("%d events", len(got)), got[0].GetName(), got[len(got)-1].GetName()}); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestLogsOfARestartedIstiod are two: of now, and of before it was started again.
func TestLogsOfARestartedIstiod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet := applytest.New(1)
		defer fleet.Close()
		east := fleet.Add("east")
		east.Set(func(s *applytest.Settings) {
			s.Log = func(pod string, of object.LogOptions) string {
				return fmt.Sprintf("%s, previous: %v", pod, of.Previous)
			}
		})
		pods := make([]*unstructured.Unstructured, 2)
		for i := range pods {
			pods[i] = object.New("v1", "Pod", ns, fmt.Sprintf("istiod-%d", i), map[string]any{"labels": map[string]any{"app": "istiod"}}, map[string]any{
				"status": map[string]any{"containerStatuses": []any{map[string]any{"restartCount": int64(i)}}},
			})
		}
		for _, o := range append([]*unstructured.Unstructured{object.New("v1", "Namespace", "", ns, nil, nil)}, pods...) {
			if _, err := east.As("kubectl").Create(o); err != nil {
				t.Fatal(err)
			}
		}
		run, ctx := fleet.Run(t.Context())
		client, err := run.Open("east")
		if err != nil {
			t.Fatal(err)
		}
		b := &Bundle{}
		b.logs(ctx, Source{Namespace: ns, Client: client}, 10, pods)
		want := []File{
			{"logs/istiod-0.log", []byte("istiod-0, previous: false")},
			{"logs/istiod-1.log", []byte("istiod-1, previous: false")},
			{"logs/istiod-1.previous.log", []byte("istiod-1, previous: true")},
		}
		if diff := cmp.Diff(want, b.Files); diff != "" {
			t.Errorf("(-want +got):\n%s\nmissing: %q", diff, b.Missing)
		}
	})
}
