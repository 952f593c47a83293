package desired

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// With revocation lists in force, a CA with another key is trusted by those proxies only
// that have its list. So it is made in memory first; its list goes into the cacerts of all
// clusters, and once their proxies have it, the CA into that of its own. What is lost when
// a run dies has signed for nobody: the next run makes another CA.

// A Holder is a cluster that has, or is to have, a CA of its own.
type Holder struct {
	ID     certs.Identity
	Issued *certs.Issued // as in [Intermediate]
}

// CAs are those that clusters get in one run. Each is made once, by whoever needs it first:
// its own cluster, or one that needs its list. The zero value is ready for use.
type CAs struct {
	mu   sync.Mutex
	made map[string]func() (*certs.Bundle, error) // by cluster
}

func (c *CAs) of(cluster string, make func() (*certs.Bundle, error)) (*certs.Bundle, error) {
	c.mu.Lock()
	once := c.made[cluster]
	if once == nil {
		if c.made == nil {
			c.made = map[string]func() (*certs.Bundle, error){}
		}
		once = sync.OnceValues(make)
		c.made[cluster] = once
	}
	c.mu.Unlock()
	return once()
}

// Rekeys says whether the cluster is to get a CA with another key than it has while proxies
// ask for revocation lists, so that all of them need its list first.
func (i *Intermediate) Rekeys(w *world.World) bool {
	l := w.Cluster(i.ID.Cluster)
	if !i.Revoked.InForce() || l == nil || l.Unreached != nil {
		return false
	}
	ref := object.SecretRef(i.ID.Namespace, object.Cacerts)
	if l.Objects[ref].Err != nil {
		return false // nothing is done with it
	}
	own := i.own(l.Object(ref))
	if own == nil || i.Issued == nil {
		return own == nil
	}
	b := i.newer(w.Now, i.Kept(l.Object(ref), w.Now))
	return b != nil && !own.SameKey(b)
}

// Waits says whether the CA that the cluster is to get waits until the proxies of all
// clusters have its list: unless nobody is to wait for what its old CA has signed.
func (i *Intermediate) Waits(w *world.World) bool {
	if !i.Rekeys(w) {
		return false
	}
	live := i.live(w)
	if live == nil {
		return true
	}
	b, err := certs.ParseBundle(SecretData(live))
	if err != nil {
		return true
	}
	ca, revoked := i.Revoked.Names(b.Cert())
	return !revoked || !ca.Now
}

// comes says whether the cluster gets another CA in an apply: where a cluster is not
// reached, none waits for its proxies.
func (i *Intermediate) comes(w *world.World) bool {
	missing := func(l *world.Live) bool { return l.Unreached != nil && !l.Leaving }
	return i.Rekeys(w) && !(i.Waits(w) && slices.ContainsFunc(w.Clusters, missing))
}

// comingTo names the other clusters that get a CA of which the proxies of this one need a
// list, "" for none.
func (i *Intermediate) comingTo(w *world.World) string {
	var out []string
	for _, h := range i.Others {
		if i.of(h).comes(w) {
			out = append(out, h.ID.Cluster)
		}
	}
	return strings.Join(out, ", ")
}

// of is the Intermediate of another cluster.
func (i *Intermediate) of(h Holder) *Intermediate {
	return &Intermediate{Root: i.Root, ID: h.ID, Issued: h.Issued, Revoked: i.Revoked}
}

// coming are the CAs that other clusters get in the run of m, and of which this one needs
// lists.
func (i *Intermediate) coming(ctx context.Context, m Minter) ([]*certs.Bundle, error) {
	var out []*certs.Bundle
	for _, h := range i.Others {
		other := i.of(h)
		if !other.comes(m.World) {
			continue
		}
		b, err := other.next(ctx, m, other.live(m.World))
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// Next is the CA that the cluster gets in the run of m.
func (i *Intermediate) Next(ctx context.Context, m Minter) (*certs.Bundle, error) {
	return i.next(ctx, m, i.live(m.World))
}

// Announce is the content of cacerts with the CA that is in it, and the lists of all CAs
// that are to come, its own included.
func (i *Intermediate) Announce(ctx context.Context, m Minter) (Content, error) {
	live := i.live(m.World)
	if live == nil {
		return Content{}, errors.New("there is no CA that signs until another one comes")
	}
	b, err := certs.ParseBundle(SecretData(live))
	if err != nil {
		return Content{}, err
	}
	own, err := i.next(ctx, m, live)
	if err != nil {
		return Content{}, err
	}
	coming, err := i.coming(ctx, m)
	if err != nil {
		return Content{}, err
	}
	coming = append(coming, own)
	before := i.announcedIn(m.World, live)
	b, err = b.WithoutListsOf(before.gone).WithLists(m.Random, m.Now, i.Revoked, append(slices.Clone(coming), peers(m.World, i.Root)...))
	if err != nil {
		return Content{}, err
	}
	notes := map[string]string{annotationRevoked: i.Revoked.Digest(), annotationAnnounced: before.with(coming)}
	return i.content(live, b, notes), nil
}

// live is the Secret cacerts of the cluster, nil if there is none.
func (i *Intermediate) live(w *world.World) *unstructured.Unstructured {
	l := w.Cluster(i.ID.Cluster)
	if l == nil {
		return nil
	}
	return l.Object(object.SecretRef(i.ID.Namespace, object.Cacerts))
}
