package apply

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// revokes is a mesh in which CAs are revoked, or are to be; nil for none.
func revokes(t *testing.T, r *certs.Revoked) *desired.Desired {
	t.Helper()
	d := WantedMesh(t, rotated, TestBase)
	d.Revoked = r
	for _, c := range d.Clusters {
		for _, it := range c.Items {
			if i, ok := it.Late.(*desired.Intermediate); ok {
				i.Revoked = r
			}
		}
	}
	return d
}

func bundleIn(t *testing.T, w *world.World, cluster string) *certs.Bundle {
	t.Helper()
	l := w.Cluster(cluster)
	b, err := certs.ParseBundle(desired.SecretData(l.Object(object.SecretRef(l.Namespace, object.Cacerts))))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// certificatesOf carries out what p says of cacerts, at the time of w, in all clusters or
// in those named.
func certificatesOf(t *testing.T, p *plan.Plan, w *world.World, in ...string) {
	t.Helper()
	minter := desired.Minter{World: w, CAs: &desired.CAs{}, Random: rand.Reader, Now: w.Now}
	minted := map[string]*unstructured.Unstructured{}
	for _, c := range p.Clusters {
		ch := c.Planned(object.SecretRef(c.Namespace, object.Cacerts))
		if ch == nil || !ch.Pending() || len(in) > 0 && !slices.Contains(in, c.Name) {
			continue
		}
		content, err := ch.Item.Late.Mint(t.Context(), minter)
		if err != nil {
			t.Fatal(err)
		}
		minted[c.Name] = content.Put(ch.Item.Object)
	}
	for name, put := range minted {
		putIn(w, name, put)
	}
}

// putIn has setup-mesh apply o in a cluster.
func putIn(w *world.World, cluster string, o *unstructured.Unstructured) {
	ref := object.RefOf(o)
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: object.FieldManager, Operation: metav1.ManagedFieldsOperationApply}})
	if live := w.Cluster(cluster).Objects[ref].Object; live != nil {
		o.SetManagedFields(live.GetManagedFields())
		o.SetUID(live.GetUID())
	}
	w.Cluster(cluster).Objects[ref] = world.Observed{Object: o}
}

// putting are the clusters that get another Secret cacerts, and what is proved before.
func putting(t *testing.T, p *plan.Plan) (put, proved []string) {
	t.Helper()
	for _, name := range graphOf(t, p).names() {
		cluster, what, _ := strings.Cut(name, ": ")
		switch what {
		case "put certificate":
			put = append(put, cluster)
		case "prove certificates":
			proved = append(proved, cluster)
		}
	}
	return put, proved
}

func pendingIn(cluster string, b *certs.Bundle) *certs.Revoked {
	var none *certs.Revoked
	return none.Adding(certs.RevokedCA{Cluster: cluster, Serial: certs.SerialOf(b.Cert()), Since: testNow})
}

func listedBy(t *testing.T, r *certs.Revoked) *certs.Revoked {
	t.Helper()
	out, err := r.List(rand.Reader, testNow, testRoot())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A CA is replaced first, then called revoked once nobody has a certificate of it; after
// that nothing is left to do. A CA that is due keeps its key, so that others need no list.
func TestRevokeCA(t *testing.T) {
	w := appliedWorld(t, revokes(t, nil))
	leaked := bundleIn(t, w, "a")
	pending := pendingIn("a", leaked)
	expect := func(when string, r *certs.Revoked, wantPut, wantProved []string) {
		t.Helper()
		p := NewPlan(revokes(t, r), w, plan.Options{})
		put, proved := putting(t, p)
		if diff := cmp.Diff([][]string{wantPut, wantProved}, [][]string{put, proved}); diff != "" {
			t.Fatalf("%s: put and proved (-want +got):\n%s", when, diff)
		}
		if len(p.Refusals) > 0 {
			t.Errorf("%s: refused: %+v", when, p.Refusals)
		}
		certificatesOf(t, p, w)
	}
	expect("to be revoked", pending, []string{"a"}, nil)
	renewed := bundleIn(t, w, "a")
	if renewed.SameKey(leaked) || !renewed.Repeats() {
		t.Error("a has the same key, or its proxies are not told to get new certificates")
	}
	expect("to be revoked, again", pending, nil, nil)
	revoked := listedBy(t, pending)
	expect("revoked", revoked, []string{"a", "b"}, []string{"a", "b", "r"})
	expect("revoked, again", revoked, nil, nil)
	ids := certs.Identity{Cluster: "a", Namespace: "istio-system", TrustDomain: "cluster.local"}
	for _, cluster := range []string{"a", "b"} {
		b := bundleIn(t, w, cluster)
		if b.Repeats() {
			t.Errorf("%s has its root twice", cluster)
		}
		if err := b.Accepts(bundleIn(t, w, "a"), testNow, ids); err != nil {
			t.Errorf("%s does not trust the new CA: %v", cluster, err)
		}
		if b.Accepts(leaked, testNow, ids) == nil {
			t.Errorf("%s trusts the CA that is revoked", cluster)
		}
	}
	before := bundleIn(t, w, "b").Data()
	w.Now = testNow.Add(250 * 24 * time.Hour)
	expect("due", revoked, []string{"a", "b"}, nil)
	if !bundleIn(t, w, "a").SameKey(renewed) || string(before[certs.CACRLFile]) != string(bundleIn(t, w, "b").Data()[certs.CACRLFile]) {
		t.Error("a CA that is due has another key, or others another list")
	}
	l := w.Cluster("a")
	if diff := cmp.Diff([]string{certs.SerialOf(renewed.Cert())}, desired.SameKey(l.Object(object.SecretRef(l.Namespace, object.Cacerts)))); diff != "" {
		t.Errorf("serial numbers with the same key (-want +got):\n%s", diff)
	}
	expect("renewed", revoked, nil, nil)
	expect("taken back", nil, []string{"a", "b"}, nil)
	if bundleIn(t, w, "b").Data()[certs.CACRLFile] != nil {
		t.Error("lists of ours stay when nothing is revoked")
	}
	expect("taken back, again", nil, nil, nil)
}

// Who does not wait cuts off what has an old certificate; who waits needs all clusters.
func TestRevokeCANow(t *testing.T) {
	for wait, want := range map[bool]string{true: "r is not reached", false: ""} {
		w := appliedWorld(t, revokes(t, nil))
		pending := pendingIn("a", bundleIn(t, w, "a")).Waiting(wait)
		certificatesOf(t, NewPlan(revokes(t, pending), w, plan.Options{}), w)
		w.Cluster("r").Unreached = errors.New("i/o timeout")
		why := ""
		for _, s := range NewPlan(revokes(t, listedBy(t, pending)), w, plan.Options{}).Steps {
			if s.Cluster == "b" && s.Part == "certificate" && s.Kind == plan.Put {
				why = s.Blocked
			}
		}
		if why != want {
			t.Errorf("wait %v: blocked %q, want %q", wait, why, want)
		}
	}
}
