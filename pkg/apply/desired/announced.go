package desired

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// An announced is which CAs that were to come a Secret cacerts has lists of, by its
// annotation: those that may have come, and the keys of those that have not. Where runs die
// again and again, cacerts would grow with each.
type announced struct{ words, gone []string }

// announcedIn reads the annotation of live. A cluster with a CA did not get another that was
// announced; of one without, the first may have come, and be lost since.
func (i *Intermediate) announcedIn(w *world.World, live *unstructured.Unstructured) announced {
	var out announced
	if live == nil {
		return out
	}
	seen := map[string]bool{}
	for _, word := range strings.Fields(live.GetAnnotations()[annotationAnnounced]) {
		cluster, key, _ := strings.Cut(word, "/")
		has, known := i.keyIn(w, cluster)
		if known && has != key && (has != "" || seen[cluster]) {
			out.gone = append(out.gone, key)
			continue
		}
		seen[cluster] = true
		out.words = append(out.words, word)
	}
	return out
}

// with is what is announced once coming are, too.
func (a announced) with(coming []*certs.Bundle) string {
	out := slices.Clone(a.words)
	for _, b := range coming {
		if b.KeyID() != "" {
			out = append(out, b.Cluster()+"/"+b.KeyID())
		}
	}
	return strings.Join(out, " ")
}

// keyIn is the key of the CA that a cluster has, "" for none, and whether that is known.
func (i *Intermediate) keyIn(w *world.World, cluster string) (string, bool) {
	for _, h := range append(slices.Clone(i.Others), Holder{ID: i.ID}) {
		l, ref := w.Cluster(cluster), object.SecretRef(h.ID.Namespace, object.Cacerts)
		if h.ID.Cluster != cluster || l == nil || l.Unreached != nil || l.Objects[ref].Err != nil {
			continue
		}
		live := l.Object(ref)
		if live == nil {
			return "", true
		}
		b, err := certs.ParseBundle(SecretData(live))
		if err != nil {
			return "", true
		}
		return b.KeyID(), true
	}
	return "", false
}
