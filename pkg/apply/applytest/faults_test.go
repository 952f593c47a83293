package applytest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func config(name string) *unstructured.Unstructured {
	return object.New("v1", "ConfigMap", "default", name, nil, map[string]any{"data": map[string]any{"k": "1"}})
}

func TestFaults(t *testing.T) {
	tests := map[string]struct {
		fault applytest.Fault
		after bool
		class object.Class
		made  bool // the write took effect
	}{
		"the server is away":                      {fault: applytest.Unreachable, class: object.Unreachable},
		"no answer, and no effect":                {fault: applytest.TimedOut, class: object.Timeout},
		"no answer to a write that took effect":   {fault: applytest.TimedOut, after: true, class: object.Timeout, made: true},
		"the login ended":                         {fault: applytest.Unauthorized, class: object.Unauthorized},
		"a permission is missing":                 {fault: applytest.Forbidden, class: object.Forbidden},
		"somebody wrote at the same time":         {fault: applytest.Conflict, class: object.Conflict},
		"the server is broken":                    {fault: applytest.Broken, class: object.ServerFault},
		"the process dies before a write":         {fault: applytest.Kill, class: object.Canceled},
		"the process dies right after a write":    {fault: applytest.Kill, after: true, class: object.Canceled, made: true},
		"the write is done before the line drops": {fault: applytest.Unreachable, after: true, class: object.Unreachable, made: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := applytest.New(1)
				defer f.Close()
				f.Add("east")
				run, ctx := f.Run(t.Context())
				east, err := run.Open("east")
				if err != nil {
					t.Fatal(err)
				}
				var seen []applytest.Request
				f.OnRequest(func(r applytest.Request) applytest.Fault {
					seen = append(seen, r)
					if r.Verb == "apply" && r.Done == tt.after {
						return tt.fault
					}
					return applytest.None
				})
				_, err = east.Apply(ctx, config("a"), object.ApplyOptions{})
				if e, ok := errors.AsType[*object.Error](err); !ok || e.Class != tt.class || e.Context != "east" || e.Op != "apply" || e.Ref.Name != "a" {
					t.Errorf("got %v", err)
				}
				ref := object.RefOf(config("a"))
				if got := f.Cluster("east").Get(ref) != nil; got != tt.made {
					t.Errorf("made: %v", got)
				}
				if r := seen[0]; r.Cluster != "east" || r.Run != 1 || !r.Writes || r.DryRun || r.Ref != ref {
					t.Errorf("saw %+v", r)
				}
				if tt.fault == applytest.Kill {
					f.OnRequest(nil)
					if _, err := east.Apply(context.WithoutCancel(ctx), config("b"), object.ApplyOptions{}); object.ClassOf(err) != object.Canceled || ctx.Err() == nil {
						t.Errorf("a dead process writes: %v", err)
					}
				}
			})
		})
	}
}

func TestSomebodyElseInBetween(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		made := must(t, clusters["east"], config("a"))
		f.OnRequest(func(r applytest.Request) applytest.Fault {
			if r.Verb == "apply" && !r.Done {
				if err := f.Cluster("east").As("kubectl").Delete(r.Ref); err != nil {
					t.Error(err)
				}
			}
			return applytest.None
		})
		o := config("a")
		o.SetUID(made.GetUID())
		if _, err := clusters["east"].Apply(t.Context(), o, object.ApplyOptions{}); object.ClassOf(err) != object.Conflict {
			t.Errorf("got %v", err)
		}
	})
}

func TestOnWriteSeesEveryWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		var got []string
		f.OnWrite(func(w applytest.Write) {
			got = append(got, w.Verb+" "+w.Ref.String()+" by "+w.By)
			if (w.Verb == "create") != (w.Before == nil) || (w.Verb == "delete") != (w.After == nil) {
				t.Errorf("%+v", w)
			}
			if live := w.World.Get(w.Cluster, w.Ref); live != w.After {
				t.Errorf("the world has %v", live)
			}
		})
		east := clusters["east"]
		must(t, east, config("a"), config("a"))
		if _, err := east.Apply(t.Context(), config("b"), object.ApplyOptions{DryRun: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Cluster("east").As("kubectl").Edit(object.RefOf(config("a")), func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"a": "b"}) }); err != nil {
			t.Fatal(err)
		}
		if err := east.Delete(t.Context(), object.RefOf(config("a")), object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		want := []string{"create ConfigMap default/a by setup-mesh", "update ConfigMap default/a by kubectl", "delete ConfigMap default/a by setup-mesh"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

func TestLockOfASuspendedHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, run, clusters := world(t, "east")
		l, err := clusters["east"].Lock(t.Context(), "default", "ann@desk")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if !l.Held() {
			t.Fatal("it is not renewed")
		}
		run.Suspend()
		time.Sleep(36 * time.Second)
		if l.Held() {
			t.Error("held after a long sleep")
		}
		bob, _ := f.Run(t.Context())
		other, err := bob.Open("east")
		if err != nil {
			t.Fatal(err)
		}
		m, err := other.Lock(t.Context(), "default", "bob@lap")
		if err != nil {
			t.Fatal(err)
		}
		run.Resume()
		<-l.Lost()
		for _, l := range []object.Lock{l, m} {
			if err := l.Release(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// A lease is judged by the server's clock, whatever ours says.
func TestLockOfTheKilled(t *testing.T) {
	for name, skew := range map[string]time.Duration{"same clock": 0, "the server is ahead": time.Hour, "the server is behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, run, clusters := world(t, "east")
				f.Cluster("east").Set(func(s *applytest.Settings) { s.Skew = skew })
				l, err := clusters["east"].Lock(t.Context(), "default", "ann@desk")
				if err != nil {
					t.Fatal(err)
				}
				run.Kill()
				bob, _ := f.Run(t.Context())
				other, err := bob.Open("east")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(29 * time.Second)
				if _, err := other.Lock(t.Context(), "default", "bob@lap"); err == nil || l.Held() {
					t.Fatalf("got %v; ann's is held: %v", err, l.Held())
				}
				time.Sleep(2 * time.Second)
				m, err := other.Lock(t.Context(), "default", "bob@lap")
				if err != nil {
					t.Fatal(err)
				}
				if err := m.Release(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

func TestWaitOutlastsAServerThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, clusters := world(t, "east")
		east := f.Cluster("east")
		east.Set(func(s *applytest.Settings) { s.Down = true })
		go func() {
			time.Sleep(20 * time.Second)
			east.Set(func(s *applytest.Settings) { s.Down = false })
			time.Sleep(20 * time.Second)
			if _, err := east.As("kubectl").Create(config("a")); err != nil {
				t.Error(err)
			}
		}()
		start := time.Now()
		err := clusters["east"].Wait(t.Context(), object.RefOf(config("a")), func(o *unstructured.Unstructured) (bool, string) { return o != nil, "absent" })
		if err != nil || time.Since(start) != 40*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if _, err := clusters["east"].Get(t.Context(), object.NamespaceRef("default")); err != nil {
			t.Error(err)
		}
	})
}

func TestContextsLeadElsewhere(t *testing.T) {
	f := applytest.New(1)
	defer f.Close()
	f.Add("east")
	f.Add("west")
	f.Context("prod", "east")
	f.Context("east", "")
	run, ctx := f.Run(t.Context())
	uid := func() string {
		c, err := run.Open("prod")
		if err != nil {
			t.Fatal(err)
		}
		id, err := c.Identity(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return id.UID
	}
	if got := uid(); got != f.Cluster("east").UID() {
		t.Errorf("got %s", got)
	}
	f.Context("prod", "west")
	if got := uid(); got != f.Cluster("west").UID() {
		t.Errorf("got %s", got)
	}
	if _, err := run.Open("east"); object.ClassOf(err) != object.BadKubeconfig {
		t.Errorf("got %v", err)
	}
	if got := run.Contexts(); !slices.Equal(got, []string{"prod", "west"}) {
		t.Errorf("got %v", got)
	}
}

func TestForbiddenWhatIsNotAllowed(t *testing.T) {
	f, _, clusters := world(t, "east")
	f.Cluster("east").Set(func(s *applytest.Settings) {
		s.Allowed = func(a object.Access) bool { return a.Verb == "get" }
	})
	east := clusters["east"]
	if _, err := east.Get(t.Context(), object.NamespaceRef("default")); err != nil {
		t.Error(err)
	}
	if _, err := east.Apply(t.Context(), config("a"), object.ApplyOptions{}); object.ClassOf(err) != object.Forbidden {
		t.Errorf("got %v", err)
	}
	got, err := east.Allowed(t.Context(), []object.Access{{Verb: "get"}, {Verb: "list"}})
	if err != nil || !slices.Equal(got, []bool{true, false}) {
		t.Errorf("got %v, %v", got, err)
	}
}
