package applytest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// What is asked, waited for and held.
var askClaims = map[string]claim{
	"a list takes those with the labels, in order": func(t *testing.T, s subject) {
		for _, name := range []string{"c", "a", "b"} {
			o := s.config(name, nil)
			if name != "b" {
				o.SetLabels(map[string]string{"mine": "yes"})
			}
			s.apply(t, o)
		}
		names := func(selector string) (out []string) {
			list, err := s.List(s.ctx, schema.GroupKind{Kind: "ConfigMap"}, s.ns, selector)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range list {
				out = append(out, o.GetName())
			}
			return slices.DeleteFunc(out, func(n string) bool { return n == "kube-root-ca.crt" })
		}
		equal(t, []string{"a", "c"}, names("mine=yes"))
		equal(t, []string{"a", "b", "c"}, names(""))
		equal(t, []string{"b"}, names("!mine"))
		seen := 0
		if err := s.Each(s.ctx, schema.GroupKind{Kind: "ConfigMap"}, "mine=yes", func(o *unstructured.Unstructured) {
			if o.GetNamespace() == s.ns {
				seen++
			}
		}); err != nil || seen != 2 {
			t.Errorf("saw %d, %v", seen, err)
		}
	},
	"a try shows what would be made, unless it is there": func(t *testing.T, s subject) {
		out, err := s.Try(s.ctx, s.config("a", map[string]any{"k": "1"}))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, map[string]any{"k": "1"}, out.Object["data"])
		s.apply(t, s.config("a", nil))
		_, err = s.Try(s.ctx, s.config("a", nil))
		is(t, err, object.Conflict, `configmaps "a" already exists`)
	},
	"a token ends with the Secret that it is bound to": func(t *testing.T, s subject) {
		for _, o := range reader() {
			o.SetNamespace(s.ns)
			if strings.HasPrefix(o.GetKind(), "ClusterRole") {
				o.SetName(s.ns)
				o.SetNamespace("")
			}
			if o.GetKind() == "ClusterRoleBinding" {
				o.Object["roleRef"].(map[string]any)["name"] = s.ns
				o.Object["subjects"].([]any)[0].(map[string]any)["namespace"] = s.ns
			}
			made := s.apply(t, o)
			if o.GetNamespace() == "" {
				t.Cleanup(func() { _ = s.Delete(context.WithoutCancel(s.ctx), object.RefOf(made), object.DeleteOptions{}) })
			}
		}
		ref := object.SecretRef(s.ns, "grant")
		grant := s.get(t, ref)
		_, _, err := s.Token(s.ctx, s.ns, "nobody", ref, string(grant.GetUID()), time.Hour)
		is(t, err, object.NotFound, `serviceaccounts "nobody" not found`)
		_, _, err = s.Token(s.ctx, s.ns, "reader", object.SecretRef(s.ns, "no"), noUID, time.Hour)
		is(t, err, object.NotFound, `secrets "no" not found`)
		_, _, err = s.Token(s.ctx, s.ns, "reader", ref, noUID, time.Hour)
		is(t, err, object.Conflict, "the UID in the bound object reference")
		_, _, err = s.Token(s.ctx, s.ns, "reader", ref, string(grant.GetUID()), time.Minute)
		is(t, err, object.Invalid, "may not specify a duration less than 10 minutes")
		token, expires, err := s.Token(s.ctx, s.ns, "reader", ref, string(grant.GetUID()), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if left := time.Until(expires); left < 55*time.Minute || left > 65*time.Minute {
			t.Errorf("it ends in %v", left)
		}
		config := stored(s.Endpoint(), string(token.Bytes()))
		until := func(want object.Class) error { // RBAC and the token cache take a moment
			_, err := s.opener.CheckKubeconfig(s.ctx, config)
			for object.ClassOf(err) != want && err != nil && s.ctx.Err() == nil || want != object.Unclassified && err == nil {
				time.Sleep(10 * time.Millisecond)
				_, err = s.opener.CheckKubeconfig(s.ctx, config)
			}
			return err
		}
		if err := until(object.Unclassified); err != nil {
			t.Error(err)
		}
		if uid, err := s.CheckToken(s.ctx, config); err != nil || uid != "" {
			t.Errorf("whose account may not read namespaces: %q, %v", uid, err)
		}
		_, err = s.opener.CheckKubeconfig(s.ctx, stored(s.Endpoint(), "wrong"))
		is(t, err, object.Unauthorized, "the API server rejected the credentials")
		_, err = s.opener.CheckKubeconfig(s.ctx, []byte("nonsense"))
		is(t, err, object.BadKubeconfig, "")
		if err := s.Delete(s.ctx, ref, object.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		is(t, until(object.Unauthorized), object.Unauthorized, "")
	},
	"a lock is one holder's until it is released": func(t *testing.T, s subject) {
		l, err := s.Lock(s.ctx, s.ns, "ann@desk")
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Lock(s.ctx, s.ns, "bob@lap")
		locked, ok := errors.AsType[*object.LockedError](err)
		if !ok || locked.Holder != "ann@desk" || !l.Held() {
			t.Fatalf("got %v", err)
		}
		for range 2 {
			if err := l.Release(s.ctx); err != nil {
				t.Fatal(err)
			}
		}
		ref := object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: s.ns, Name: object.LockName}
		if _, err := s.Get(s.ctx, ref); l.Held() || !errors.Is(err, object.ErrNotFound) {
			t.Errorf("released, but %v", err)
		}
		// One that nobody has renewed for long.
		if err := s.create("setup-mesh", object.New("coordination.k8s.io/v1", "Lease", s.ns, object.LockName, nil, map[string]any{"spec": map[string]any{
			"holderIdentity": "dead@desk", "leaseDurationSeconds": int64(30),
			"acquireTime": "1999-01-01T00:00:00.000000Z", "renewTime": "1999-01-01T00:00:00.000000Z",
		}})); err != nil {
			t.Fatal(err)
		}
		if l, err = s.Lock(s.ctx, s.ns, "bob@lap"); err != nil {
			t.Fatal(err)
		}
		if err := s.edit("kubectl", ref, func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, "eve@lap", "spec", "holderIdentity")
		}); err != nil {
			t.Fatal(err)
		}
		if err := l.Release(s.ctx); err != nil {
			t.Fatal(err)
		}
		equal(t, "eve@lap", nested(s.get(t, ref), "spec", "holderIdentity").(string))
		_, err = s.Lock(s.ctx, s.ns+"-no", "ann@desk")
		is(t, err, object.NotFound, "namespaces")
	},
	"a wait sees changes, and says at its end why not": func(t *testing.T, s subject) {
		ref := object.Ref{Kind: "ConfigMap", Namespace: s.ns, Name: "a"}
		seen := make(chan string, 10)
		done := make(chan error, 1)
		cond := func(o *unstructured.Unstructured) (bool, string) {
			if o == nil {
				return false, "it is absent"
			}
			k := nested(o, "data", "k").(string)
			return k == "2", "k is " + k
		}
		go func() {
			done <- s.Wait(s.ctx, ref, func(o *unstructured.Unstructured) (bool, string) {
				ok, why := cond(o)
				seen <- why
				return ok, why
			})
		}()
		equal(t, "it is absent", <-seen)
		s.apply(t, s.config("a", map[string]any{"k": "1"}))
		equal(t, "k is 1", <-seen)
		s.apply(t, s.config("a", map[string]any{"k": "2"}))
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(s.ctx, 100*time.Millisecond)
		defer cancel()
		err := s.Wait(short, object.Ref{Kind: "ConfigMap", Namespace: s.ns, Name: "b"}, cond)
		is(t, err, object.Timeout, "it is absent")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	},
	"a call ends with its context": func(t *testing.T, s subject) {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		_, err := s.Get(ctx, object.NamespaceRef("default"))
		is(t, err, object.Canceled, "canceled")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	},
}
