package desired

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// An Intermediate is the content of a cluster's cacerts.
type Intermediate struct {
	Root *certs.Root
	ID   certs.Identity
	// Issued was signed elsewhere for this cluster; nil for none.
	Issued *certs.Issued
	// Revoked are the CAs of the mesh that are revoked; nil for none.
	Revoked *certs.Revoked
	// Others are the other clusters with CAs of their own.
	Others []Holder
}

// Intermediate is what the cacerts of a cluster is to hold.
func (d *Desired) Intermediate(m record.Member) *Intermediate {
	out := &Intermediate{Root: d.Root, ID: d.Identity(m), Issued: d.Issued[m.Name], Revoked: d.Revoked}
	for _, c := range d.Clusters {
		if c.Member.Name != m.Name && !c.Member.Remote() {
			out.Others = append(out.Others, Holder{ID: d.Identity(c.Member), Issued: d.Issued[c.Member.Name]})
		}
	}
	return out
}

// Imported is the bundle that was signed elsewhere, if it is to be used at now in a
// cluster that has live, or nothing where live is nil; else nil. One that another root has
// signed, which is trusted as well in a rotation, is not used, and where the root can sign,
// one that is due for renewal is not.
func (i *Intermediate) Imported(now time.Time, live *certs.Bundle) *certs.Bundle {
	if i.Issued == nil {
		return nil
	}
	b, err := i.Issued.Bundle(i.Root, now, i.ID)
	if err != nil || !b.Under(i.Root) || live != nil && maps.EqualFunc(live.Data(), b.Data(), bytes.Equal) {
		return nil
	}
	if i.Root.CanSign() && certs.Judge(b.NotBefore(), b.NotAfter(), now) != certs.Fresh {
		return nil
	}
	return b
}

// newer is Imported where that is newer than kept, or kept is nil.
func (i *Intermediate) newer(now time.Time, kept *certs.Bundle) *certs.Bundle {
	b := i.Imported(now, kept)
	if b == nil || kept != nil && !b.NotBefore().After(kept.NotBefore()) {
		return nil
	}
	return b
}

// Judge implements [Late].
func (i *Intermediate) Judge(w *world.World, live *unstructured.Unstructured) string {
	if why := i.judge(w, live); why != "" {
		return why
	}
	if coming := i.comingTo(w); coming != "" {
		return "proxies need the revocation list of the CA that " + coming + " gets"
	}
	return ""
}

// judge is Judge without regard to CAs that are to come.
func (i *Intermediate) judge(w *world.World, live *unstructured.Unstructured) string {
	b, err := certs.ParseBundle(SecretData(live))
	if err != nil {
		return err.Error()
	}
	if _, ok := i.Revoked.Names(b.Cert()); ok {
		return "its intermediate is revoked"
	}
	if v := certs.Judge(b.NotBefore(), b.NotAfter(), w.Now); !i.lasts(v) {
		return fmt.Sprintf("its intermediate is %s: valid until %s", v, b.NotAfter().Format(time.DateOnly))
	}
	if why := i.listing(w, live, b); why != "" {
		return why
	}
	if err := b.Verify(i.Root, w.Now, i.ID); err != nil {
		return err.Error()
	}
	if !b.Under(i.Root) {
		return fmt.Sprintf("its intermediate is signed by another root than %s, which signs now", i.Root.Short())
	}
	if newer := i.newer(w.Now, b); newer != nil {
		return "a newer one was imported, valid until " + newer.NotAfter().Format(time.DateOnly)
	}
	return ""
}

// lasts says whether an intermediate can stay: one that is due does so where nobody here
// can sign another.
func (i *Intermediate) lasts(v certs.Verdict) bool {
	return v == certs.Fresh || v == certs.Due && !i.Root.CanSign()
}

// Kept is the CA of live with the roots that are trusted now, and without revocation lists
// of ours; nil where it has to be another CA. No key is needed for it but its own.
func (i *Intermediate) Kept(live *unstructured.Unstructured, now time.Time) *certs.Bundle {
	b := i.own(live)
	if b == nil || !i.lasts(certs.Judge(b.NotBefore(), b.NotAfter(), now)) || b.Verify(i.Root, now, i.ID) != nil {
		return nil
	}
	return b
}

// own is the CA of live as Kept returns it, if it is one of ours that may be used, whatever
// its dates say.
func (i *Intermediate) own(live *unstructured.Unstructured) *certs.Bundle {
	if live == nil {
		return nil
	}
	b, err := certs.ParseBundle(SecretData(live))
	if err != nil || !b.Under(i.Root) {
		return nil
	}
	if _, ok := i.Revoked.Names(b.Cert()); ok {
		return nil
	}
	if i.Revoked.InForce() || listed(live) {
		b = b.WithoutLists()
	}
	return b.Trusting(i.Root)
}

// Needs implements [Late].
func (*Intermediate) Needs() []order.Fact { return nil }

// Source implements [Late].
func (*Intermediate) Source() string { return "" }

// Sends implements [Late].
func (i *Intermediate) Sends(*world.World) string {
	out := []string{i.Root.Fingerprint()}
	if i.Issued != nil {
		out = append(out, i.Issued.Fingerprint())
	}
	for _, ca := range i.Revoked.CAs() {
		out = append(out, fmt.Sprint("revoked ", ca.Cluster, ca.Serial, ca.Listed))
	}
	return strings.Join(out, " ")
}

// Access implements [Late].
func (*Intermediate) Access(*world.Live) []object.Access { return nil }

// Fields implements [Late].
func (*Intermediate) Fields() []string { return []string{"data"} }

// Mint takes the intermediate that was imported, or has one signed, and proves it, unless
// just what is trusted or revoked changes.
func (i *Intermediate) Mint(ctx context.Context, m Minter) (Content, error) {
	live := i.live(m.World)
	b, err := i.next(ctx, m, live)
	if err != nil {
		return Content{}, err
	}
	if i.pending() {
		b = b.Repeating()
	}
	notes := map[string]string{
		annotationRoot:    b.RootFingerprint(),
		AnnotationIssued:  b.NotBefore().Format(time.RFC3339),
		AnnotationExpires: b.NotAfter().Format(time.RFC3339),
	}
	if digest := i.Revoked.Digest(); digest != "" {
		notes[annotationRevoked] = digest
	}
	if earlier := sameKey(live, b); len(earlier) > 0 {
		notes[AnnotationSameKey] = strings.Join(earlier, " ")
	}
	coming, err := i.coming(ctx, m)
	if err != nil {
		return Content{}, err
	}
	if all := i.announcedIn(m.World, live).with(coming); all != "" {
		notes[annotationAnnounced] = all
	}
	if b, err = i.withLists(m, b, coming); err != nil {
		return Content{}, err
	}
	return i.content(live, b, notes), nil
}

// content is b in the form that live has.
func (*Intermediate) content(live *unstructured.Unstructured, b *certs.Bundle, notes map[string]string) Content {
	data := b.Data()
	if live != nil && certs.IsTLS(SecretData(live)) { // which istiod prefers, and reads no lists beside
		data = b.TLSData()
	}
	return SecretContent(data, notes)
}

// Ready is the CA that the cluster is to have where nothing has to be signed for it: what was
// imported, if that is newer than the CA of live, else that one; nil for neither.
func (i *Intermediate) Ready(live *unstructured.Unstructured, now time.Time) (b *certs.Bundle, imported bool) {
	kept := i.Kept(live, now)
	if newer := i.newer(now, kept); newer != nil {
		return newer, true
	}
	return kept, false
}

// next is the CA that the cluster is to have.
func (i *Intermediate) next(ctx context.Context, m Minter, live *unstructured.Unstructured) (*certs.Bundle, error) {
	if b, _ := i.Ready(live, m.Now); b != nil {
		return b, nil
	}
	if b := i.own(live); b != nil && i.Revoked.InForce() {
		return i.Root.Renew(ctx, m.Random, m.Now, i.ID, b)
	}
	issue := func() (*certs.Bundle, error) { return i.Root.Issue(ctx, m.Random, m.Now, i.ID) }
	if i.Revoked.InForce() {
		return m.CAs.of(i.ID.Cluster, issue)
	}
	return issue()
}
