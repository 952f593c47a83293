package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EJoinMeshes leads a mesh to the root of another, and then makes one of the two. Requests inside of each are answered
// all the time.
func TestE2EJoinMeshes(t *testing.T) {
	needsLab(t)
	d := &dataPlane{journey: newJourney(t, lab.Options{Contexts: []string{east1, west1}, Networks: []string{"network-east", "network-west"}})}
	other := newUser(t, d.lab.Kubeconfig())
	other.dns = d.dns
	var stop []func()
	d.inOrder(t, []step{
		{"TwoMeshes", func(t *testing.T) {
			d.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
			d.topology(t, inEast1)
			other.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "other.example")
			other.topology(t, inWest1)
			d.run(t, 0, "apply", "--yes")
			other.run(t, 0, "apply", "--yes")
			for _, context := range []string{east1, west1} {
				workloads(t, d.clusters[context])
				d.answeredIn(t, context, context)
			}
			wantWords(t, other.run(t, 1, "certs", "rotate-root", "--yes", "--to-root-cert", filepath.Join(d.dir, "certs/root-cert.pem")), "its key is not here", "--to-root-key")
		}},
		{"OneRoot", func(t *testing.T) {
			for _, context := range []string{east1, west1} {
				stop = append(stop, d.keepCalling(t, context))
			}
			wantWords(t, other.run(t, 0, "certs", "rotate-root", "--yes", "--to-root-cert", filepath.Join(d.dir, "certs/root-cert.pem"),
				"--to-root-key", filepath.Join(d.dir, "certs/root-key.pem")), "Step 3 of 3", "The mesh has root")
			if other.read(t, "certs/root-cert.pem") != d.read(t, "certs/root-cert.pem") {
				t.Error("the roots are two")
			}
			wantWords(t, other.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
		}},
		{"OneMesh", func(t *testing.T) {
			was := d.clusters[west1].secret(t, "istio-system", "cacerts").Data["ca-cert.pem"]
			d.topology(t, inEast1, inWest1)
			wantWords(t, d.run(t, 0, "apply", "--yes"), "2 of 2 clusters discover each other")
			for _, s := range stop {
				s()
			}
			if diff := cmp.Diff(was, d.clusters[west1].secret(t, "istio-system", "cacerts").Data["ca-cert.pem"]); diff != "" {
				t.Error("west-1 has another CA")
			}
			for _, context := range []string{east1, west1} {
				d.answeredIn(t, context, east1, west1)
			}
			wantWords(t, d.run(t, 0, "status"), "The mesh is one")
		}},
	})
}

// answeredIn waits until the client of a cluster is answered by pods of exactly these others.
func (d *dataPlane) answeredIn(t *testing.T, from string, by ...string) {
	t.Helper()
	eventually(t, from+" is answered", func(ctx context.Context) error {
		in := map[string]string{}
		for name, c := range d.clusters {
			pods, err := c.kube.CoreV1().Pods(inTraffic).List(ctx, metav1.ListOptions{LabelSelector: "app=helloworld"})
			if err != nil {
				return err
			}
			for _, p := range pods.Items {
				if p.Status.Phase == corev1.PodRunning {
					in[p.Name] = name
				}
			}
		}
		stdout, stderr, _, err := d.call(ctx, from, "client", fmt.Sprintf("/hello?call=[1-%d]", calls))
		if err != nil {
			return err
		}
		want, got := map[string]bool{}, map[string]bool{}
		for _, name := range by {
			want[name] = true
		}
		for _, m := range greeting.FindAllStringSubmatch(stdout, -1) {
			got[in[m[1]]] = true
		}
		diff := cmp.Diff(want, got)
		return errorIf(diff != "", "clusters that answer (-want +got):\n%s\n%s", diff, stderr)
	})
}
