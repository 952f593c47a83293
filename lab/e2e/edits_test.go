package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The record changes with everything: it remembers the members, and what was applied.
const (
	record = "update ConfigMap istio-system/setup-mesh"
	values = "update ConfigMap istio-system/values" // istiod's copy of what it was installed with
)

// edited wants the plan of an edit to be this and no more, for every cluster that stays: the differences of the
// IstioControlPlanes, and the objects behind. Then it applies, and wants exactly these objects to have changed.
func (j *journey) edited(t *testing.T, manifests, changes map[string][]string) {
	t.Helper()
	p := j.planJSON(t, 2, "--detailed-exitcode")
	got := p.changes()
	for _, c := range p.Clusters {
		if c.Leaving {
			delete(got, c.Name)
		}
	}
	if diff := cmp.Diff(manifests, p.manifests()); diff != "" {
		t.Errorf("planned differences of the IstioControlPlanes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(changes, got); diff != "" {
		t.Errorf("planned changes (-want +got):\n%s", diff)
	}
	before := j.versions(t)
	j.run(t, 0, "apply", "--yes")
	j.collectSecrets(t)
	after, made := j.versions(t), map[string][]string{}
	for context := range before {
		name := nameOf(context)
		list := changed(before[context], after[context])
		if len(list) > 0 && changes[name] != nil {
			made[name] = list
		}
	}
	if diff := cmp.Diff(p.withRecords(changes), made); diff != "" {
		t.Errorf("changes that apply made (-want +got):\n%s", diff)
	}
	j.run(t, 0, "plan", "--detailed-exitcode")
}

// twoApplies start together, so that both plan the same change. A cluster takes it from one of them, and the other says
// why it did not make it there.
func (j *journey) twoApplies(t *testing.T) {
	base := j.read(t, "base.yaml")
	j.write(t, "base.yaml", base+"  meshConfig:\n    accessLogFile: /dev/stderr\n")
	first, second := j.start(t, "apply", "--yes"), j.start(t, "apply", "--yes")
	for _, r := range []result{first.end(t), second.end(t)} {
		if r.code != 0 && !strings.Contains(r.stderr, "is locked by e2e@") && !strings.Contains(r.stderr, "another apply has changed the cluster") {
			t.Errorf("an apply beside another: %s", r)
		}
	}
	j.run(t, 0, "apply", "--yes") // each may have got some of the clusters
	j.write(t, "base.yaml", base)
	j.run(t, 0, "apply", "--yes")
	j.run(t, 0, "plan", "--detailed-exitcode")
}

func (j *journey) baseChanges(t *testing.T) {
	base := j.read(t, "base.yaml")
	j.write(t, "base.yaml", strings.Replace(base, "spec:\n  profile:", "spec:\n  meshConfig:\n    accessLogFile: /dev/stdout\n  profile:", 1))
	manifest := []string{"spec.meshConfig.accessLogFile: <nil> -> /dev/stdout"}
	changes := []string{"update ConfigMap istio-system/istio", record, values}
	j.edited(t,
		map[string][]string{"east-1": manifest, "east-2": manifest, "west-1": manifest},
		map[string][]string{"east-1": changes, "east-2": changes, "west-1": changes})
}

// overlayChanges is about one cluster only, and rolls its istiod.
func (j *journey) overlayChanges(t *testing.T) {
	j.topology(t, inEast1, inEast2, west1+": {network: network-west, overlay: {values: {pilot: {traceSampling: 10}}}}")
	j.edited(t,
		map[string][]string{"west-1": {"spec.values.pilot.traceSampling: <nil> -> 10"}},
		map[string][]string{"west-1": {record, values, "update Deployment istio-system/istiod"}})
	wantRemotes(t, j.clusters[west1], []string{"east-1", "east-2"})
}

// networkChanges puts each cluster into a network of its own: all endpoints are behind gateways then. A sidecar keeps the
// network in which its pod was created, as with Istio by hand.
func (j *journey) networkChanges(t *testing.T) {
	j.topology(t, inEast1, east2+": {network: network-south}", inWest1)
	const gateway = "spec.components.ingressGateways[name=istio-eastwestgateway]"
	j.edited(t,
		map[string][]string{
			"east-2": {
				gateway + ".k8s.env[name=ISTIO_META_REQUESTED_NETWORK_VIEW].value: network-east -> network-south",
				gateway + ".label[topology.istio.io/network]: network-east -> network-south",
				"spec.values.global.network: network-east -> network-south",
			},
			"west-1": {"spec.values.pilot.traceSampling: 10 -> <nil>"},
		},
		map[string][]string{
			"east-1": {record},
			"east-2": {
				"update ConfigMap istio-system/istio-sidecar-injector", record, values,
				"update Deployment istio-system/istio-eastwestgateway", "update Deployment istio-system/istio-ingressgateway",
				"update HorizontalPodAutoscaler istio-system/istio-eastwestgateway", "update Namespace istio-system",
				"update Service istio-system/istio-eastwestgateway",
				"update ServiceAccount istio-system/istio-eastwestgateway-service-account",
			},
			"west-1": {record, values, "update Deployment istio-system/istiod"},
		})
	j.recreate(t, j.clusters[east2], "network-south")
	ip := map[string]string{}
	for name, c := range j.clusters {
		ip[name] = podIP(t, c)
	}
	const gw1, gw2, gw3 = "203.0.113.1:15443", "203.0.113.2:15443", "203.0.113.3:15443"
	j.wantEndpoints(t, ip, map[string][]string{
		east1: {pod(ip[east1]), gw2, gw3},
		east2: {pod(ip[east2]), gw1, gw3},
		west1: {pod(ip[west1]), gw1, gw2},
	}, map[string]string{east1: "network-east", east2: "network-south", west1: "network-west"})
}

// recreate replaces the pod of service hello until istiod's webhook puts it into the given network.
func (j *journey) recreate(t *testing.T, c *cluster, network string) {
	t.Helper()
	eventually(t, c.context+": a pod in "+network, func(ctx context.Context) error {
		if err := endWorkload(ctx, c); err != nil {
			return err
		}
		created, err := c.makePod(ctx, "shop")
		if err != nil {
			return err
		}
		got := created.Labels["topology.istio.io/network"]
		return errorIf(got != network, "it is in %q", got)
	})
}

func (j *journey) workloadsEnd(t *testing.T) {
	for name, c := range j.clusters {
		if err := endWorkload(context.Background(), c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// endWorkload deletes the pods of service hello.
func endWorkload(ctx context.Context, c *cluster) error {
	return c.kube.CoreV1().Pods("shop").DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=hello"})
}
