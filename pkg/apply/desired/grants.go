package desired

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A Pair is a cluster whose istiods read another one, and that one.
type Pair struct{ Consumer, Source string }

// GrantName is one of the names that a consumer's grant may have, from 1 on. A token
// ends with its grant, so while one is renewed there are two grants. No cluster's name
// has a dot in it: the name tells whose grant it is.
func GrantName(consumer string, n int) string {
	if n < 2 {
		return object.GrantPrefix + consumer
	}
	return fmt.Sprintf("%s%s.%d", object.GrantPrefix, consumer, n)
}

// grantOf is what a name of [GrantName] was made of; n is 0 for any other name.
func grantOf(name string) (consumer string, n int) {
	rest, ok := strings.CutPrefix(name, object.GrantPrefix)
	if !ok || rest == "" {
		return "", 0
	}
	consumer, number, numbered := strings.Cut(rest, ".")
	if !numbered {
		return consumer, 1
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 2 {
		return "", 0
	}
	return consumer, n
}

// Grants says which of its names the grant of each pair has: the clusters tell.
type Grants struct {
	world  *world.World
	renews func(Pair) bool
}

// NewGrants looks at the grants in w. Those of pairs for which renews holds, and whose
// clusters are both reached, are to be replaced.
func NewGrants(w *world.World, renews func(Pair) bool) Grants { return Grants{w, renews} }

// Item is what an item of a cluster becomes where it is a grant, or bound to one.
func (g Grants) Item(it *Item, cluster string) *Item {
	late, bound := it.Late.(*RemoteAccess)
	switch {
	case bound:
		p := Pair{late.Consumer, late.From.Name}
		to := *late
		to.Grant = g.current(p)
		if g.Renews(p) {
			to.Next = g.next(p)
		}
		out := *it
		out.Late = &to
		return &out
	case it.Part == order.Grant:
		p := Pair{it.Peer, cluster}
		if g.Renews(p) {
			return it.named(g.next(p))
		}
		return it.named(g.current(p))
	}
	return it
}

// named is it under another name. The hash stays: it is of the same content.
func (it *Item) named(name string) *Item {
	if name == it.Ref.Name {
		return it
	}
	out := *it
	out.Ref.Name, out.Object = name, it.Object.DeepCopy()
	out.Object.SetName(name)
	return &out
}

// Renews says whether the token of a pair is to be renewed, which takes both clusters
// and a token.
func (g Grants) Renews(p Pair) bool {
	source := g.world.Cluster(p.Source)
	return g.renews(p) && source != nil && source.Unreached == nil && object.Ours(g.credential(p))
}

// credential is the remote secret of a pair, nil where none was read.
func (g Grants) credential(p Pair) *unstructured.Unstructured {
	consumer := g.world.Cluster(p.Consumer)
	if consumer == nil || consumer.Unreached != nil {
		return nil
	}
	return consumer.Object(object.SecretRef(consumer.Namespace, object.RemoteSecretPrefix+p.Source))
}

// current is the name of the grant that the token of a pair is bound to or, where that
// is not known, of one that is there.
func (g Grants) current(p Pair) string {
	bound := ""
	if secret := g.credential(p); secret != nil {
		bound = secret.GetAnnotations()[AnnotationGrant]
	}
	there := g.there(p)
	for _, n := range there {
		name := GrantName(p.Consumer, n)
		if o := g.seen(p, n).Object; bound != "" && o != nil && string(o.GetUID()) == bound {
			return name
		}
	}
	if len(there) > 0 {
		return GrantName(p.Consumer, there[0])
	}
	return GrantName(p.Consumer, 1)
}

// next is the first name that no grant has.
func (g Grants) next(p Pair) string {
	n, there := 1, g.there(p)
	for slices.Contains(there, n) {
		n++
	}
	return GrantName(p.Consumer, n)
}

func (g Grants) seen(p Pair, n int) world.Observed {
	source := g.world.Cluster(p.Source)
	return source.Objects[object.SecretRef(source.Namespace, GrantName(p.Consumer, n))]
}

// there are the numbers of the grants that are there, or may be since they could not be
// read, in order.
func (g Grants) there(p Pair) []int {
	source := g.world.Cluster(p.Source)
	if source == nil {
		return nil
	}
	var out []int
	for ref, seen := range source.Objects {
		if ref.Kind != "Secret" || ref.Group != "" || ref.Namespace != source.Namespace || seen.Object == nil && seen.Err == nil {
			continue
		}
		if consumer, n := grantOf(ref.Name); n > 0 && consumer == p.Consumer {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, cmp.Compare[int])
	return out
}
