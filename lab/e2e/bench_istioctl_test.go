package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
)

// BenchmarkIstioctl times two ways to a mesh of one primary and one remote cluster on two networks, each from nothing on
// a lab of its own until pods of the remote cluster are injected by the primary, and once more when nothing is left to
// do: setup-mesh apply, and what Istio documents. Done again, the latter takes its gateways away and makes new ones, so
// it is timed a third time with a name that prevents that.
//
// Neither the clusters nor the certificates of the mesh's trust are counted, except for the intermediate that apply
// makes. No image is pulled and no pod but istiod starts: what is left are the tools, the order in which they do things,
// and their waiting.
func BenchmarkIstioctl(b *testing.B) {
	needsLab(b)
	istio := findIstio(b)
	for b.Loop() {
		ours, cacerts := timeSetupMesh(b)
		documented := timeGuide(b, istio, cacerts, false)
		named := timeGuide(b, istio, cacerts, true)
		compare(b, "first", "istioctl", documented.first, ours.first)
		compare(b, "again", "istioctl", documented.again, ours.again)
		compare(b, "again", "istioctl-named", named.again, ours.again)
		b.ReportMetric(float64(documented.replaced), "istioctl-again-replaced-gateways")
		if n := ours.replaced + named.replaced; n > 0 {
			b.Errorf("%d gateways were replaced where nothing was to be changed", n)
		}
	}
	b.ReportMetric(0, "ns/op") // of two labs as well
}

// twoClusters are a lab of a primary on network-1 and a cluster on network-2 that is to be its remote.
type twoClusters struct {
	lab             *lab.Lab
	primary, remote *cluster
}

func startTwoClusters(b *testing.B) twoClusters {
	b.Helper()
	l := startLab(b, lab.Options{Contexts: []string{east1, remoteEast}, Networks: []string{"network-1", "network-2"}})
	c := twoClusters{l, openCluster(b, l, east1), openCluster(b, l, remoteEast)}
	openShop(b, c.primary)
	openShop(b, c.remote)
	return c
}

// A cost is what a way takes once.
type cost struct {
	took     time.Duration
	requests int64
}

// twoRuns are a way from nothing, and again.
type twoRuns struct {
	first, again cost
	replaced     int // gateways that are others after the second run
}

// timeSetupMesh also returns the Secret that makes the CA of the primary one of the mesh's.
func timeSetupMesh(b *testing.B) (twoRuns, map[string][]byte) {
	b.Helper()
	c := startTwoClusters(b)
	u := newUser(b, c.lab.Kubeconfig())
	u.run(b, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	u.topology(b, east1+": {network: network-1}", remoteEast+": {network: network-2, primaries: ["+east1+"]}")
	defer c.end(b)
	r := c.time(b, func() int64 { return stats(u.run(b, 0, "apply", "--yes")).Requests })
	return r, c.primary.secret(b, "istio-system", "cacerts").Data
}

func timeGuide(b *testing.B, of istio, cacerts map[string][]byte, named bool) twoRuns {
	b.Helper()
	c := startTwoClusters(b)
	g := newGuide(b, c, of, cacerts)
	g.named = named
	defer c.end(b)
	return c.time(b, func() int64 {
		before := g.requests
		g.follow(b)
		return g.requests - before
	})
}

// end leaves the machine to the next lab.
func (c twoClusters) end(b *testing.B) {
	if err := c.lab.Down(context.Background()); err != nil {
		b.Error(err)
	}
}

// time goes a way twice, and wants the mesh to be complete then. The way returns the number of requests that it took.
func (c twoClusters) time(b *testing.B, way func() int64) twoRuns {
	b.Helper()
	once := func() cost {
		start := time.Now()
		requests := way()
		eventually(b, "pods of the remote cluster are injected", c.injected)
		return cost{time.Since(start), requests}
	}
	first, before := once(), c.gateways(b)
	again, after := once(), c.gateways(b)
	c.wantOneMesh(b)
	r := twoRuns{first: first, again: again}
	for i := range before {
		if after[i] != before[i] {
			r.replaced++
		}
	}
	return r
}

// gateways are the identities of the gateways' Services.
func (c twoClusters) gateways(b *testing.B) []types.UID {
	b.Helper()
	var out []types.UID
	for _, in := range []*cluster{c.primary, c.remote} {
		s, err := in.kube.CoreV1().Services("istio-system").Get(b.Context(), "istio-eastwestgateway", metav1.GetOptions{})
		if err != nil {
			b.Fatalf("%s: %v", in.context, err)
		}
		out = append(out, s.UID)
	}
	return out
}

// injected objects unless a pod in the remote cluster would get a sidecar that belongs to it.
func (c twoClusters) injected(ctx context.Context) error {
	pod, err := c.remote.kube.CoreV1().Pods("shop").Create(ctx, helloPod(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err
	}
	for _, container := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
		if container.Name != "istio-proxy" {
			continue
		}
		of := corev1.EnvVar{Name: "ISTIO_META_CLUSTER_ID", Value: nameOf(remoteEast)}
		return errorIf(container.Image != "docker.io/istio/proxyv2:1.31.0" || !slices.Contains(container.Env, of),
			"the sidecar is %s, of %v", container.Image, container.Env)
	}
	return errors.New("the pod has no sidecar")
}

// wantOneMesh wants a sidecar of each cluster to be told of the other's gateway: both ways lead to the same.
func (c twoClusters) wantOneMesh(b *testing.B) {
	b.Helper()
	ip := map[string]string{}
	for _, in := range []*cluster{c.primary, c.remote} {
		if _, err := in.kube.CoreV1().Pods("shop").Create(b.Context(), helloPod(), metav1.CreateOptions{}); err != nil {
			b.Fatalf("%s: %v", in.context, err)
		}
		ip[in.context] = podIP(b, in)
	}
	istiod := c.primary.mustIstiod(b).Addresses.XDS
	for context, want := range map[string]struct {
		network string
		told    []string
	}{
		east1:      {"network-1", []string{pod(ip[east1]), "203.0.113.2:15443"}},
		remoteEast: {"network-2", []string{pod(ip[remoteEast]), "203.0.113.1:15443"}},
	} {
		slices.Sort(want.told)
		s := sidecar{cluster: nameOf(context), network: want.network, namespace: "shop", pod: "hello", ip: ip[context]}
		s.wantEndpoints(b, istiod, helloService, want.told)
	}
}

// compare reports the costs of a run, and how many times as long as setup-mesh the other way takes.
func compare(b *testing.B, run, way string, theirs, ours cost) {
	b.Helper()
	ratio := theirs.took.Seconds() / ours.took.Seconds()
	b.ReportMetric(ratio, way+"-"+run+"-ratio")
	for name, c := range map[string]cost{way: theirs, "setup-mesh": ours} {
		b.ReportMetric(c.took.Seconds(), name+"-"+run+"-s")
		b.ReportMetric(float64(c.requests), name+"-"+run+"-requests")
	}
	fmt.Fprintf(os.Stderr, "%-24s %-12s setup-mesh %6.2f s %5d requests  %14s %6.2f s %5d requests  ratio %4.1f\n",
		b.Name(), run, ours.took.Seconds(), ours.requests, way, theirs.took.Seconds(), theirs.requests, ratio)
}
