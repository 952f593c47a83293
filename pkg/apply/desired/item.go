package desired

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// An Item is one object that a cluster should hold.
//
// Object is all that is known before an apply. It may be shared between
// clusters and is never changed. Late, where set, says what else the object
// holds: content that only an apply can make, because it is secret or comes
// out of another cluster.
type Item struct {
	order.Subject
	Ref    object.Ref
	Object *unstructured.Unstructured
	Late   Late
	Hash   string // of Object; what a record remembers of it
	// Keeps says who has live, an object that is there, where it is used as it is; nil
	// where everything of others is refused, or adopted.
	Keeps func(want, live *unstructured.Unstructured) string
}

// KeptBy says who has live, where it does what ours would and is not to be changed; "" for
// nobody, and where there is none.
func (it *Item) KeptBy(live *unstructured.Unstructured) string {
	if it.Keeps == nil || live == nil {
		return ""
	}
	return it.Keeps(it.Object, live)
}

// Late is the part of an object that is minted when it is applied.
type Late interface {
	// Judge says why the content of live, an object that is there, has to be
	// minted again. The empty string keeps it.
	Judge(w *world.World, live *unstructured.Unstructured) string
	// Needs are the facts without which it cannot be minted.
	Needs() []order.Fact
	// Source names the cluster that it is made from, "" for none.
	Source() string
	// Fields are the top-level fields that hold the content.
	Fields() []string
	// Sends is all that it will say about other clusters, as far as that is
	// known now and is no secret: a saved plan is compared by it.
	Sends(w *world.World) string
	// Mint makes the content.
	Mint(ctx context.Context, m Minter) (Content, error)
	// Access is what the user needs in the source cluster for that.
	Access(source *world.Live) []object.Access
}

// A Minter is what minting needs.
type Minter struct {
	World   *world.World
	Clients *world.Clients
	// UID is that of an object of ours in a cluster as it is now, "" if there is none.
	UID    func(cluster string, ref object.Ref) types.UID
	CAs    *CAs      // that clusters get in this run; nil where no lists are in force
	Random io.Reader // for keys
	Now    time.Time
}

// NewItem labels a copy of o as the mesh's and hashes it. The copy is shallow
// below metadata: o must not change afterwards.
func NewItem(s order.Subject, mesh string, o *unstructured.Unstructured, late Late) (*Item, error) {
	content := make(map[string]any, len(o.Object))
	for k, v := range o.Object {
		content[k] = v
	}
	meta, _, err := unstructured.NestedMap(o.Object, "metadata") // a deep copy
	if err != nil {
		return nil, fmt.Errorf("read metadata of %s: %w", o.GetKind(), err)
	}
	content["metadata"] = meta
	out := &unstructured.Unstructured{Object: content}
	labels := out.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[object.LabelMesh] = mesh
	out.SetLabels(labels)
	h, err := HashOf(content)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", o.GetKind(), o.GetName(), err)
	}
	return &Item{Subject: s, Ref: object.RefOf(out), Object: out, Late: late, Hash: h}, nil
}

// HashOf is a digest of v's JSON: 22 characters, 128 bits.
func HashOf(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:16]), nil
}
