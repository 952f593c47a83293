package desired

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Annotations on Secret cacerts that are about revocation.
const (
	annotationRevoked = annotationPrefix + "revoked"  // SHA-256 of the root's list that is in it
	AnnotationSameKey = annotationPrefix + "same-key" // serial numbers of earlier CAs with the same key
	// CAs that were to come when it was written, and of which it has lists: "cluster/key ID".
	annotationAnnounced = annotationPrefix + "announced"
)

// listed says whether the revocation lists in a Secret are ours.
func listed(live *unstructured.Unstructured) bool {
	return live.GetAnnotations()[annotationRevoked] != ""
}

// SameKey are the serial numbers, hexadecimal, of earlier CAs of a cluster that had the key
// of the one in its Secret: who has the key can use all of them.
func SameKey(live *unstructured.Unstructured) []string {
	return strings.Fields(live.GetAnnotations()[AnnotationSameKey])
}

// sameKey is what [SameKey] is to be once next is in the place of live.
func sameKey(live *unstructured.Unstructured, next *certs.Bundle) []string {
	if live == nil {
		return nil
	}
	b, err := certs.ParseBundle(SecretData(live))
	if err != nil || !b.SameKey(next) {
		return nil
	}
	out := SameKey(live)
	if serial := certs.SerialOf(b.Cert()); !b.Cert().Equal(next.Cert()) && !slices.Contains(out, serial) {
		out = append(out, serial)
	}
	return out
}

// pending says whether the CA that the cluster had is to be revoked, so that its workloads
// are to get other certificates at once.
func (i *Intermediate) pending() bool {
	ca, ok := i.Revoked.Pending()
	return ok && ca.Cluster == i.ID.Cluster
}

// listing says why the content of live, b, has to have other revocation lists, or its
// workloads have to be told to get new certificates. The empty string is no reason.
func (i *Intermediate) listing(w *world.World, live *unstructured.Unstructured, b *certs.Bundle) string {
	switch {
	case i.pending() && !b.Repeats():
		return "an earlier intermediate is to be revoked: its workloads get new certificates"
	case i.Revoked.InForce():
		if err := b.Listing(i.Revoked, peers(w, i.Root), w.Now); err != nil {
			return err.Error()
		}
	case listed(live):
		return "it holds revocation lists, and nothing is revoked any longer"
	}
	return ""
}

// withLists is b with the revocation lists that the proxies of its cluster need, if any,
// those of coming included, proven.
func (i *Intermediate) withLists(m Minter, b *certs.Bundle, coming []*certs.Bundle) (*certs.Bundle, error) {
	if !i.Revoked.InForce() {
		return b, nil
	}
	// What is there is kept where it does; b itself may be another CA than that of now.
	if live := i.live(m.World); live != nil {
		if have, err := certs.ParseBundle(SecretData(live)); err == nil {
			b = b.ListsOf(have.WithoutListsOf(i.announcedIn(m.World, live).gone))
		}
	}
	b, err := b.WithLists(m.Random, m.Now, i.Revoked, append(coming, peers(m.World, i.Root)...))
	if err != nil {
		return nil, err
	}
	return b, b.Verify(i.Root, m.Now, i.ID)
}

// peers are the CAs of all clusters that are below root.
func peers(w *world.World, root *certs.Root) []*certs.Bundle {
	var out []*certs.Bundle
	for _, l := range w.Clusters {
		live := l.Object(object.SecretRef(l.Namespace, object.Cacerts))
		if live == nil {
			continue
		}
		if b, err := certs.ParseBundle(SecretData(live)); err == nil && b.Under(root) {
			out = append(out, b)
		}
	}
	return out
}
