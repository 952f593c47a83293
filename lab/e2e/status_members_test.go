package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// south is a cluster that the lab gets on the way.
const south1 = "context-south-1"

// turnedOff: somebody else's label keeps Istio's own namespace out of injection.
func (s *statusFaults) turnedOff() []fault {
	return []fault{{
		name: "injection is turned off in Istio's namespace", finds: []string{"control-plane/injection west-1"},
		breaks: s.patched(west1, "namespace", istioNamespace, `{"metadata":{"labels":{"istio-injection":"disabled"}}}`),
		mends: func(t *testing.T, remedy string) {
			t.Helper()
			if want := "kubectl --context " + west1 + " label namespace " + istioNamespace + " istio-injection-"; remedy != want {
				t.Errorf("remedy %q, want %q", remedy, want)
			}
			s.patched(west1, "namespace", istioNamespace, `{"metadata":{"labels":{"istio-injection":null}}}`)(t)
		},
	}}
}

// noRoot: who gives proxies of a remote cluster their root is the primary that reads it.
func (s *statusFaults) noRoot() []fault {
	return []fault{
		{name: "a primary loses its credential for its remote cluster", breaks: s.deleted(east1, "secret", "istio-remote-secret-east-2"),
			finds: []string{"access/remote-secret east-1/east-2"}},
		{name: "the proxies of a remote cluster get no root", breaks: s.lostRoot(east2), finds: []string{"trust/root-distributed east-2"},
			mends: s.byItself("do first what access/remote-secret says of east-1")},
	}
}

// lostRoot deletes the root that an istiod has written, once no istiod reads the cluster. One that has just stopped may still
// write what it had begun to.
func (s *statusFaults) lostRoot(in string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		wantRemotes(t, s.clusters[east1], []string{"west-1"})
		roots, last := s.at(in, "configmap"), time.Now()
		eventually(t, in+": nobody writes the root", func(ctx context.Context) error {
			if err := roots.Delete(ctx, "istio-ca-root-cert", metav1.DeleteOptions{}); err == nil {
				last = time.Now()
			} else if !apierrors.IsNotFound(err) {
				return err
			}
			return errorIf(time.Since(last) < 2*time.Second, "it was there a moment ago")
		})
	}
}

// comes has topology.yaml name a cluster that was never applied.
func (s *statusFaults) comes() []fault {
	return []fault{{
		name: "a cluster has not joined yet", finds: []string{"cluster/joined south-1"},
		breaks: func(t *testing.T) {
			if err := s.lab.AddCluster(t.Context(), south1, "network-west", lab.GatewayIP); err != nil {
				t.Fatal(err)
			}
			s.clusters[south1] = openCluster(t, s.lab, south1)
			if err := copyFile(s.kubeconfig, s.lab.Kubeconfig(), 0o600); err != nil {
				t.Fatal(err)
			}
			s.write(t, "topology.yaml", strings.Replace(s.read(t, "topology.yaml"), "injection:", "  "+south1+": {network: network-south}\ninjection:", 1))
		},
	}}
}

// leaves takes it out of topology.yaml again.
func (s *statusFaults) leaves() []fault {
	return []fault{{
		name: "a cluster has not left yet", finds: []string{"cluster/wanted south-1"},
		breaks: func(t *testing.T) {
			s.write(t, "topology.yaml", strings.Replace(s.read(t, "topology.yaml"), "  "+south1+": {network: network-south}\n", "", 1))
		},
	}}
}
