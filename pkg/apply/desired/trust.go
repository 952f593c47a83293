package desired

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// An Intermediate is the content of a cluster's cacerts.
type Intermediate struct {
	Root *certs.Root
	ID   certs.Identity
	// Issued was signed elsewhere for this cluster; nil for none.
	Issued *certs.Issued
}

// Imported is the bundle that was signed elsewhere, if it is to be used at now in a
// cluster that has live, or nothing where live is nil; else nil. Where the root can
// sign, one that is due for renewal is not used.
func (i *Intermediate) Imported(now time.Time, live *certs.Bundle) *certs.Bundle {
	if i.Issued == nil {
		return nil
	}
	b, err := i.Issued.Bundle(i.Root, now, i.ID)
	if err != nil || live != nil && maps.EqualFunc(live.Data(), b.Data(), bytes.Equal) {
		return nil
	}
	if i.Root.CanSign() && certs.Judge(b.NotBefore(), b.NotAfter(), now) != certs.Fresh {
		return nil
	}
	return b
}

// Judge implements [Late].
func (i *Intermediate) Judge(w *world.World, live *unstructured.Unstructured) string {
	b, err := certs.ParseBundle(SecretData(live))
	if err != nil {
		return err.Error()
	}
	if v := certs.Judge(b.NotBefore(), b.NotAfter(), w.Now); !i.lasts(v) {
		return fmt.Sprintf("its intermediate is %s: valid until %s", v, b.NotAfter().Format(time.DateOnly))
	}
	if err := b.Verify(i.Root, w.Now, i.ID); err != nil {
		return err.Error()
	}
	if !b.Under(i.Root) {
		return fmt.Sprintf("its intermediate is signed by another root than %s, which signs now", i.Root.Short())
	}
	if newer := i.Imported(w.Now, b); newer != nil && newer.NotBefore().After(b.NotBefore()) {
		return "a newer one was imported, valid until " + newer.NotAfter().Format(time.DateOnly)
	}
	return ""
}

// lasts says whether an intermediate can stay: one that is due does so where nobody here
// can sign another.
func (i *Intermediate) lasts(v certs.Verdict) bool {
	return v == certs.Fresh || v == certs.Due && !i.Root.CanSign()
}

// Kept is the CA of live with the roots that are trusted now, nil where it has to be
// another CA. No key is needed for it but its own.
func (i *Intermediate) Kept(live *unstructured.Unstructured, now time.Time) *certs.Bundle {
	if live == nil {
		return nil
	}
	b, err := certs.ParseBundle(SecretData(live))
	if err != nil || !b.Under(i.Root) || !i.lasts(certs.Judge(b.NotBefore(), b.NotAfter(), now)) {
		return nil
	}
	if b = b.Trusting(i.Root); b.Verify(i.Root, now, i.ID) != nil {
		return nil
	}
	return b
}

// Needs implements [Late].
func (*Intermediate) Needs() []order.Fact { return nil }

// Source implements [Late].
func (*Intermediate) Source() string { return "" }

// Sends implements [Late].
func (i *Intermediate) Sends(*world.World) string {
	if i.Issued != nil {
		return i.Root.Fingerprint() + " " + i.Issued.Fingerprint()
	}
	return i.Root.Fingerprint()
}

// Access implements [Late].
func (*Intermediate) Access(*world.Live) []object.Access { return nil }

// Fields implements [Late].
func (*Intermediate) Fields() []string { return []string{"data"} }

// Mint takes the intermediate that was imported, or has one signed, and proves it, unless
// just what is trusted changes.
func (i *Intermediate) Mint(ctx context.Context, m Minter) (Content, error) {
	var live *unstructured.Unstructured
	if l := m.World.Cluster(i.ID.Cluster); l != nil {
		live = l.Object(object.SecretRef(i.ID.Namespace, object.Cacerts))
	}
	b := i.Kept(live, m.Now)
	if b == nil {
		b = i.Imported(m.Now, nil)
	}
	if b == nil {
		var err error
		if b, err = i.Root.Issue(ctx, m.Random, m.Now, i.ID); err != nil {
			return Content{}, err
		}
	}
	data := b.Data()
	if live != nil && certs.IsTLS(SecretData(live)) {
		data = b.TLSData()
	}
	return SecretContent(data, map[string]string{
		annotationRoot:    b.RootFingerprint(),
		AnnotationIssued:  b.NotBefore().Format(time.RFC3339),
		AnnotationExpires: b.NotAfter().Format(time.RFC3339),
	}), nil
}
