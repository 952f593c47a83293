package observe

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A ProxySample is what some of the proxies of a cluster say of themselves.
type ProxySample struct {
	Asked []Workload // by name
	// Of is how many proxies of the cluster are connected to istiods: sidecars, gateways,
	// waypoints and ztunnels.
	Of int
}

// A Workload is one pod with a proxy.
type Workload struct {
	Pod object.Ref
	// Owner is what makes the pod again, and may be restarted: a Deployment, a
	// StatefulSet or a DaemonSet. It is the zero value for a pod of anything else.
	Owner   object.Ref
	Network string // that the proxy was started with, "" for none
	Ztunnel bool   // it is the proxy of a node, which has a certificate for each identity there
	Err     error  // the pod could not be read: nothing of it is known
	Certs   ProxyCerts
	// Others are those of further identities, which the proxy of a node has.
	Others []ProxyCerts
	// CertsErr is why Certs are not known.
	CertsErr error
}

// ProxyCerts are the certificates that a proxy proves itself with and judges others by.
// There is no private key among them.
type ProxyCerts struct {
	Chain []*x509.Certificate // of the workload, its own first; never empty
	Roots []*x509.Certificate // that it trusts; never empty
	// Lists are the revocation lists by which it judges others; with none it asks for none.
	Lists []*x509.RevocationList
}

// proxiesSampled bounds what one cluster is asked: two requests for each proxy.
const proxiesSampled = 5

// proxyAnswers is how long pods and their proxies may take to answer: a matter of
// milliseconds, unless the node is gone.
const proxyAnswers = 5 * time.Second

// SampleProxies asks some of the proxies of a cluster that are connected to istiods,
// which views are of. Proxies that are in no running pod of the cluster, on virtual
// machines for example, are left out.
func SampleProxies(ctx context.Context, l *world.Connected, cluster string, views []IstiodView) ProxySample {
	names, of := chooseProxies(cluster, views, proxiesSampled)
	ctx, cancel := context.WithTimeout(ctx, proxyAnswers)
	defer cancel()
	return ProxySample{Asked: askWorkloads(ctx, l, names), Of: of}
}

// proxiesAtOnce bounds how many proxies are asked at the same time.
const proxiesAtOnce = 20

// askWorkloads asks these proxies. Those that are gone are left out.
func askWorkloads(ctx context.Context, l *world.Connected, names []string) []Workload {
	asked := make([]*Workload, len(names))
	g := limited(proxiesAtOnce)
	for i, name := range names {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, proxyAnswers)
			defer cancel()
			asked[i] = readWorkload(ctx, l, podOf(name))
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	var out []Workload
	for _, w := range asked {
		if w != nil {
			out = append(out, *w)
		}
	}
	return out
}

// proxiesOf are the proxies of a cluster in pods that are connected to istiods, sorted.
// https://github.com/istio/istio/blob/1.31.0/pkg/model/proxy.go (NodeType)
func proxiesOf(cluster string, views []IstiodView) []string {
	all := map[string]bool{}
	for _, v := range views {
		for _, p := range v.Proxies {
			if p.Cluster == cluster && slices.Contains([]string{"sidecar", "router", "waypoint", "ztunnel"}, p.Type) {
				all[p.Name] = true
			}
		}
	}
	return object.SortedKeys(all)
}

// chooseProxies chooses the proxies of a cluster that are asked, most at most, and says
// how many there are. Pods of one ReplicaSet, StatefulSet or DaemonSet are alike, so there is one of
// each as far as names tell; where there are still too many, they are taken at even
// distances, the same ones each time.
func chooseProxies(cluster string, views []IstiodView, most int) ([]string, int) {
	all := proxiesOf(cluster, views)
	alike := map[string]string{}
	for _, name := range all {
		pod := podOf(name)
		template := pod.Name
		if i := strings.LastIndexByte(template, '-'); i > 0 {
			template = template[:i]
		}
		key := pod.Namespace + "/" + template
		if first, ok := alike[key]; !ok || name < first {
			alike[key] = name
		}
	}
	keys := object.SortedKeys(alike)
	var out []string
	for i := range min(most, len(keys)) {
		out = append(out, alike[keys[i*len(keys)/min(most, len(keys))]])
	}
	slices.Sort(out)
	return out, len(all)
}

// podOf is the pod of a proxy. Names of pods may have dots, those of namespaces have none.
func podOf(proxy string) object.Ref {
	i := max(0, strings.LastIndexByte(proxy, '.'))
	return object.Ref{Kind: "Pod", Name: proxy[:i], Namespace: strings.TrimPrefix(proxy[i:], ".")}
}
