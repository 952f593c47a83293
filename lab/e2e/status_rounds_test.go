package e2e

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
)

// rounds are all faults. Those of one round are in different clusters, or of different checks. Credentials that lead
// elsewhere come late: an istiod 1.31 that has met a dead server under a cluster's name, and another one after that, may
// go on without reading Secrets once the cluster is taken from it.
func (s *statusFaults) rounds() [][]fault {
	return [][]fault{
		s.accessIsLost(), s.credentialsAreDamaged(), s.webhooks(), s.changedWebhooks(),
		s.namespaces(), s.exposure(), s.configuration(), s.certificates(), s.workloadsAreGone(),
		s.istiodsAreStopped(), s.otherWorkloads(), s.addresses(), s.hiddenAddress(), s.deafGateway(), s.noGateway(),
		s.strangers(), s.staleProxies(), s.turnedOff(), s.noRoot(), s.clocks(), s.outage(), s.otherRoot(), s.comes(), s.leaves(), s.credentialsLeadElsewhere(),
	}
}

// accessIsLost: tokens end with their grant, and with their account.
func (s *statusFaults) accessIsLost() []fault {
	return []fault{
		{name: "a grant is deleted", breaks: s.deleted(west1, "secret", "setup-mesh-grant-east-1"),
			finds: []string{"access/granted west-1/east-1", "discovery/credential-valid east-1/west-1"}},
		{name: "the account of a reader is deleted", breaks: s.deleted(east2, "serviceaccount", "istio-reader-service-account"),
			finds: []string{"access/reader east-2", "discovery/credential-valid east-1/east-2", "discovery/credential-valid west-1/east-2"}},
		{name: "the role of a reader is deleted", breaks: s.deleted(east1, "clusterrole", "istio-reader-clusterrole-istio-system"),
			finds: []string{"access/reader east-1", "discovery/credential-valid west-1/east-1"}},
	}
}

// credentialsLeadElsewhere: what counts is where a Secret leads, and not what it is called.
func (s *statusFaults) credentialsLeadElsewhere() []fault {
	return []fault{
		{name: "another cluster's credential is put in", finds: []string{"discovery/credential-cluster west-1/east-2", "discovery/credential-server west-1/east-2"},
			breaks: s.editedData(west1, "istio-remote-secret-east-2", func(t *testing.T, data map[string][]byte) {
				data["east-2"] = s.clusters[west1].secret(t, istioNamespace, "istio-remote-secret-east-1").Data["east-1"]
			})},
		{name: "a credential leads to a dead server", finds: []string{"discovery/credential-server west-1/east-1"},
			breaks: s.editedData(west1, "istio-remote-secret-east-1", func(_ *testing.T, data map[string][]byte) {
				data["east-1"] = bytes.Replace(data["east-1"], []byte(s.clusters[east1].config.Host), []byte("https://127.0.0.1:9"), 1)
			})},
		{name: "the binding of a reader is deleted", breaks: s.deleted(west1, "clusterrolebinding", "istio-reader-clusterrole-istio-system"),
			finds: []string{"access/reader west-1", "discovery/credential-valid east-1/west-1"}},
	}
}

// credentialsAreDamaged: istiod takes a cluster's name from the key in a Secret, and knows Secrets by their label.
func (s *statusFaults) credentialsAreDamaged() []fault {
	deletes := func(in, name string) func(*testing.T, string) {
		return func(t *testing.T, remedy string) {
			t.Helper()
			want := "kubectl --context " + in + " -n istio-system delete secret " + name + ", then setup-mesh apply"
			if remedy != want {
				t.Errorf("remedy %q, want %q", remedy, want)
			}
			s.deleted(in, "secret", name)(t)
		}
	}
	return []fault{
		{name: "a cluster is renamed in its Secret", finds: []string{"discovery/credential-cluster west-1/east-1"},
			breaks: s.editedData(west1, "istio-remote-secret-east-1", func(_ *testing.T, data map[string][]byte) {
				data["tsae-1"] = data["east-1"]
				delete(data, "east-1")
			}), mends: deletes(west1, "istio-remote-secret-east-1")},
		{name: "a Secret has one cluster more", finds: []string{"discovery/credential-cluster east-1/west-1"},
			breaks: s.editedData(east1, "istio-remote-secret-west-1", func(_ *testing.T, data map[string][]byte) { data["ghost"] = data["west-1"] }),
			mends:  deletes(east1, "istio-remote-secret-west-1")},
		{name: "a remote secret loses its label", finds: []string{"access/remote-secret west-1/east-2", "discovery/synced west-1/east-2"},
			breaks: s.patched(west1, "secret", "istio-remote-secret-east-2", `{"metadata":{"labels":{"istio/multiCluster":null}}}`)},
		{name: "a token is about to end", finds: []string{"discovery/credential-expires east-1/east-2"},
			breaks: s.patched(east1, "secret", "istio-remote-secret-east-2", `{"metadata":{"annotations":{"setup-mesh.io/issued":"2025-01-02T03:04:05Z","setup-mesh.io/not-after":"2026-01-02T03:04:05Z"}}}`)},
	}
}

func (s *statusFaults) webhooks() []fault {
	return []fault{
		{name: "the injector of a primary is deleted", breaks: s.deleted(east1, "injector", "istio-sidecar-injector"),
			finds: []string{"control-plane/webhooks east-1"}},
		{name: "the injector of a remote cluster is deleted", breaks: s.deleted(east2, "injector", "istio-sidecar-injector"),
			finds: []string{"control-plane/webhooks east-2"}},
		{name: "a validator is deleted", breaks: s.deleted(west1, "validator", "istio-validator-istio-system"),
			finds: []string{"control-plane/webhooks west-1"}},
		{name: "a remote secret is deleted", breaks: s.deleted(east1, "secret", "istio-remote-secret-west-1"),
			finds: []string{"access/remote-secret east-1/west-1"}},
	}
}

// changedWebhooks: one calls nobody, one is called for nothing.
func (s *statusFaults) changedWebhooks() []fault {
	return []fault{
		{name: "the injector calls another Service", finds: []string{"control-plane/webhooks east-2", "control-plane/injection east-2"},
			breaks: all(
				s.replaced(east2, "injector", "istio-sidecar-injector", "/webhooks/0/clientConfig/service/name", "nobody"),
				s.replaced(east2, "injector", "istio-sidecar-injector", "/webhooks/1/clientConfig/service/name", "nobody"),
				s.replaced(east2, "injector", "istio-sidecar-injector", "/webhooks/2/clientConfig/service/name", "nobody"),
				s.replaced(east2, "injector", "istio-sidecar-injector", "/webhooks/3/clientConfig/service/name", "nobody"),
			)},
		{name: "validators are called for nothing", finds: []string{"control-plane/webhooks west-1", "control-plane/validation west-1"},
			breaks: all(
				s.replaced(west1, "validator", "istio-validator-istio-system", "/webhooks/0/rules/0/operations", []string{"DELETE"}),
				s.replaced(west1, "validator", "istiod-default-validator", "/webhooks/0/rules/0/operations", []string{"DELETE"}),
			)},
		{name: "the Service of istiod selects nothing", finds: []string{"control-plane/service east-1"}, mayFind: []string{"control-plane/injection east-1", "control-plane/validation east-1"},
			breaks: s.patched(east1, "service", "istiod", `{"spec":{"selector":{"version":"v2"}}}`)},
	}
}

func (s *statusFaults) namespaces() []fault {
	return []fault{
		{name: "the network of a namespace is another", breaks: s.patched(west1, "namespace", istioNamespace, `{"metadata":{"labels":{"topology.istio.io/network":"network-east"}}}`),
			finds: []string{"control-plane/namespace west-1"}},
		{name: "a remote cluster does not say who leads in it", finds: []string{"control-plane/namespace east-2"},
			breaks: s.patched(east2, "namespace", istioNamespace, `{"metadata":{"annotations":{"topology.istio.io/controlPlaneClusters":null}}}`)},
		{name: "a namespace is not injected", breaks: s.patched(east1, "namespace", "shop", `{"metadata":{"labels":{"istio-injection":null}}}`),
			finds: []string{"injection/namespaces east-1"}},
		{name: "an injected namespace is deleted", breaks: s.deleted(west1, "namespace", "shop"), finds: []string{"injection/namespaces west-1"}},
	}
}

func (s *statusFaults) exposure() []fault {
	return []fault{
		{name: "the Gateway for other networks is deleted", breaks: s.deleted(west1, "gateway", "cross-network-gateway"), finds: []string{"gateway/exposed west-1"}},
		{name: "the Gateway for remote clusters is deleted", breaks: s.deleted(east1, "gateway", "istiod-gateway"), finds: []string{"gateway/exposed east-1"}},
		{name: "strict mutual TLS is deleted", breaks: s.deleted(east1, "peerauthentication", "default"), finds: []string{"control-plane/resources east-1"}},
		{name: "strict mutual TLS is relaxed", breaks: s.patched(west1, "peerauthentication", "default", `{"spec":{"mtls":{"mode":"PERMISSIVE"}}}`),
			finds: []string{"control-plane/resources west-1"}},
	}
}

func (s *statusFaults) configuration() []fault {
	return []fault{
		{name: "a ConfigMap loses a key", breaks: s.patched(west1, "configmap", "istio", `{"data":{"mesh":null}}`), finds: []string{"control-plane/configuration west-1"}},
		{name: "a role of istiod is deleted", breaks: s.deleted(east1, "clusterrole", "istiod-gateway-controller-istio-system"), finds: []string{"control-plane/configuration east-1"}},
		{name: "the route to istiod is deleted", breaks: s.deleted(east1, "virtualservice", "istiod-vs"), finds: []string{"gateway/exposed east-1"}},
		{name: "a CRD is deleted", breaks: s.deleted(west1, "crd", "wasmplugins.extensions.istio.io"), finds: []string{"control-plane/crds west-1"}},
		{name: "the gateway's Service is not of the network", finds: []string{"gateway/service east-1", "gateway/known east-1/east-1", "gateway/known west-1/east-1"},
			breaks: s.patched(east1, "service", "istio-eastwestgateway", `{"metadata":{"labels":{"topology.istio.io/network":null}}}`)},
	}
}

func (s *statusFaults) certificates() []fault {
	return []fault{
		{name: "an intermediate is deleted", breaks: s.deleted(west1, "secret", "cacerts"), finds: []string{"trust/certificate west-1"}},
		{name: "an intermediate is damaged", breaks: s.patched(east1, "secret", "cacerts", `{"data":{"ca-cert.pem":"bm8gY2VydGlmaWNhdGU="}}`), finds: []string{"trust/certificate east-1"}},
		{name: "the address of a primary is deleted", breaks: s.deleted(east2, "endpointslice", "istiod-east-1"),
			finds: []string{"control-plane/address east-2"}, mayFind: []string{"control-plane/injection east-2"}},
	}
}

func (s *statusFaults) workloadsAreGone() []fault {
	return []fault{
		{name: "an istiod is deleted", breaks: s.deleted(west1, "deployment", "istiod"), finds: []string{
			"istiod/running west-1", "control-plane/injection west-1", "control-plane/validation west-1", "discovery/synced west-1/east-1", "discovery/synced west-1/east-2"}},
		{name: "a gateway is deleted", breaks: s.deleted(east2, "deployment", "istio-eastwestgateway"), finds: []string{"gateway/running east-2"}},
		{name: "the Service of a remote cluster's istiod is deleted", breaks: s.deleted(east2, "service", "istiod"),
			finds: []string{"control-plane/service east-2"}, mayFind: []string{"control-plane/injection east-2", "control-plane/address east-2"}},
	}
}

// scaled carries out a remedy that is a line of kubectl's.
func (s *faultTable) scaled(in, name string) func(*testing.T, string) {
	return func(t *testing.T, remedy string) {
		t.Helper()
		if want := "kubectl --context " + in + " -n istio-system scale deployment " + name + " --replicas=1"; remedy != want {
			t.Errorf("remedy %q, want %q", remedy, want)
		}
		s.patched(in, "deployment", name, `{"spec":{"replicas":1}}`)(t)
	}
}

// wrongRoot is something else than the root that an istiod has written.
const wrongRoot = `{"data":{"root-cert.pem":"no certificate"}}`

// istiodsAreStopped: what an istiod sets right at once stays wrong where it does not run.
func (s *statusFaults) istiodsAreStopped() []fault {
	return []fault{
		{name: "an istiod is stopped", breaks: s.stopped(west1), mends: s.scaled(west1, "istiod"), finds: []string{
			"istiod/running west-1", "control-plane/injection west-1", "control-plane/validation west-1", "discovery/synced west-1/east-1", "discovery/synced west-1/east-2"}},
		{name: "the root of one namespace is another", breaks: func(t *testing.T) {
			s.patch(t, s.clusters[west1].dynamic.Resource(breakable["configmap"]).Namespace("shop"), "istio-ca-root-cert", types.MergePatchType, wrongRoot)
		}, finds: []string{"trust/root-in-namespaces west-1"}, mends: s.byItself("do first what istiod/running says of west-1")},
		{name: "a gateway is scaled to nothing", breaks: s.patched(east2, "deployment", "istio-eastwestgateway", `{"spec":{"replicas":0}}`),
			finds: []string{"gateway/running east-2"}, mends: s.scaled(east2, "istio-eastwestgateway")},
	}
}

// stopped scales an istiod to nothing, and waits until its process has ended.
func (s *faultTable) stopped(in string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		pid := s.clusters[in].mustIstiod(t).PID
		s.patched(in, "deployment", "istiod", `{"spec":{"replicas":0}}`)(t)
		eventually(t, in+": istiod has ended", func(ctx) error {
			// A pod that ends is no istiod of the cluster, and who listens at no port any more may still write what it leads in.
			err := syscall.Kill(pid, 0)
			return errorIf(!errors.Is(err, syscall.ESRCH), "process %d: %v", pid, err)
		})
	}
}

// byItself is a remedy that another one brings about: it says where to look.
func (s *faultTable) byItself(words string) func(*testing.T, string) {
	return func(t *testing.T, remedy string) {
		t.Helper()
		if !strings.Contains(remedy, words) {
			t.Errorf("%q is missing in the remedy %q", words, remedy)
		}
	}
}

// addresses: a load balancer gives a gateway none, and another one.
func (s *statusFaults) addresses() []fault {
	gateway := func(in string, kind lab.Gateway) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			if err := s.lab.SetGateway(t.Context(), in, kind); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []fault{
		{name: "a gateway has no address", breaks: gateway(east2, lab.GatewayPending), finds: []string{"gateway/address east-2"},
			mends: func(t *testing.T, remedy string) {
				s.byItself("describe service istio-eastwestgateway")(t, remedy)
				gateway(east2, lab.GatewayIP)(t)
			}},
		{name: "a gateway has another address", breaks: gateway(east1, lab.GatewayIP2), finds: []string{"control-plane/address east-2"}},
	}
}
