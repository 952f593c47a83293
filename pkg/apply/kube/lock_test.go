package kube

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestJudgeLease(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	lease := func(spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	}
	tests := map[string]struct {
		in   *unstructured.Unstructured
		want *object.LockedError
	}{
		"held": {
			in: lease(map[string]any{
				"holderIdentity": "ann@desk 7\x1b[31m", "leaseDurationSeconds": int64(30),
				"acquireTime": "2026-05-04T11:59:00.000000Z", "renewTime": "2026-05-04T11:59:31.000000Z",
			}),
			want: &object.LockedError{Holder: `ann@desk 7\x1b[31m`, Since: now.Add(-time.Minute), Expires: now.Add(time.Second)},
		},
		"not renewed in time": {in: lease(map[string]any{
			"holderIdentity": "ann@desk 7", "leaseDurationSeconds": int64(30), "renewTime": "2026-05-04T11:59:30.000000Z",
		})},
		"held by nobody":    {in: lease(map[string]any{"leaseDurationSeconds": int64(30), "renewTime": "2026-05-04T12:00:00.000000Z"})},
		"never renewed":     {in: lease(map[string]any{"holderIdentity": "ann@desk 7"})},
		"without any field": {in: lease(nil)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, judgeLease(tt.in, now)); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
		})
	}
}

func TestLock(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	ref := object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: ns, Name: object.LockName}

	l, err := c.Lock(ctx, ns, "ann@desk 7")
	if err != nil {
		t.Fatal(err)
	}
	other := open(t, liveConfig(t), c.Context())
	_, err = other.Lock(ctx, ns, "bob@lap 8")
	locked, ok := errors.AsType[*object.LockedError](err)
	if !ok || locked.Holder != "ann@desk 7" || locked.Context != c.Context() {
		t.Fatalf("got %v, want ann's lock", err)
	}
	if left := locked.Expires.Sub(other.transport.Now()); left < 25*time.Second || left > 31*time.Second {
		t.Errorf("the lock ends in %v", left)
	}
	if !l.Held() {
		t.Error("not held")
	}
	for range 2 {
		if err := l.Release(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if l.Held() {
		t.Error("held after release")
	}
	if _, err := c.Get(ctx, ref); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("the lease is still there: %v", err)
	}
	again, err := other.Lock(ctx, ns, "bob@lap 8")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(ctx); err != nil {
		t.Error(err)
	}
}

func TestLockIsRenewedAndLost(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	ref := object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: ns, Name: object.LockName}
	l, err := c.lock(ctx, ns, "ann@desk 7", lockTimes{duration: 10 * time.Second, renew: 10 * time.Millisecond, margin: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	first := ""
	err = c.Wait(ctx, ref, func(o *unstructured.Unstructured) (bool, string) {
		if o == nil {
			return false, "absent"
		}
		if first == "" {
			first = o.GetResourceVersion()
		}
		return o.GetResourceVersion() != first, "not renewed"
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, ref, object.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.Lost():
	case <-ctx.Done():
		t.Fatal("deleting the lease went unnoticed")
	}
	if l.Held() {
		t.Error("held after it was lost")
	}
	if err := l.Release(ctx); err != nil {
		t.Errorf("releasing a lost lock: %v", err)
	}
}

// A holder that was killed never releases; its lease runs out.
func TestLockOfTheDead(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	apply(t, c, thing("coordination.k8s.io/v1", "Lease", ns, object.LockName, map[string]any{"spec": map[string]any{
		"holderIdentity": "dead@desk 7", "leaseDurationSeconds": int64(30),
		"acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": "2020-01-01T00:00:00.000000Z",
	}}))
	l, err := c.Lock(ctx, ns, "ann@desk 7")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(ctx); err != nil {
		t.Error(err)
	}
}

// A release interrupts renewals, and must not leave the lease behind when one
// of them was written but not answered.
func TestReleaseWhileRenewing(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	ref := object.Ref{Group: "coordination.k8s.io", Kind: "Lease", Namespace: ns, Name: object.LockName}
	held, err := c.Lock(ctx, ns, "ann@desk 7")
	if err != nil {
		t.Fatal(err)
	}
	l := held.(*Lock)
	before := l.lease.DeepCopy()
	if err := l.write(ctx, before.DeepCopy(), false); err != nil {
		t.Fatal(err)
	}
	l.lease = before // as if the answer had been lost
	if err := l.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(ctx, ref); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("the lease is still there: %v", err)
	}

	// Another's lease stays.
	if held, err = c.Lock(ctx, ns, "ann@desk 7"); err != nil {
		t.Fatal(err)
	}
	l = held.(*Lock)
	apply := thing("coordination.k8s.io/v1", "Lease", ns, object.LockName, map[string]any{"spec": map[string]any{"holderIdentity": "bob@lap 8"}})
	if _, err := c.Apply(ctx, apply, object.ApplyOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(ctx, ref); err != nil {
		t.Errorf("another's lease was deleted: %v", err)
	}
}
