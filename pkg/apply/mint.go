package apply

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// tokenLifetime is what is asked for; an API server may give less, and what it
// gave is written beside the token. Renewal comes with an apply in the last
// third of it.
const tokenLifetime = 365 * 24 * time.Hour

// content is minted: top-level fields of an object, and annotations that may
// be known.
type content struct {
	fields map[string]any
	notes  map[string]string
}

// secretContent is the content of a Secret.
func secretContent(data map[string][]byte, notes map[string]string) content {
	encoded := make(map[string]any, len(data))
	for k, v := range data {
		encoded[k] = base64.StdEncoding.EncodeToString(v)
	}
	return content{fields: map[string]any{"data": encoded}, notes: notes}
}

// put returns o with the content.
func (c content) put(o *unstructured.Unstructured) *unstructured.Unstructured {
	out := o.DeepCopy()
	for k, v := range c.fields {
		out.Object[k] = v
	}
	notes := out.GetAnnotations()
	if notes == nil {
		notes = map[string]string{}
	}
	for k, v := range c.notes {
		notes[k] = v
	}
	out.SetAnnotations(notes)
	return out
}

// mint makes an intermediate and proves it.
func (i *intermediate) mint(random io.Reader, now time.Time) (content, error) {
	b, err := i.root.Intermediate(random, now, i.id)
	if err != nil {
		return content{}, err
	}
	return secretContent(b.Data(), map[string]string{
		annotationRoot:    b.RootFingerprint(),
		annotationIssued:  b.NotBefore().Format(time.RFC3339),
		annotationExpires: b.NotAfter().Format(time.RFC3339),
	}), nil
}

// mint asks the source cluster for a token of the consumer's own. Its grant
// has to be there.
func (r *remoteAccess) mint(ctx context.Context, source *Live, now time.Time) (content, error) {
	ref := object.SecretRef(r.source.Namespace, object.GrantPrefix+r.consumer)
	grant, err := source.cluster.Get(ctx, ref)
	if err != nil {
		return content{}, err
	}
	token, expires, err := source.cluster.Token(ctx, r.source.Namespace, r.account, ref, string(grant.GetUID()), tokenLifetime)
	if err != nil {
		return content{}, err
	}
	kubeconfig, err := encodeRemoteKubeconfig(r.source.Name, source.Endpoint, token)
	if err != nil {
		return content{}, err
	}
	notes := map[string]string{
		annotationGrant:   string(grant.GetUID()),
		annotationIssued:  now.UTC().Format(time.RFC3339),
		annotationExpires: expires.UTC().Format(time.RFC3339),
	}
	if r.serves {
		notes[annotationServes] = "true"
	}
	return secretContent(map[string][]byte{r.source.Name: kubeconfig}, notes), nil
}

// mint asks where the primary's gateway is reached now.
func (p *primaryEndpoints) mint(ctx context.Context, primary *Live) (content, error) {
	reach := readReach(ctx, primary)
	if reach.Err != nil {
		return content{}, reach.Err
	}
	if !reach.Known() {
		return content{}, fmt.Errorf("the gateway of %s has no address", p.primary)
	}
	return content{fields: reach.endpoints().fields()}, nil
}

// complete returns the object to apply for ch: what is known of it, and its
// late content, minted or kept.
func (x *execution) complete(ctx context.Context, l *Live, ch Change) (*unstructured.Unstructured, error) {
	live := l.object(ch.Object)
	it := ch.item
	if it.Late == nil || !ch.mint {
		if live == nil {
			return it.Object, nil
		}
		return wantedObject(it, live), nil
	}
	var c content
	var err error
	switch late := it.Late.(type) {
	case *intermediate:
		c, err = late.mint(x.options.Random, x.options.Now)
	case *remoteAccess:
		c, err = late.mint(ctx, x.plan.world.Cluster(late.source.Name), x.options.Now)
	case *primaryEndpoints:
		c, err = late.mint(ctx, x.plan.world.Cluster(late.primary))
	default:
		err = fmt.Errorf("mint the content of %s: unknown kind of content %T", object.RefOf(it.Object), late)
	}
	if err != nil {
		return nil, fmt.Errorf("mint the content of %s: %w", ch.Object, err)
	}
	return c.put(it.Object), nil
}
