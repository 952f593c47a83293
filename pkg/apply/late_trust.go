package apply

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// An intermediate is the content of a cluster's cacerts.
type intermediate struct {
	root *certs.Root
	id   certs.Identity
}

// Judge implements [Late].
func (i *intermediate) Judge(w *World, live *unstructured.Unstructured) string {
	b, err := certs.ParseBundle(secretData(live))
	if err != nil {
		return err.Error()
	}
	if v := certs.Judge(b.NotBefore(), b.NotAfter(), w.Now); v != certs.Fresh {
		return fmt.Sprintf("its intermediate is %s: valid until %s", v, b.NotAfter().Format(time.DateOnly))
	}
	if err := b.Verify(i.root, w.Now, i.id); err != nil {
		return err.Error()
	}
	return ""
}

// Needs implements [Late].
func (*intermediate) Needs() []order.Fact { return nil }

// Source implements [Late].
func (*intermediate) Source() string { return "" }

// Sends implements [Late].
func (i *intermediate) Sends(*World) string { return i.root.Fingerprint() }

// Access implements [Late].
func (*intermediate) Access(*Live) []object.Access { return nil }

// Fields implements [Late].
func (*intermediate) Fields() []string { return []string{"data"} }

// Mint makes an intermediate and proves it.
func (i *intermediate) Mint(_ context.Context, m Minter) (content, error) {
	b, err := i.root.Intermediate(m.Random, m.Now, i.id)
	if err != nil {
		return content{}, err
	}
	return secretContent(b.Data(), map[string]string{
		annotationRoot:    b.RootFingerprint(),
		annotationIssued:  b.NotBefore().Format(time.RFC3339),
		annotationExpires: b.NotAfter().Format(time.RFC3339),
	}), nil
}
