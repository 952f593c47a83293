package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
)

// redirected is on pods whose traffic the agent of their node takes to ztunnel.
// https://github.com/istio/istio/blob/1.31.0/cni/pkg/util/podutil.go (AnnotateEnrolledPod)
const redirected = "ambient.istio.io/redirection"

// enrolled says whether a pod is in an ambient mesh.
func enrolled(p *unstructured.Unstructured) bool {
	return p.GetAnnotations()[redirected] == "enabled"
}

// enrolmentTime is how long node agents may take for pods that run: these are enrolled before
// they do, unless the agent was late.
const enrolmentTime = 10 * time.Second

// awaitEnrolment waits until all pods are enrolled. That some are not is for the report.
func (p *place) awaitEnrolment(ctx context.Context, o Options) error {
	pods, err := p.List(ctx, schema.GroupKind{Kind: "Pod"}, o.Namespace, "")
	if err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, enrolmentTime)
	defer cancel()
	for _, one := range pods {
		_ = p.Wait(soon, object.RefOf(one), func(o *unstructured.Unstructured) (bool, string) {
			return o == nil || enrolled(o), "its node agent has not enrolled it"
		})
	}
	return ctx.Err()
}

// toldByIstiod are the addresses of a service, such as "shop/cart", that an istiod of p tells
// the ztunnels of its cluster, and its pod. Of requests it knows nothing.
func (p *place) toldByIstiod(ctx context.Context, namespace, name string) (told map[string]upstream, asked string, err error) {
	pods, err := p.List(ctx, schema.GroupKind{Kind: "Pod"}, p.home, object.SelectIstiod)
	if err != nil {
		return nil, "", err
	}
	istiods := observe.Istiods(pods)
	if len(istiods) == 0 {
		return nil, "", errors.New("no istiod runs in the cluster, whom one could ask")
	}
	body, err := p.PodGet(ctx, p.home, istiods[0], observe.IstiodDebugPort, "/debug/ambientz")
	if err != nil {
		return nil, "", err
	}
	addresses, err := observe.ServiceAddresses(body, namespace, name)
	if err != nil {
		return nil, "", err
	}
	told = map[string]upstream{}
	for _, a := range addresses {
		told[a] = upstream{}
	}
	return told, istiods[0], nil
}

// global says whether a Service is one in all clusters, by the labels of it and its namespace
// and by the configuration of Istio in the cluster.
func (p *place) global(ctx context.Context, service *unstructured.Unstructured, namespace map[string]string) (bool, error) {
	config, err := p.Get(ctx, object.MeshConfigRef(p.home))
	if err != nil {
		return false, err
	}
	text, _, _ := unstructured.NestedString(config.Object, "data", "mesh")
	scopes, err := observe.GlobalScopes(text)
	if err != nil {
		return false, err
	}
	return observe.Labelled{service.GetNamespace(): namespace}.Global(service, scopes), nil
}

// A localError is that the Service of a verification would be there for its own cluster only.
type localError struct{ namespace string }

func (e *localError) Error() string {
	return fmt.Sprintf("the serviceScopeConfigs of the mesh make no Service of namespace %s global: other clusters would not be told of it", e.namespace)
}

// Remedy is a label of the namespace.
func (*localError) Remedy() string {
	return "name a label that serviceScopeConfigs in base.yaml ask for with --namespace-label"
}

// scoped refuses a Service that is not global, where there are other clusters. Where the
// configuration cannot be read, that is not known.
func (p *place) scoped(ctx context.Context, o Options) error {
	for _, one := range o.objects(0, true) {
		if ref := object.RefOf(one); ref.Kind == "Service" {
			if ok, err := p.global(ctx, one, o.namespace("").GetLabels()); err == nil && !ok {
				return &localError{o.Namespace}
			}
		}
	}
	return nil
}

// ztunnelStats is where a ztunnel has its metrics.
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/ztunnel/templates/daemonset.yaml
const ztunnelStats = 15020

// connections asks the ztunnels of the nodes with servers of p who has connected to these,
// ever: a ztunnel forgets nothing of an earlier verification.
// https://istio.io/latest/docs/reference/config/metrics/#metrics
func (p *place) connections(ctx context.Context, o Options) (map[served]int, error) {
	pods, err := p.List(ctx, schema.GroupKind{Kind: "Pod"}, "", "app=ztunnel")
	if err != nil {
		return nil, err
	}
	out, asked := map[served]int{}, map[string]bool{}
	for _, one := range pods {
		node, _, _ := unstructured.NestedString(one.Object, "spec", "nodeName")
		if !p.nodes[node] || one.GetDeletionTimestamp() != nil {
			continue
		}
		body, err := p.PodGet(ctx, one.GetNamespace(), one.GetName(), ztunnelStats, "/stats/prometheus")
		if err != nil {
			return nil, err
		}
		asked[node] = true
		for k, n := range connectionsIn(string(body), o.Namespace) {
			out[k] += n
		}
	}
	if len(asked) < len(p.nodes) {
		return nil, errors.New("there is no ztunnel on a node")
	}
	return out, nil
}

// connectionsIn are the connections to helloworld in a namespace that a ztunnel has let in,
// from its metrics as Prometheus reads them.
func connectionsIn(metrics, namespace string) map[served]int {
	out := map[served]int{}
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, "istio_tcp_connections_opened_total{") {
			continue
		}
		labels, n, ok := sample(line)
		if ok && labels["reporter"] == "destination" && labels["destination_workload_namespace"] == namespace && strings.HasPrefix(labels["destination_workload"], service) {
			out[servedBy(labels)] += n
		}
	}
	return out
}

// since are the connections that were counted after those before.
func since(before, after map[served]int) map[served]int {
	if before == nil || after == nil {
		return nil
	}
	out := map[served]int{}
	for k, n := range after {
		if n > before[k] {
			out[k] = n - before[k]
		}
	}
	return out
}

// tunnelled is what ztunnels say of calls from one cluster to the j-th. From which cluster a
// connection of another network comes they cannot know. But if all that came to the pods
// were mutual TLS, and as many came as were answered, so were these.
func (v *verification) tunnelled(from string, j, answered int) (security, client, server string) {
	mutual, others := 0, 0
	for _, k := range kindsOf(v.served[j]) {
		switch {
		case k.security == "mutual_tls":
			mutual += v.served[j][k]
			client, server = k.client, k.server
		case k.cluster == from:
			return "none", k.client, k.server
		default:
			others++
		}
	}
	if others > 0 || mutual == 0 || mutual < answered {
		return "", "", ""
	}
	return "mutual_tls", client, server
}
