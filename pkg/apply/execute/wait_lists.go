package execute

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// announce writes the lists of the CAs that are to come beside the CA that signs for c,
// which will get another one in this run.
func (x *execution) announce(ctx context.Context, c *plan.Cluster) error {
	l, ref := x.at(c), object.SecretRef(c.Namespace, object.Cacerts)
	if err := x.held(c.Name); err != nil {
		return err
	}
	item := c.Planned(ref).Item
	content, err := item.Late.(*desired.Intermediate).Announce(ctx, x.minter())
	if err != nil {
		return fmt.Errorf("add the revocation list of the CA that is to come to %s: %w", ref, err)
	}
	o := content.Put(desired.WantedObject(item, l.Object(ref)))
	_, err = l.Cluster.Apply(context.WithoutCancel(ctx), o, object.ApplyOptions{Force: true})
	return err
}

// coming are the CAs with other keys that clusters get in this run, by cluster.
func (x *execution) coming(ctx context.Context) (map[string]*certs.Bundle, error) {
	out := map[string]*certs.Bundle{}
	for _, c := range x.plan.Clusters {
		ch := c.Planned(object.SecretRef(c.Namespace, object.Cacerts))
		if ch == nil || ch.Item == nil || !ch.Pending() {
			continue
		}
		i, ok := ch.Item.Late.(*desired.Intermediate)
		if !ok || !i.Rekeys(x.plan.World) {
			continue
		}
		b, err := i.Next(ctx, x.minter())
		if err != nil {
			return nil, err
		}
		out[c.Name] = b
	}
	return out, nil
}

// waitListed waits until all that runs in c and asks for revocation lists has one of each
// CA that is to come: the namespaces whose pods are injected, and every proxy.
func waitListed(ctx context.Context, x *execution, c *plan.Cluster, r *reporter) error {
	coming, err := x.coming(ctx)
	if err != nil {
		return err
	}
	return pollEvery(ctx, trustInterval, r, func(ctx context.Context) (string, error) {
		given := observe.ReadRoots(ctx, x.at(c))
		if given.Err != nil {
			return "", given.Err
		}
		for _, ns := range object.SortedKeys(given.Lists) {
			lists, err := certs.ParseLists([]byte(given.Lists[ns]))
			if err != nil {
				return fmt.Sprintf("the revocation lists that namespace %s is given cannot be read: %v", ns, err), nil
			}
			if of := unlisted(lists, coming, x.options.Now); of != "" {
				return fmt.Sprintf("namespace %s is not given the revocation list of the CA that %s gets yet", ns, of), nil
			}
		}
		return x.proxies(ctx, c, func(p observe.ProxyCerts) string {
			if of := unlisted(p.Lists, coming, x.options.Now); of != "" {
				return "does not have the revocation list of the CA that " + of + " gets yet"
			}
			return ""
		})
	})
}

// unlisted is the first cluster with a CA that whoever judges by lists would not trust, ""
// for none. With no lists at all nobody asks for one.
func unlisted(lists []*x509.RevocationList, coming map[string]*certs.Bundle, now time.Time) string {
	if len(lists) == 0 {
		return ""
	}
	for _, cluster := range object.SortedKeys(coming) {
		if !coming[cluster].ListedIn(lists, now) {
			return cluster
		}
	}
	return ""
}
