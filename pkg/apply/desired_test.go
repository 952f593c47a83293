package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

func wantedOf(t *testing.T, mesh, base string) desired.Wanted {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", []byte(mesh), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.ParseBase("base.yaml", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	return desired.Wanted{Mesh: m, Base: b, Root: testRoot()}
}

// TestNewDesired renders two networks with the real charts.
func TestNewDesired(t *testing.T) {
	const strict = TestBase + "  values: {global: {mtls: {enabled: true}}}\n"
	d, err := NewDesired(wantedOf(t, twoClusters, strict), charts.New())
	if err != nil {
		t.Fatal(err)
	}
	east := d.Clusters[0]
	if !slices.Equal(east.Reads, []string{"west"}) || !east.Gateway || !east.Joined {
		t.Errorf("east reads %v, gateway %v, joined %v", east.Reads, east.Gateway, east.Joined)
	}
	parts := map[string]order.Part{}
	components := map[string]order.Component{}
	seen := map[object.Ref]bool{}
	for _, it := range east.Items {
		if seen[it.Ref] {
			t.Errorf("%s is wanted twice", it.Ref)
		}
		seen[it.Ref] = true
		if it.Object.GetLabels()[object.LabelMesh] != "m" || it.Hash == "" {
			t.Errorf("%s: labels %v, hash %q", it.Ref, it.Object.GetLabels(), it.Hash)
		}
		parts[it.Ref.String()], components[it.Ref.String()] = it.Part, it.Component
	}
	want := map[string]order.Part{
		"Namespace istio-system":                        order.Namespace,
		"Secret istio-system/cacerts":                   order.Trust,
		"Deployment istio-system/istiod":                order.Control,
		"Deployment istio-system/istio-ingressgateway":  order.Gateways,
		"Deployment istio-system/istio-eastwestgateway": order.Gateways,
		"Service istio-system/istio-eastwestgateway":    order.Front,
		"Gateway istio-system/cross-network-gateway":    order.Mesh,
		"PeerAuthentication istio-system/default":       order.Mesh,
		"Secret istio-system/setup-mesh-grant-west":     order.Grant,
		"Secret istio-system/istio-remote-secret-west":  order.Credential,
	}
	for ref, part := range want {
		if got, ok := parts[ref]; !ok || got != part {
			t.Errorf("%s: there %v, part %q, want %q", ref, ok, got, part)
		}
	}
	for ref, comp := range map[string]order.Component{
		"Deployment istio-system/istio-eastwestgateway": order.Gateway, "Deployment istio-system/istio-ingressgateway": order.ControlPlane,
		"Gateway istio-system/cross-network-gateway": order.Gateway, "Secret istio-system/cacerts": order.Certificate,
		"Secret istio-system/setup-mesh-grant-west": order.RemoteAccess, "ServiceAccount istio-system/istio-reader-service-account": order.ControlPlane,
	} {
		if components[ref] != comp {
			t.Errorf("%s is part of %q, want %q", ref, components[ref], comp)
		}
	}
	// CRDs are the same for all clusters, and are held once.
	for i, it := range east.Items {
		if object.IsCRD(it.Ref) && d.Clusters[1].Items[i] != it {
			t.Errorf("%s is held twice", it.Ref)
		}
	}
}

func TestNewDesiredOneNetwork(t *testing.T) {
	d := WantedMesh(t, OneNetwork, TestBase)
	var reads [][]string
	for _, c := range d.Clusters {
		reads = append(reads, c.Reads)
		for _, it := range c.Items {
			if it.Component == order.Gateway || it.Ref.Name == "default" {
				t.Errorf("%s wants %s", c.Member.Name, it.Ref)
			}
		}
	}
	if diff := cmp.Diff([][]string{{"b"}, {"a"}, nil}, reads); diff != "" {
		t.Errorf("who reads whom (-want +got):\n%s", diff)
	}
	other := WantedMesh(t, "mesh_id: m\ncontexts: {a: {network: n, serviceAccountReader: mine}, b: {network: n}}\n", TestBase)
	itemOf(t, other.Clusters[0], object.Ref{Kind: "ServiceAccount", Namespace: "istio-system", Name: "mine"})
	if late := itemOf(t, other.Clusters[1], object.SecretRef("istio-system", object.RemoteSecretPrefix+"a")).Late.(*desired.RemoteAccess); late.Account != "mine" || late.Consumer != "b" {
		t.Errorf("b reads a as %s for %s", late.Account, late.Consumer)
	}
}

// A mistake in base.yaml is one mistake, however many clusters share it.
func TestNewDesiredMistakes(t *testing.T) {
	_, err := NewDesired(wantedOf(t, twoClusters, TestBase+"  values:\n    pilot: {traceSampling: lots}\n"), charts.New())
	var problems topology.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error: %v", err)
	}
	want := topology.Problems{{
		Position: topology.Position{File: "base.yaml", Line: 6, Column: 13}, Path: "spec.values.pilot.traceSampling",
		Message: `must be a number, not the string "lots"`, Hint: "write digits, without quotes",
	}}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestDesiredDigest checks what makes a saved plan another one.
func TestDesiredDigest(t *testing.T) {
	digest := func(d *desired.Desired, release string) string {
		t.Helper()
		sum, err := d.Digest(release)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	same := digest(WantedMesh(t, OneNetwork, TestBase), "v1")
	if again := digest(WantedMesh(t, OneNetwork, TestBase), "v1"); again != same {
		t.Error("the same files have two digests")
	}
	served := func(how string) string { // where tokens of its clusters are sent to
		return "mesh_id: m\ncontexts: {kind-a: {network: n, name: a, apiServer: {" + how + "}}, kind-b: {network: n, name: b}, kind-c: {network: n, name: c, disableRegistryJoin: true}}\n"
	}
	rotated := WantedMesh(t, OneNetwork, TestBase)
	rotated.Root = otherRoot()
	keyless := WantedMesh(t, OneNetwork, TestBase)
	keyless.Root = withoutKey(t, testRoot())
	if digest(keyless, "v1") != same {
		t.Error("whether the root key is there changes the digest")
	}
	for name, got := range map[string]string{
		"another release":        digest(WantedMesh(t, OneNetwork, TestBase), "v2"),
		"another root":           digest(rotated, "v1"),
		"another topology":       digest(WantedMesh(t, twoClusters, TestBase), "v1"),
		"strict mutual TLS":      digest(WantedMesh(t, OneNetwork, TestBase+"  values: {global: {mtls: {enabled: true}}}\n"), "v1"),
		"nobody discovers":       digest(WantedMesh(t, "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}, kind-b: {network: n, name: b, disableRegistryJoin: true}, kind-c: {network: n, name: c, disableRegistryJoin: true}}\n", TestBase), "v1"),
		"another trust domain":   digest(WantedMesh(t, "trust_domain: example.com\n"+OneNetwork, TestBase), "v1"),
		"another API server":     digest(WantedMesh(t, served("server: 'https://192.0.2.1'"), TestBase), "v1"),
		"another server name":    digest(WantedMesh(t, served("tlsServerName: example.com"), TestBase), "v1"),
		"a cluster less":         digest(WantedMesh(t, "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}}\n", TestBase), "v1"),
		"a context of that name": digest(WantedMesh(t, "mesh_id: m\ncontexts: {kind-x: {network: n, name: a}, kind-b: {network: n, name: b}, kind-c: {network: n, name: c, disableRegistryJoin: true}}\n", TestBase), "v1"),
	} {
		if got == same {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}

func TestDeparting(t *testing.T) {
	w := wantedOf(t, twoClusters, TestBase)
	d := desired.Departing(w.Mesh)
	want := []record.Member{
		{Name: "east", Context: "kind-east", Network: "n1", Namespace: "istio-system", Role: record.RolePrimary},
		{Name: "west", Context: "kind-west", Network: "n2", Namespace: "istio-system", Role: record.RolePrimary},
	}
	var got []record.Member
	for _, c := range d.Clusters {
		if len(c.Items) > 0 {
			t.Errorf("%s is to hold %v", c.Member.Name, c.Items)
		}
		got = append(got, c.Member)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

// TestRemoteStaysSmall renders a remote cluster for every profile that its
// primaries may have.
func TestRemoteStaysSmall(t *testing.T) {
	small := []string{
		"ClusterRole istio-reader-clusterrole-istio-system", "ClusterRoleBinding istio-reader-clusterrole-istio-system",
		"MutatingWebhookConfiguration istio-sidecar-injector", "Namespace istio-system",
	}
	const everything = `
  meshConfig: {accessLogFile: /dev/stdout}
  components:
    base: {k8s: {overlays: []}}
    pilot: {k8s: {replicaCount: 2}}
  values:
    configMap: true
    telemetry: {enabled: true}
    gatewayClasses: {istio: {deployment: {}}}
    pilot: {env: {A: b}}
    profile: demo
    global: {externalIstiod: true, omitSidecarInjectorConfigMap: false, resourceScope: all, mtls: {enabled: true}}
    security: {selfSigned: false}
  unvalidatedValues: {istiodRemote: {enabled: false}, pilot: {env: {C: d}}, profile: demo}
`
	r := charts.New()
	for _, profile := range []string{"default", "default" + everything, "demo", "minimal", "preview", "stable", "openshift"} {
		name, rest, _ := strings.Cut(profile, "\n")
		t.Run(fmt.Sprintf("profile %s, %d more lines", name, strings.Count(rest, "\n")), func(t *testing.T) {
			w := wantedOf(t, sharedControlPlane, strings.Replace(TestBase, "default", profile, 1))
			w.Mesh.Clusters = w.Mesh.Clusters[1:2] // the charts check a primary's copy otherwise
			d, err := NewDesired(w, r)
			if err != nil {
				t.Fatal(err)
			}
			var got, plugin []string
			for _, it := range d.Clusters[0].Items {
				if it.Component == order.ControlPlane {
					got = append(got, it.Ref.String())
				}
				if strings.HasPrefix(it.Ref.Name, "istio-cni") && (it.Ref.Kind == "ConfigMap" || it.Ref.Kind == "DaemonSet") {
					plugin = append(plugin, it.Ref.String())
				}
			}
			slices.Sort(got)
			slices.Sort(plugin)
			if profile == "openshift" {
				got = slices.DeleteFunc(got, func(ref string) bool { return strings.Contains(ref, "istio-cni") })
				if diff := cmp.Diff([]string{"ConfigMap kube-system/istio-cni-config", "DaemonSet kube-system/istio-cni-node"}, plugin); diff != "" {
					t.Errorf("network plugin (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(small, got); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}
