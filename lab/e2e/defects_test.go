package e2e

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// prepNames: 1.4 documented "prep" and knew only "prep-mesh". Both work, and what is there already stays.
func (f *faults) prepNames(t *testing.T) {
	f.run(t, 0, "prep-mesh", "--mesh-id", "mymeshname", "--org", "example.com")
	files := func() map[string]string {
		out := map[string]string{}
		for _, name := range []string{"topology.yaml", "base.yaml", ".gitignore", "certs/root-cert.pem", "certs/root-key.pem"} {
			out[name] = f.read(t, name)
		}
		return out
	}
	before := files()
	f.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	if diff := cmp.Diff(before, files()); diff != "" {
		t.Errorf("a second prep changed files (-before +after):\n%s", diff)
	}
}

// rootKey: 1.4 downloaded a Makefile for the root, and left the key open to all. Here no program and no network is in
// reach of prep ([user.command]).
func (f *faults) rootKey(t *testing.T) {
	for name, want := range map[string]os.FileMode{"certs": 0o700, "certs/root-key.pem": 0o600} {
		info, err := os.Stat(filepath.Join(f.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", name, got, want)
		}
	}
	if ignored := f.read(t, ".gitignore"); !strings.Contains(ignored, "key") {
		t.Errorf("git does not ignore keys:\n%s", ignored)
	}
}

// arn: 1.4 made targets of make out of contexts, and read topology.yaml with sed.
func (f *faults) arn(t *testing.T) {
	f.topology(t, inAlpha, `"`+prod+`":`, "    network: network-b", "    namespace: istio-mesh")
	var names []string
	for _, c := range f.planJSON(t, 2, "--detailed-exitcode").Clusters {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"alpha", "prod"}, names); diff != "" {
		t.Errorf("names derived from contexts (-want +got):\n%s", diff)
	}
}

// rendered: 1.4 wrote install.istio.io/v1alpah2.
func (f *faults) rendered(t *testing.T) {
	f.topology(t, inAlpha, inProd)
	dir := filepath.Join(f.home, "rendered")
	f.run(t, 0, "render", "--out-dir", dir)
	found := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if text := string(b); strings.Contains(text, "\nkind: IstioControlPlane\n") {
			found++
			if !strings.HasPrefix(text, "apiVersion: install.istio.io/v1alpha2\n") {
				t.Errorf("%s begins with %.80s", path, text)
			}
		}
		return err
	})
	if err != nil || found != 2 {
		t.Errorf("%d IstioControlPlanes were rendered, want 2: %v", found, err)
	}
}

// namespaceAlone: 1.4 took a cluster with a namespace istio-system for one with Istio in it.
func (f *faults) namespaceAlone(t *testing.T) {
	got := f.planJSON(t, 2, "--adopt", "--detailed-exitcode").changes()["alpha"]
	for _, want := range []string{"create Deployment istio-mesh/istiod", "update Namespace istio-mesh"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing in the plan of alpha:\n%s", want, strings.Join(got, "\n"))
		}
	}
}

// statusOf is a cluster's part of status -o json.
type statusOf struct {
	Name      string            `json:"name"`
	Gateway   string            `json:"gateway"`
	Drift     bool              `json:"drift"`
	Discovers map[string]string `json:"discovers"`
}

type status struct {
	Format   string     `json:"format"`
	Clusters []statusOf `json:"clusters"`
	Findings []finding  `json:"findings"`
}

// gatewayName: 1.4 read .ip, which the load balancers of AWS do not have. And the name of a cluster may be an ARN, which
// 1.4 made a target of make.
func (f *faults) gatewayName(t *testing.T) {
	want := status{Format: "setup-mesh.io/status/v1", Findings: []finding{}, Clusters: []statusOf{
		{Name: "alpha", Gateway: "203.0.113.1:15443", Discovers: map[string]string{"prod": "ok"}},
		{Name: "prod", Gateway: f.gatewayOf(t, prod) + ":15443", Discovers: map[string]string{"alpha": "ok"}},
	}}
	if diff := cmp.Diff(want, decode[status](t, f.run(t, 0, "status", "-o", "json"))); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	wantRemotes(t, f.clusters[alpha], []string{"prod"})
	wantRemotes(t, f.clusters[prod], []string{"alpha"})
}

// gatewayOf is the host name that the lab gives to gateways of a cluster.
func (f *faults) gatewayOf(t *testing.T, kubeContext string) string {
	t.Helper()
	members, err := f.lab.Clusters(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		if m.Context == kubeContext && strings.HasSuffix(m.Gateway, ".example.com") {
			return m.Gateway
		}
	}
	t.Fatalf("%s has no host name: %+v", kubeContext, members)
	return ""
}

// noTokenSecrets: 1.4 needed the Secret that Kubernetes made for each service account up to 1.23.
func (f *faults) noTokenSecrets(t *testing.T) {
	for name, c := range f.clusters {
		list, err := c.kube.CoreV1().Secrets("").List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list.Items {
			if s.Type == corev1.SecretTypeServiceAccountToken {
				t.Errorf("%s: Secret %s/%s holds a token that does not expire", name, s.Namespace, s.Name)
			}
		}
	}
}

// organization: in 1.4 it was known to prep only, and the intermediates of apply were of "Istio".
func (f *faults) organization(t *testing.T) {
	for name, c := range f.clusters {
		block, _ := pem.Decode(c.secret(t, "istio-mesh", "cacerts").Data["ca-cert.pem"])
		if block == nil {
			t.Fatalf("%s: ca-cert.pem is no PEM", name)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"example.com"}, cert.Subject.Organization); diff != "" {
			t.Errorf("%s: organization (-want +got):\n%s", name, diff)
		}
	}
}

// remoteSecrets: 1.4 never updated one that was there.
func (f *faults) remoteSecrets(t *testing.T) {
	const grant = "setup-mesh-grant-alpha"
	c := f.clusters[prod]
	if err := c.kube.CoreV1().Secrets("istio-mesh").Delete(context.Background(), grant, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	wantRevoked(t, stored(t, f.clusters[alpha], "istio-mesh", "prod"))
	r := f.run(t, 2, "status")
	wantWords(t, r, "discovery/credential-valid", "alpha", "prod")
	update := "update Secret istio-mesh/istio-remote-secret-prod"
	f.edited(t, map[string][]string{}, map[string][]string{"alpha": {update}, "prod": {"create Secret istio-mesh/" + grant}})
	f.wantRead(t, "127.0.0.1")

	f.editKubeconfig(t, func(k *api.Config) {
		server := &k.Clusters[k.Contexts[prod].Cluster].Server
		*server = strings.Replace(*server, "127.0.0.1", "localhost", 1)
	})
	f.edited(t, map[string][]string{}, map[string][]string{"alpha": {update}})
	f.wantRead(t, "localhost")
	f.useLabKubeconfig(t)
	f.run(t, 0, "apply", "--yes")
}

// wantRead wants alpha to read prod at the given host.
func (f *faults) wantRead(t *testing.T, host string) {
	t.Helper()
	config, err := clientcmd.RESTConfigFromKubeConfig(f.clusters[alpha].secret(t, "istio-mesh", "istio-remote-secret-prod").Data["prod"])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(config.Host, "https://"+host+":") {
		t.Errorf("alpha reads prod at %s, want %s", config.Host, host)
	}
	if err := listServices(stored(t, f.clusters[alpha], "istio-mesh", "prod")); err != nil {
		t.Error(err)
	}
	wantRemotes(t, f.clusters[alpha], []string{"prod"})
	f.run(t, 0, "status")
}

// unreadable: 1.4 took what it could not read for absent, and deleted the working secrets of a cluster that was down;
// and it did one cluster after the other, up to the first that failed.
func (f *faults) unreadable(t *testing.T) {
	ctx := context.Background()
	secret := f.clusters[alpha].secret(t, "istio-mesh", "istio-remote-secret-prod")
	foreign := f.clusters[alpha].secret(t, "istio-mesh", "istio-remote-secret-theirs")
	if err := f.lab.StopAPI(ctx, prod); err != nil {
		t.Fatal(err)
	}
	base := f.read(t, "base.yaml")
	f.write(t, "base.yaml", strings.Replace(base, "spec:\n  profile:", "spec:\n  meshConfig:\n    accessLogFile: /dev/stdout\n  profile:", 1))
	p := f.planJSON(t, 3)
	want := []string{"update ConfigMap istio-mesh/istio", "update ConfigMap istio-mesh/setup-mesh", "update ConfigMap istio-mesh/values"}
	if diff := cmp.Diff(map[string][]string{"alpha": want}, p.changes()); diff != "" {
		t.Errorf("planned changes (-want +got):\n%s", diff)
	}
	wantWords(t, f.run(t, 3, "apply", "--yes"), "prod", "not reached")
	if err := f.lab.StartAPI(ctx, prod); err != nil {
		t.Fatal(err)
	}
	for _, was := range []*corev1.Secret{secret, foreign} {
		if diff := cmp.Diff(was, f.clusters[alpha].secret(t, was.Namespace, was.Name)); diff != "" {
			t.Errorf("%s (-before +after):\n%s", was.Name, diff)
		}
	}
	got := f.planJSON(t, 2, "--detailed-exitcode").changes()
	if diff := cmp.Diff(map[string][]string{"prod": want}, got); diff != "" {
		t.Errorf("changes that are left (-want +got):\n%s", diff)
	}
	f.run(t, 0, "apply", "--yes")
	f.run(t, 0, "plan", "--detailed-exitcode")
}

var virtualServices = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: "virtualservices"}

// createVirtualService is something that a user made with Istio's CRDs.
func createVirtualService(t *testing.T, c *cluster) {
	t.Helper()
	mine := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": map[string]any{"name": "mine"},
		"spec": map[string]any{"hosts": []any{"a.example.com"}, "http": []any{map[string]any{
			"route": []any{map[string]any{"destination": map[string]any{"host": "b.example.com"}}}}}},
	}}
	if _, err := c.dynamic.Resource(virtualServices).Namespace("default").Create(context.Background(), mine, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// takeOut: 1.4 knew only namespace istio-system, deleted the CRDs with all that users had of them, and forgot clusters
// that were not in topology.yaml any more.
func (f *faults) takeOut(t *testing.T) {
	ctx, c := context.Background(), f.clusters[alpha]
	createVirtualService(t, c)
	f.topology(t, inAlpha, inProd)
	wantWords(t, f.run(t, 1, "teardown"), "--yes", "late", "--crds", "VirtualService default/mine")
	wantWords(t, f.run(t, 1, "teardown", "--yes"), "topology.yaml does not name: late", "--all-members")
	f.run(t, 0, "teardown", "--yes", "--all-members")
	f.wantAsBefore(t, prod)
	f.wantAsBefore(t, late)
	if _, err := c.dynamic.Resource(virtualServices).Namespace("default").Get(ctx, "mine", metav1.GetOptions{}); err != nil {
		t.Errorf("the user's VirtualService, after a teardown: %v", err)
	}
	if _, err := c.kube.AppsV1().Deployments("istio-mesh").Get(ctx, "istiod", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("istiod, after a teardown: %v", err)
	}
	// What was adopted went with the rest; the namespace, which was there before, did not.
	delete(f.before[alpha], "/ServiceAccount/istio-mesh/istiod")
	delete(f.before[alpha], "/ServiceAccount/istio-mesh/istio-reader-service-account")
	eventually(t, "alpha: as it was before, and with Istio's resources", func(ctx context.Context) error {
		after, err := c.snapshot(ctx)
		if err != nil {
			return err
		}
		maps.DeleteFunc(after, func(key, _ string) bool { return strings.Contains(key, ".istio.io") })
		diff := cmp.Diff(f.before[alpha], after)
		return errorIf(diff != "", "objects (-before +after):\n%s", diff)
	})
	wantWords(t, f.run(t, 0, "teardown", "--yes"), "Nothing to change.", "VirtualService default/mine")
	// The CRDs have outlived the record, and are found all the same.
	f.run(t, 0, "teardown", "--yes", "--crds")
	after, err := c.snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.before[alpha], after); diff != "" {
		t.Errorf("alpha, after a teardown with --crds (-before +after):\n%s", diff)
	}
}
