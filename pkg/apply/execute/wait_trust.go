package execute

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// istiodTLSPort is where istiod serves proxies with a certificate of its own CA.
// https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const istiodTLSPort = 15012

// trustInterval is the time between two looks at all proxies of a cluster. What they wait
// for takes a kubelet about a minute.
const trustInterval = 2 * time.Second

// waitTrusts waits until all that runs in c trusts what signs in the mesh: the namespaces
// whose pods are injected are given it, the API server calls istiods by it, and every proxy
// has it.
func waitTrusts(ctx context.Context, x *execution, c *plan.Cluster, r *reporter) error {
	root := x.plan.Wanted.Root.Alone()
	return pollEvery(ctx, trustInterval, r, func(ctx context.Context) (string, error) {
		roots := observe.ReadRoots(ctx, x.at(c))
		if roots.Err != nil {
			return "", roots.Err
		}
		for _, ns := range object.SortedKeys(roots.PEM) {
			if !root.In([]byte(roots.PEM[ns])) {
				return fmt.Sprintf("namespace %s is not given root %s yet", ns, root.Short()), nil
			}
		}
		if why, err := webhooksTrust(ctx, x.at(c), root); why != "" || err != nil {
			return why, err
		}
		if why, err := nodesTrust(ctx, x.at(c), c, root); why != "" || err != nil {
			return why, err
		}
		return x.proxies(ctx, c, func(p observe.ProxyCerts) string {
			if slices.ContainsFunc(p.Roots, root.Cert().Equal) {
				return ""
			}
			return "does not trust root " + root.Short() + " yet"
		})
	})
}

// webhooksTrust says which of istiod's webhooks would not take one that is signed by root.
// Those that nobody has filled in yet call nobody.
func webhooksTrust(ctx context.Context, l *world.Connected, root *certs.Root) (string, error) {
	for _, ref := range []object.Ref{object.InjectorRef(l.Namespace), object.ValidatorRef(l.Namespace)} {
		o, err := l.Cluster.Get(ctx, ref)
		switch {
		case object.Absent(err):
			continue
		case err != nil:
			return "", err
		}
		hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
		for _, h := range hooks {
			m, _ := h.(map[string]any)
			text, _, _ := unstructured.NestedString(m, "clientConfig", "caBundle")
			if bundle, err := base64.StdEncoding.DecodeString(text); err == nil && len(bundle) > 0 && !root.In(bundle) {
				return fmt.Sprintf("%s does not trust root %s yet", ref, root.Short()), nil
			}
		}
	}
	return "", nil
}

// waitSigned waits until nothing that runs in c proves itself with what the root that
// signs in the mesh does not stand for, or with a CA that is revoked: each istiod, and
// every proxy.
func waitSigned(ctx context.Context, x *execution, c *plan.Cluster, r *reporter) error {
	signer, revoked := x.plan.Wanted.Root.Alone(), x.plan.Wanted.Revoked
	return pollEvery(ctx, trustInterval, r, func(ctx context.Context) (string, error) {
		if !c.Remote() {
			if why, err := istiodsSigned(ctx, x.at(c), signer, revoked); why != "" || err != nil {
				return why, err
			}
		}
		return x.proxies(ctx, c, func(p observe.ProxyCerts) string {
			if time.Now().After(p.Chain[0].NotAfter) {
				return "" // nobody takes one that has ended
			}
			until := p.Chain[0].NotAfter.UTC().Format("2006-01-02 15:04")
			if ca := revoked.In(p.Chain); ca != "" {
				return fmt.Sprintf("has a certificate of %s, which is revoked, until it is renewed by %s at the latest", ca, until)
			}
			if signer.Issued(p.Chain) {
				return ""
			}
			return fmt.Sprintf("has a certificate that root %s does not stand for, until it is renewed by %s at the latest",
				signer.Short(), until)
		})
	})
}

// istiodsSigned says which istiod at l still signs with a CA of another root, or one that
// is revoked, by the certificate that it serves itself with. One that does not answer serves nobody.
func istiodsSigned(ctx context.Context, l *world.Connected, signer *certs.Root, revoked *certs.Revoked) (string, error) {
	pods, err := observe.ReadPods(ctx, l)
	if err != nil {
		return "", err
	}
	for _, pod := range observe.Istiods(pods) {
		chain, err := l.Cluster.PodTLS(ctx, l.Namespace, pod, istiodTLSPort)
		switch class := object.ClassOf(err); {
		case class == object.Forbidden, class == object.Unauthorized:
			return "", err
		case err != nil:
			return err.Error(), nil
		case revoked.In(chain) != "":
			return fmt.Sprintf("%s still signs with %s, which is revoked", pod, revoked.In(chain)), nil
		case !signer.Issued(chain):
			return fmt.Sprintf("%s does not sign with root %s yet", pod, signer.Short()), nil
		}
	}
	return "", nil
}

// proxies says of the first proxy of c of which judge says something what that is. A proxy
// that does not answer is waited for: nobody knows what it trusts. One that answers that it
// was given nothing yet is not: it will be given what istiod has by then.
func (x *execution) proxies(ctx context.Context, c *plan.Cluster, judge func(observe.ProxyCerts) string) (string, error) {
	all, err := observe.AskProxies(ctx, x.at(c))
	if err != nil {
		return "", err
	}
	first, remedy, more := "", "", 0
	for _, w := range all {
		why := ""
		switch {
		case errors.Is(w.CertsErr, observe.ErrNoCertificate):
		case w.Err != nil:
			why = "is not known: " + w.Err.Error()
		case w.CertsErr != nil:
			why = "did not say which certificates it has: " + w.CertsErr.Error()
		default:
			why = judge(w.Certs)
			for _, other := range w.Others {
				why = cmp.Or(why, judge(other))
			}
		}
		if why == "" {
			continue
		}
		if first != "" {
			more++
			continue
		}
		first = fmt.Sprintf("the proxy of pod %s/%s %s", w.Pod.Namespace, w.Pod.Name, why)
		if w.Ztunnel {
			remedy = restart(c, w.Owner)
		}
	}
	if more > 0 {
		first += fmt.Sprintf(", and %d more", more)
	}
	return first + remedy, nil
}
