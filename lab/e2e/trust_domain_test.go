package e2e

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2ETrustDomain gives a mesh another trust domain in three applies. Requests between all clusters are answered all the time
// but while their own workloads restart.
func TestE2ETrustDomain(t *testing.T) {
	needsLab(t)
	d := &dataPlane{journey: newJourney(t, lab.Options{Contexts: []string{east1, west1}, Networks: []string{"network-east", "network-west"}})}
	var base string
	wants := func(t *testing.T, domain, aliases string) {
		d.write(t, "topology.yaml", "mesh_id: mymeshname\ntrust_domain: "+domain+"\ncontexts:\n  "+inEast1+"\n  "+inWest1+"\n")
		d.write(t, "base.yaml", strings.Replace(base, "  profile: default\n", "  profile: default\n  meshConfig:\n    trustDomainAliases: ["+aliases+"]\n", 1))
	}
	d.inOrder(t, []step{
		{"Mesh", func(t *testing.T) {
			d.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
			base = d.read(t, "base.yaml")
			wants(t, "cluster.local", "")
			d.run(t, 0, "apply", "--yes")
			for _, context := range []string{east1, west1} {
				workloads(t, d.clusters[context])
			}
			for _, context := range []string{east1, west1} {
				d.answeredIn(t, context, east1, west1)
			}
		}},
		{"NotAtOnce", func(t *testing.T) {
			wants(t, "mesh.example", "cluster.local")
			wantWords(t, d.run(t, 1, "apply", "--yes"), "do not accept yet", "go there in three applies")
		}},
		{"BothAccepted", func(t *testing.T) {
			stop := d.keepCalling(t, east1, west1)
			wants(t, "cluster.local", "mesh.example")
			d.run(t, 0, "apply", "--yes")
			wants(t, "mesh.example", "cluster.local")
			d.run(t, 0, "apply", "--yes")
			stop()
		}},
		{"OldCertificatesAreWaitedFor", func(t *testing.T) {
			stop := d.keepCalling(t, east1, west1)
			wants(t, "mesh.example", "")
			d.givesUp(t, "apply --yes", 15*time.Second, 1, "has a certificate of trust domain cluster.local")
			stop()
		}},
		{"OldDomainGoes", func(t *testing.T) {
			for _, context := range []string{east1, west1} {
				for _, ns := range []string{inTraffic, "istio-system"} {
					selector := metav1.ListOptions{LabelSelector: "app notin (istiod)"}
					if err := d.clusters[context].kube.CoreV1().Pods(ns).DeleteCollection(t.Context(), metav1.DeleteOptions{}, selector); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, context := range []string{east1, west1} {
				d.answeredIn(t, context, east1, west1)
			}
			stop := d.keepCalling(t, east1, west1)
			wantWords(t, d.run(t, 0, "apply", "--yes"), "no proxy has a certificate of the trust domain that goes")
			stop()
			wantWords(t, d.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
			wantWords(t, d.run(t, 0, "status"), "The mesh is one")
		}},
	})
}
