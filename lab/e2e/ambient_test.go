package e2e

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
)

const (
	ambientBase  = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: ambient\n"
	sidecarsBase = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: default\n"
	clusters2    = "contexts:\n  east: {network: network-east}\n  west: {network: network-west}\n"
	ambient2     = "mesh_id: mymeshname\nambient: {namespaces: [shop]}\n" + clusters2
)

// wantGateway waits until the istiod of c tells ztunnels of one gateway of a network, at "ADDRESS/PORT". The port is 0 where
// it is that of all gateways.
func (c *cluster) wantGateway(t *testing.T, network, at string) {
	t.Helper()
	eventually(t, c.context+": debug/ambientz", func(ctx context.Context) error {
		var all struct {
			Workloads []struct {
				UID string `json:"uid"`
			} `json:"workloads"`
		}
		if err := getJSON(ctx, "http://"+c.mustIstiod(t).Addresses.Monitoring+"/debug/ambientz", &all); err != nil {
			return err
		}
		var got []string
		for _, w := range all.Workloads {
			if one, ok := strings.CutPrefix(w.UID, "NetworkGateway/"+network+"/"); ok {
				got = append(got, one)
			}
		}
		return errorIf(!slices.Equal(got, []string{at}), "gateways of %s: %v, want %s", network, got, at)
	})
}

// TestE2EAmbient has an ambient mesh of two clusters made from nothing, turned into one of sidecars and back, and torn
// down. Nobody is told of a cluster while its load balancer is pending.
func TestE2EAmbient(t *testing.T) {
	needsLab(t)
	l := startLab(t, lab.Options{Contexts: []string{"east", "west"}, Networks: []string{"network-east", "network-west"}})
	u := newUser(t, l.Kubeconfig())
	east, west := openCluster(t, l, "east"), openCluster(t, l, "west")
	before := map[*cluster]map[string]string{}
	for _, c := range []*cluster{east, west} {
		var err error
		if before[c], err = c.snapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	u.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	becomes := func(topology, base string) {
		t.Helper()
		u.write(t, "topology.yaml", topology)
		u.write(t, "base.yaml", base)
		wantWords(t, u.run(t, 0, "apply", "--yes"), "The mesh is one")
		wantWords(t, u.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	}

	if err := l.SetGateway(t.Context(), "west", lab.GatewayPending); err != nil {
		t.Fatal(err)
	}
	u.write(t, "topology.yaml", ambient2)
	u.write(t, "base.yaml", ambientBase)
	first := u.start(t, "apply", "--yes")
	eventually(t, "west tells of east", func(ctx context.Context) error {
		_, err := west.kube.CoreV1().Secrets("istio-system").Get(ctx, "istio-remote-secret-east", metav1.GetOptions{})
		return err
	})
	first.waitFor(t, "ambient gateway: not programmed")
	if _, err := east.kube.CoreV1().Secrets("istio-system").Get(t.Context(), "istio-remote-secret-west", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the remote secret for west, while its gateway is pending: %v", err)
	}
	if err := l.SetGateway(t.Context(), "west", lab.GatewayIP); err != nil {
		t.Fatal(err)
	}
	wantWords(t, wantCode(t, 0, first.end(t)), "The mesh is one")
	wantWords(t, u.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, u.run(t, 0, "status"), "The mesh is one")
	east.wantGateway(t, "network-west", "203.0.113.2/0")
	west.wantGateway(t, "network-east", "203.0.113.1/0")

	becomes(strings.Replace(ambient2, "network-west}", "network-west, gateway: {addresses: [198.51.100.7], port: 31008}}", 1), ambientBase)
	east.wantGateway(t, "network-west", "198.51.100.7/31008")
	becomes(ambient2, ambientBase)
	east.wantGateway(t, "network-west", "203.0.113.2/0")

	becomes("mesh_id: mymeshname\n"+clusters2, sidecarsBase)
	becomes("mesh_id: mymeshname\nambient: {experimental: [sidecars], namespaces: [shop]}\n"+clusters2, ambientBase)
	becomes(ambient2, ambientBase)

	label := func(value string) {
		t.Helper()
		patch := []byte(`{"metadata":{"labels":{"istio.io/dataplane-mode":` + value + `}}}`)
		if _, err := east.kube.CoreV1().Namespaces().Patch(t.Context(), "default", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	label(`"ambient"`)
	wantWords(t, u.run(t, 1, "teardown", "--yes"), "Namespace default is enrolled in the ambient mesh")
	label("null")
	u.run(t, 0, "teardown", "--yes")
	for c, then := range before {
		eventually(t, c.context+" is as it was", func(ctx context.Context) error {
			now, err := c.snapshot(ctx)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(slices.Sorted(maps.Keys(then)), slices.Sorted(maps.Keys(now))); diff != "" {
				return errors.New("objects (-before +after): " + diff)
			}
			return nil
		})
	}
}
