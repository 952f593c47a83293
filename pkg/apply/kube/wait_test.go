package kube

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestWait(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	ref := object.Ref{Kind: "ConfigMap", Namespace: ns, Name: "a"}
	has := func(value string) object.Condition {
		return func(o *unstructured.Unstructured) (bool, string) {
			if o == nil {
				return false, "it is absent"
			}
			got, _, _ := unstructured.NestedString(o.Object, "data", "k")
			return got == value, "k is " + got
		}
	}
	seen := make(chan string, 100) // what the condition said, to act in step with it
	done := make(chan error, 1)
	go func() {
		done <- c.Wait(ctx, ref, func(o *unstructured.Unstructured) (bool, string) {
			ok, reason := has("2")(o)
			seen <- reason
			return ok, reason
		})
	}()
	if got := <-seen; got != "it is absent" {
		t.Errorf("first %q", got)
	}
	apply(t, c, configMap(ns, "a", map[string]any{"k": "1"}))
	if got := <-seen; got != "k is 1" {
		t.Errorf("then %q", got)
	}
	apply(t, c, configMap(ns, "b", map[string]any{"k": "2"})) // another object's change is not seen
	apply(t, c, configMap(ns, "a", map[string]any{"k": "2"}))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := <-seen; got != "k is 2" || len(seen) != 0 {
		t.Errorf("last %q and %d more", got, len(seen))
	}

	t.Run("gone", func(t *testing.T) {
		go func() {
			done <- c.Wait(ctx, ref, func(o *unstructured.Unstructured) (bool, string) {
				seen <- ""
				return o == nil, "it is there"
			})
		}()
		<-seen
		if err := c.Delete(ctx, ref, object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Run("in vain", func(t *testing.T) {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		err := c.Wait(short, ref, has("3"))
		if e, ok := errors.AsType[*object.Error](err); !ok || e.Class != object.Timeout || e.Message != "it is absent" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no such kind", func(t *testing.T) {
		thing := object.Ref{Group: "no.such.group", Kind: "Thing", Namespace: ns, Name: "a"}
		if err := c.Wait(ctx, thing, func(o *unstructured.Unstructured) (bool, string) { return o == nil, "" }); err != nil {
			t.Error(err)
		}
	})
}
