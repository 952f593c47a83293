package apply

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
)

// Preflight adds to p what speaks against an apply of it, as far as its clusters
// were inspected: everything that can be known before the first write. Of a
// teardown that is the permissions. It asks nobody; call it once.
func (p *Plan) Preflight(i Inspection) {
	p.nodeAddresses(i)
	p.kubernetesVersions()
	p.foreignIstio(i)
	p.permissions(i)
	p.overlaps(i)
}

func (p *Plan) refuse(cluster, hint, format string, args ...any) {
	p.Refusals = append(p.Refusals, Finding{Cluster: cluster, Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (p *Plan) warn(cluster, hint, format string, args ...any) {
	p.Warnings = append(p.Warnings, Finding{Cluster: cluster, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// settle takes back a refusal that another one says better.
func (p *Plan) settle(f Finding) {
	if i := slices.Index(p.Refusals, f); i >= 0 {
		p.Refusals = slices.Delete(p.Refusals, i, i+1)
	}
}

// kubeadmPort is where the API servers of kubeadm listen, those of kind among
// them: https://kubernetes.io/docs/reference/networking/ports-and-protocols/
const kubeadmPort = 6443

// nodeAddresses puts into the remedy for a loopback address of an API server
// what other clusters most likely reach it at.
func (p *Plan) nodeAddresses(i Inspection) {
	for _, c := range p.Clusters {
		at := slices.Index(p.Refusals, loopback(c.Live))
		if seen := i[c.Name]; at >= 0 && seen != nil && len(seen.Nodes) > 0 {
			p.Refusals[at].Hint = loopbackRemedy(c.Context, seen.Nodes)
		}
	}
}

func loopbackRemedy(context string, nodes []string) string {
	why := "the address of its node, with kubeadm's port"
	if len(nodes) > 1 {
		why = fmt.Sprintf("a guess: one of %d nodes, with kubeadm's port", len(nodes))
	}
	return fmt.Sprintf("in topology.yaml, contexts.%s.apiServer.server: https://%s (%s); %s",
		context, net.JoinHostPort(nodes[0], strconv.Itoa(kubeadmPort)), why, allowLoopback)
}

// kubernetesVersions refuses to put what the charts render into a cluster that
// is too old for it. Nothing is known of charts of the user's own.
func (p *Plan) kubernetesVersions() {
	for _, c := range p.Clusters {
		minor, ok := minorOf(c.Kubernetes)
		if !ok || minor >= charts.MinKubernetes || c.Leaving || !c.puts(order.ControlPlane, order.Gateway) || c.Desired.Manifest.Spec["installPackagePath"] != nil {
			continue
		}
		p.refuse(c.Name, "upgrade the cluster first: https://istio.io/latest/docs/releases/supported-releases/",
			"Kubernetes %s is older than 1.%d, the oldest that Istio %s supports",
			strings.TrimPrefix(c.Kubernetes, "v"), charts.MinKubernetes, charts.Release)
	}
}

// puts says whether an apply would create or update an object of one of the
// components.
func (c *ClusterPlan) puts(components ...order.Component) bool {
	return slices.ContainsFunc(c.Changes, func(ch Change) bool {
		return ch.Pending() && ch.Action != Delete && slices.Contains(components, ch.Component)
	})
}

// minorOf is the minor version in what an API server calls its version, such as
// v1.33.1-eks-1de2ab1, v1.32.0-gke.1000 and v1.31+k3s1. It is false for what is
// no version of a release.
func minorOf(version string) (int, bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(version, "v"), "1.")
	if !ok {
		return 0, false
	}
	digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(rest)
	}
	minor, err := strconv.Atoi(rest[:digits])
	return minor, err == nil
}
