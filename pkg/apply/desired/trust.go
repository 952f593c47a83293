package desired

import (
	"context"
	"fmt"
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
	return ""
}

// Needs implements [Late].
func (*Intermediate) Needs() []order.Fact { return nil }

// Source implements [Late].
func (*Intermediate) Source() string { return "" }

// Sends implements [Late].
func (i *Intermediate) Sends(*world.World) string { return i.Root.Fingerprint() }

// Access implements [Late].
func (*Intermediate) Access(*world.Live) []object.Access { return nil }

// Fields implements [Late].
func (*Intermediate) Fields() []string { return []string{"data"} }

// Mint has an intermediate signed, and proves it.
func (i *Intermediate) Mint(ctx context.Context, m Minter) (Content, error) {
	b, err := i.Root.Issue(ctx, m.Random, m.Now, i.ID)
	if err != nil {
		return Content{}, err
	}
	return SecretContent(b.Data(), map[string]string{
		annotationRoot:    b.RootFingerprint(),
		AnnotationIssued:  b.NotBefore().Format(time.RFC3339),
		AnnotationExpires: b.NotAfter().Format(time.RFC3339),
	}), nil
}
