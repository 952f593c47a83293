// Package ask asks clusters what checks need to know beyond what a plan reads.
package ask

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// Inspect asks the clusters of p what its checks ask and a plan does not need to
// know. It writes nothing. Where p changes nothing and refuses nothing, no
// cluster is asked.
func Inspect(ctx context.Context, p *plan.Plan, clients *world.Clients) check.Inspection {
	e := check.NewEvidence(p, nil, nil)
	i := check.Inspection{}
	var mu sync.Mutex
	var g errgroup.Group
	for _, c := range p.Clusters {
		asks := e.Asks(check.ChecksOf(p), c)
		if len(asks) == 0 {
			continue
		}
		g.Go(func() error {
			seen := inspect(ctx, e, clients.Connect(c.Live), c, asks)
			mu.Lock()
			defer mu.Unlock()
			i[c.Name] = seen
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	return i
}

func inspect(ctx context.Context, e *check.Evidence, l *world.Connected, c *plan.Cluster, asks map[check.Question]bool) *check.Inspected {
	seen := &check.Inspected{}
	var g errgroup.Group
	ask := func(q check.Question, f func()) {
		if asks[q] {
			g.Go(func() error { f(); return nil })
		}
	}
	ask(check.AskPermissions, func() { askAccess(ctx, seen, l, c, e.Needs(c)) })
	ask(check.AskRanges, func() { seen.Pods, seen.PodsErr = readPodRanges(ctx, l.Cluster) })
	ask(check.AskRanges, func() { seen.Services = readServiceRanges(ctx, l.Cluster) })
	ask(check.AskDeployments, func() {
		seen.Istiods, seen.IstiodsErr = l.Cluster.List(ctx, schema.GroupKind{Group: "apps", Kind: "Deployment"}, "", object.SelectIstiod)
	})
	ask(check.AskNodes, func() { seen.Nodes = readNodeAddresses(ctx, l.Cluster) })
	ask(check.AskNamespaces, func() { seen.Namespaces = readNamespaces(ctx, l.Cluster, check.StrangeNamespaces(c)) })
	ask(check.AskEnrolled, func() { seen.Enrolled, seen.EnrolledErr = readEnrolled(ctx, l.Cluster) })
	ask(check.AskCandidates, func() { seen.Gateways, seen.GatewaysErr = readGateways(ctx, l.Cluster) })
	_ = g.Wait() // the functions return nil
	return seen
}

// readEnrolled finds what has the label that enrols pods in an ambient mesh.
func readEnrolled(ctx context.Context, c object.Reader) ([]object.Ref, error) {
	var out []object.Ref
	for _, kind := range []string{"Namespace", "Pod"} {
		list, err := c.List(ctx, schema.GroupKind{Kind: kind}, "", object.LabelDataplane+"="+object.DataplaneAmbient)
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			out = append(out, object.RefOf(o))
		}
	}
	slices.SortFunc(out, object.CompareRefs)
	return out, nil
}

// readGateways lists the Gateways of the Gateway API; without its CRDs, there are none.
func readGateways(ctx context.Context, c object.Reader) ([]*unstructured.Unstructured, error) {
	list, err := c.List(ctx, schema.GroupKind{Group: object.GatewayAPIGroup, Kind: "Gateway"}, "", "")
	if object.Absent(err) {
		return nil, nil
	}
	return list, err
}

// readNamespaces reads namespaces, those that are not there too.
func readNamespaces(ctx context.Context, c object.Reader, names []string) map[string]world.Observed {
	out := map[string]world.Observed{}
	for _, name := range names {
		o, err := c.Get(ctx, object.NamespaceRef(name))
		if object.Absent(err) {
			err = nil
		}
		out[name] = world.Observed{Object: o, Err: err}
	}
	return out
}

// askAccess asks an administrator one question, and anybody else one for each
// access.
func askAccess(ctx context.Context, seen *check.Inspected, l *world.Connected, c *plan.Cluster, needs []object.Access) {
	cluster := l.Cluster
	everything, err := cluster.Allowed(ctx, []object.Access{object.Everything()})
	if err != nil {
		seen.AccessErr = err
		return
	}
	if everything[0] {
		return
	}
	allowed, err := cluster.Allowed(ctx, needs)
	if err != nil {
		seen.AccessErr = err
		return
	}
	for i, a := range needs {
		if !allowed[i] {
			seen.Missing = append(seen.Missing, a)
		}
	}
	if slices.ContainsFunc(seen.Missing, check.Escalates) && mayGrant(ctx, l, c) {
		seen.Missing = slices.DeleteFunc(seen.Missing, check.Escalates)
	}
	if len(seen.Missing) > 0 {
		seen.User, _ = cluster.User(ctx) // "" will do
	}
}

// mayGrant tries whether the API server takes the roles that c gets: it does
// from whoever holds all that is in them. That says nothing of their bindings,
// which are applied at the same time: the API server looks a role up unless the
// user may bind any.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
func mayGrant(ctx context.Context, l *world.Connected, c *plan.Cluster) bool {
	for _, ch := range c.Changes {
		if !ch.Pending() || ch.Item == nil || !check.IsRole(ch.Object) {
			continue
		}
		role := ch.Item.Object
		if c.Live.Object(object.NamespaceRef(ch.Object.Namespace)) == nil && ch.Object.Kind == "Role" {
			role = object.New(role.GetAPIVersion(), "ClusterRole", "", role.GetName(), nil, map[string]any{"rules": role.Object["rules"]})
		}
		if _, err := l.Cluster.Apply(ctx, role, object.ApplyOptions{DryRun: true, Force: true}); err != nil {
			return false
		}
	}
	return true
}

// readPodRanges collects the ranges out of which nodes give addresses to pods:
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/#NodeSpec
func readPodRanges(ctx context.Context, c object.Reader) ([]netip.Prefix, error) {
	var found check.Ranges
	err := c.Each(ctx, nodeKind, "", func(o *unstructured.Unstructured) {
		cidrs, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "podCIDRs")
		found.Add(cidrs)
	})
	return found.Sorted(), err
}

// readServiceRanges collects the ranges out of which Services get addresses. API
// servers before 1.33 do not tell, and neither is anybody told who may not read
// it: nothing is known of the ranges then.
// https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/service-cidr-v1/
func readServiceRanges(ctx context.Context, c object.Reader) []netip.Prefix {
	list, err := c.List(ctx, schema.GroupKind{Group: "networking.k8s.io", Kind: "ServiceCIDR"}, "", "")
	if err != nil {
		return nil
	}
	var found check.Ranges
	for _, o := range list {
		cidrs, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "cidrs")
		found.Add(cidrs)
	}
	return found.Sorted()
}

// nodeKind is that of nodes.
var nodeKind = schema.GroupKind{Kind: "Node"}

// readNodeAddresses is of use for a remedy: where nodes cannot be read, there
// are none.
func readNodeAddresses(ctx context.Context, c object.Reader) []string {
	var out []string
	for _, selector := range []string{"node-role.kubernetes.io/control-plane", ""} {
		err := c.Each(ctx, nodeKind, selector, func(o *unstructured.Unstructured) {
			if a := internalAddress(o); a != "" && !slices.Contains(out, a) {
				out = append(out, a)
			}
		})
		if err != nil || len(out) > 0 {
			return out
		}
	}
	return nil
}

// internalAddress is where a node is reached from its own network, "" if it does
// not say.
func internalAddress(node *unstructured.Unstructured) string {
	addresses, _, _ := unstructured.NestedSlice(node.Object, "status", "addresses")
	for _, a := range addresses {
		m, _ := a.(map[string]any)
		if address, _ := m["address"].(string); m["type"] == "InternalIP" && address != "" {
			return address
		}
	}
	return ""
}
