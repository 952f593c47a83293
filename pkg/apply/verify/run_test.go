package verify

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// An answerer is what becomes of a command in a pod of a cluster; servers are the pods of
// helloworld, in order of the clusters.
type answerer func(ctx context.Context, cluster string, servers []string, command []string) (kube.Output, error)

// A running mesh is one of clusters a and b in memory.
type running struct {
	*applytest.Fleet
	*testing.T
	answer answerer
}

// A commanded cluster runs commands in its pods as its mesh says.
type commanded struct {
	object.Cluster
	mesh *running
	name string
}

func (c commanded) Exec(ctx context.Context, namespace, _, _ string, command ...string) (kube.Output, error) {
	var servers []string
	for _, name := range []string{"a", "b"} {
		for _, pod := range c.mesh.Cluster(name).List(schema.GroupKind{Kind: "Pod"}, namespace) {
			if pod.GetLabels()["app"] == service {
				servers = append(servers, pod.GetName())
			}
		}
	}
	return c.mesh.answer(ctx, c.name, servers, command)
}

// run verifies the mesh while ctx lasts.
func (m *running) run(ctx context.Context, o Options) *Report {
	opener, process := m.Fleet.Run(ctx)
	open := func(name string) (Cluster, error) {
		c, err := opener.Open(name)
		return commanded{c, m, name}, err
	}
	times := Times{Pods: time.Minute, Settle: time.Minute, Remove: time.Minute}
	return Run(process, mesh(m.T, "  a: {network: n}\n  b: {network: n, disableRegistryJoin: true}\n"), open, o, times, nil)
}

// inMemory runs test in a bubble, on a mesh that answers as told.
func inMemory(t *testing.T, answer answerer, test func(m *running)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fleet := applytest.New(1)
		defer fleet.Close()
		for _, name := range []string{"a", "b"} {
			c := fleet.Add(name)
			if _, err := c.As("istio").Create(destinationRules()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second) // of the bubble, until the kind is served
		test(&running{fleet, t, answer})
	})
}

func destinationRules() *unstructured.Unstructured {
	return object.New("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "destinationrules.networking.istio.io", nil, map[string]any{
		"spec": map[string]any{
			"group": "networking.istio.io", "scope": "Namespaced", "names": map[string]any{"kind": "DestinationRule", "plural": "destinationrules"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true}},
		},
	})
}

// hello is what a pod of a cluster, by its place among the servers, answers.
func hello(server string) string { return "Hello version: v1, instance: " + server + "\n200\n" }

// TestInterrupted says nothing of calls that were not made.
func TestInterrupted(t *testing.T) {
	var interrupt context.CancelFunc
	answer := func(ctx context.Context, _ string, _, _ []string) (kube.Output, error) {
		interrupt()
		<-ctx.Done()
		return kube.Output{}, &object.Error{Class: object.Canceled, Message: "canceled"}
	}
	inMemory(t, answer, func(m *running) {
		var interrupted context.Context
		interrupted, interrupt = context.WithCancel(m.T.Context())
		r := m.run(interrupted, Options{Namespace: "v", Keep: true})
		if diff := cmp.Diff([]Called{}, r.Pairs); diff != "" || len(r.Problems) > 0 || !r.Interrupted || !r.Kept || r.OK() {
			t.Errorf("interrupted %v, kept %v, OK %v, problems %v, pairs (-want +got):\n%s", r.Interrupted, r.Kept, r.OK(), r.Problems, diff)
		}
	})
}

// TestCalls judges clients that could not be asked, or not long enough.
func TestCalls(t *testing.T) {
	tests := map[string]struct {
		answer   answerer
		problems []string
		pairs    map[Pair]int
	}{
		"commands may not be run in the pods of a": {
			answer: func(_ context.Context, cluster string, servers, _ []string) (kube.Output, error) {
				if cluster == "a" {
					return kube.Output{}, &object.Error{Class: object.Forbidden, Op: "run curl", Message: "no"}
				}
				return kube.Output{Stdout: []byte(hello(servers[1]))}, nil
			},
			problems: []string{"no calls could be made from a: run curl: no"},
			pairs:    map[Pair]int{{"b", "a"}: 0, {"b", "b"}: 1},
		},
		"what was answered before the deadline counts": {
			answer: func(ctx context.Context, cluster string, servers, _ []string) (kube.Output, error) {
				if cluster == "b" {
					return kube.Output{Stdout: []byte(hello(servers[1]))}, nil
				}
				<-ctx.Done()
				return kube.Output{Stdout: []byte(hello(servers[0]))}, &object.Error{Class: object.Timeout, Message: "late"}
			},
			pairs: map[Pair]int{{"a", "a"}: 1, {"a", "b"}: 0, {"b", "a"}: 0, {"b", "b"}: 1},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inMemory(t, tt.answer, func(m *running) {
				r := m.run(m.T.Context(), Options{Namespace: "v"})
				got := map[Pair]int{}
				for _, p := range r.Pairs {
					got[Pair{p.From, p.To}] = p.Answers
				}
				var problems []string
				for _, p := range r.Problems {
					if p.Message != fmt.Sprintf("the pods of %s have no proxy: nothing injects namespace v", p.From) { // in memory nobody does
						problems = append(problems, p.Message)
					}
				}
				if diff := cmp.Diff(tt.pairs, got); diff != "" {
					t.Errorf("pairs (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.problems, problems); diff != "" {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestOtherNamespaces stay: another verification may be told to keep one, or be at work
// there. A clean takes out all of them.
func TestOtherNamespaces(t *testing.T) {
	answer := func(context.Context, string, []string, []string) (kube.Output, error) { return kube.Output{}, nil }
	inMemory(t, answer, func(m *running) {
		m.run(m.T.Context(), Options{Namespace: "kept", Keep: true})
		m.run(m.T.Context(), Options{Namespace: "v"})
		if m.Cluster("a").Get(object.Ref{Kind: "Namespace", Name: "kept"}) == nil {
			t.Error("the other namespace is gone")
		}
		if m.Cluster("a").Get(object.Ref{Kind: "Namespace", Name: "v"}) != nil {
			t.Error("its own is left")
		}
		opener, ctx := m.Fleet.Run(m.T.Context())
		open := func(name string) (Cluster, error) {
			if name == "b" {
				return nil, errors.New("no such user")
			}
			c, err := opener.Open(name)
			return commanded{c, m, name}, err
		}
		got := Clean(ctx, mesh(t, "  a: {network: n}\n  b: {network: n}\n"), open, Times{Remove: time.Minute})
		if diff := cmp.Diff([]Problem{{From: "b", Message: "b was not looked at: no such user"}}, got); diff != "" {
			t.Errorf("problems (-want +got):\n%s", diff)
		}
		if m.Cluster("a").Get(object.Ref{Kind: "Namespace", Name: "kept"}) != nil {
			t.Error("the clean left a namespace")
		}
	})
}

// TestPullSecret: each cluster's own is copied, with its type, and pods pull with it. A
// cluster that has none takes no part, and nor does one that refuses what is put in.
func TestPullSecret(t *testing.T) {
	answer := func(context.Context, string, []string, []string) (kube.Output, error) { return kube.Output{}, nil }
	inMemory(t, answer, func(m *running) {
		data := map[string]any{".dockerconfigjson": "e30="}
		secret := object.New("v1", "Secret", "ops", "pull", nil, map[string]any{"type": "kubernetes.io/dockerconfigjson", "data": data})
		ops := object.New("v1", "Namespace", "", "ops", nil, nil)
		for _, o := range []*unstructured.Unstructured{ops, secret} {
			if _, err := m.Cluster("a").As("somebody").Create(o); err != nil {
				t.Fatal(err)
			}
		}
		r := m.run(m.T.Context(), Options{Namespace: "v", PullSecret: "ops/pull", Keep: true})
		hints := map[string]string{}
		for i, c := range r.Clusters {
			if c.Error != "" {
				hints[c.Name] = r.Problems[i].Hint
			}
		}
		want := map[string]string{"b": "create Secret ops/pull in b, as in the other clusters, or leave out --pull-secret"}
		if diff := cmp.Diff(want, hints); diff != "" {
			t.Errorf("who takes no part (-want +got):\n%s\n%v", diff, r.Problems)
		}
		have := m.Cluster("a").Get(object.SecretRef("v", pullName))
		if have == nil || have.Object["type"] != "kubernetes.io/dockerconfigjson" || !cmp.Equal(have.Object["data"], any(data)) {
			t.Errorf("the copy: %v", have)
		}
		for _, pod := range m.Cluster("a").List(schema.GroupKind{Kind: "Pod"}, "v") {
			names, _, _ := unstructured.NestedSlice(pod.Object, "spec", "imagePullSecrets")
			if diff := cmp.Diff([]any{map[string]any{"name": pullName}}, names); diff != "" {
				t.Errorf("%s pulls (-want +got):\n%s", pod.GetName(), diff)
			}
		}
	})
}

// TestRefused: why a cluster takes no part is status' to say, where the error says no remedy.
func TestRefused(t *testing.T) {
	answer := func(context.Context, string, []string, []string) (kube.Output, error) { return kube.Output{}, nil }
	inMemory(t, answer, func(m *running) {
		m.OnRequest(func(r applytest.Request) applytest.Fault {
			if r.Cluster == "b" && r.Verb == "apply" {
				return applytest.Broken
			}
			return applytest.None
		})
		r := m.run(m.T.Context(), Options{Namespace: "v"})
		got := ""
		for _, p := range r.Problems {
			if p.From == "b" {
				got += p.Hint
			}
		}
		if got != "setup-mesh status says what is wrong with b" {
			t.Errorf("remedy %q of %v", got, r.Problems)
		}
	})
}
