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
	if v := certs.Judge(b.NotBefore(), b.NotAfter(), w.Now); v != certs.Fresh {
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

// Kept is the CA of live with the roots that are trusted now, nil where it has to be
// another CA. No key is needed for it but its own.
func (i *Intermediate) Kept(live *unstructured.Unstructured, now time.Time) *certs.Bundle {
	if live == nil {
		return nil
	}
	if kind, _, _ := unstructured.NestedString(live.Object, "type"); kind == "kubernetes.io/tls" {
		return nil // its files have other names
	}
	b, err := certs.ParseBundle(SecretData(live))
	if err != nil || !b.Under(i.Root) || certs.Judge(b.NotBefore(), b.NotAfter(), now) != certs.Fresh {
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
	var b *certs.Bundle
	if l := m.World.Cluster(i.ID.Cluster); l != nil {
		b = i.Kept(l.Object(object.SecretRef(i.ID.Namespace, object.Cacerts)), m.Now)
	}
	if newer := i.Imported(m.Now, b); b == nil || newer != nil && newer.NotBefore().After(b.NotBefore()) {
		b = newer
	}
	if b == nil {
		var err error
		if b, err = i.Root.Issue(ctx, m.Random, m.Now, i.ID); err != nil {
			return Content{}, err
		}
	}
	return SecretContent(b.Data(), map[string]string{
		annotationRoot:    b.RootFingerprint(),
		AnnotationIssued:  b.NotBefore().Format(time.RFC3339),
		AnnotationExpires: b.NotAfter().Format(time.RFC3339),
	}), nil
}
