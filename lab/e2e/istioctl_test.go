package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/setup-mesh/setup-mesh/lab"
)

// A guide is somebody who makes a mesh of one primary and one remote cluster as Istio documents it, with istioctl, and
// without a pause between two steps. What the documentation does with kubectl are single requests here: no program is
// started for them, and nothing is discovered first.
// https://istio.io/latest/docs/setup/install/multicluster/primary-remote_multi-network/
type guide struct {
	*user // whose program is istioctl
	twoClusters
	samples  string // directory
	cacerts  map[string][]byte
	requests int64 // sent so far

	// named is unlike the documentation: there, only the IstioOperators of the gateways have a name, and those of the
	// clusters prune whatever has any. https://github.com/istio/istio/blob/1.31.0/operator/pkg/install/install.go
	named bool
}

// An istio is what a guide needs of a release of Istio: istioctl, and the directory of its samples.
type istio struct{ istioctl, samples string }

// findIstio finds the release that the lab runs.
func findIstio(t testing.TB) istio {
	t.Helper()
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	source, err := lab.Source(cwd)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(lab.DefaultParts(source), "istioctl")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("find istioctl: %v: lab build --bench builds it", err)
	}
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/istio")
	cmd.Dir, cmd.Env = filepath.Join(source, "parts", "istio"), append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	module, err := cmd.Output()
	if err != nil {
		t.Fatalf("find the module of Istio: %v", err)
	}
	return istio{program, filepath.Join(strings.TrimSpace(string(module)), "samples", "multicluster")}
}

// newGuide gives the primary a CA with these cacerts, which somebody has made before.
func newGuide(t testing.TB, c twoClusters, of istio, cacerts map[string][]byte) *guide {
	t.Helper()
	g := &guide{user: newUser(t, c.lab.Kubeconfig()), twoClusters: c, samples: of.samples, cacerts: cacerts}
	g.program = of.istioctl
	return g
}

// follow takes all steps of the guide, in its order, and says how long each took. The remote cluster gets no cacerts:
// nothing there would read them.
func (g *guide) follow(t testing.TB) {
	t.Helper()
	for _, s := range []struct {
		name string
		run  func(testing.TB)
	}{
		{"cacerts", g.trust},
		{"install primary", g.installPrimary},
		{"gateway of primary", func(t testing.TB) { g.installGateway(t, g.primary, "network-1") }},
		{"expose istiod", func(t testing.TB) { g.applySample(t, "expose-istiod.yaml") }},
		{"install remote", g.installRemote},
		{"remote secret", g.attach},
		{"gateway of remote", func(t testing.TB) { g.installGateway(t, g.remote, "network-2") }},
		{"expose services", func(t testing.TB) { g.applySample(t, "expose-services.yaml") }},
	} {
		start, before := time.Now(), g.requests
		s.run(t)
		fmt.Fprintf(os.Stderr, "    %-20s %6.2f s %5d requests\n", s.name, time.Since(start).Seconds(), g.requests-before)
	}
}

// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
func (g *guide) trust(t testing.TB) {
	g.apply(t, g.primary, []byte(`{apiVersion: v1, kind: Namespace, metadata: {name: istio-system,
  labels: {topology.istio.io/network: network-1}}}`))
	secret, err := json.Marshal(corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Name: "cacerts"}, Data: g.cacerts,
	})
	if err != nil {
		t.Fatal(err)
	}
	g.apply(t, g.primary, secret)
}

func (g *guide) installPrimary(t testing.TB) {
	g.install(t, g.primary, []byte(g.operator("primary")+`
spec:
  values:
    global:
      meshID: mymeshname
      multiCluster:
        clusterName: `+nameOf(g.primary.context)+`
      network: network-1
      externalIstiod: true
`))
}

// operator is how an IstioOperator begins.
func (g *guide) operator(name string) string {
	begin := "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator"
	if g.named {
		begin += "\nmetadata: {name: " + name + "}"
	}
	return begin
}

// installGateway returns when the gateway has an address.
func (g *guide) installGateway(t testing.TB, c *cluster, network string) {
	operator, err := exec.Command("bash", filepath.Join(g.samples, "gen-eastwest-gateway.sh"), "--network", network).Output()
	if err != nil {
		t.Fatalf("gen-eastwest-gateway.sh: %v", err)
	}
	g.install(t, c, operator)
	eventually(t, c.context+": address of the gateway", func(ctx context.Context) error {
		_, err := g.address(ctx, c)
		return err
	})
}

func (g *guide) address(ctx context.Context, c *cluster) (string, error) {
	g.requests++
	s, err := c.kube.CoreV1().Services("istio-system").Get(ctx, "istio-eastwestgateway", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if in := s.Status.LoadBalancer.Ingress; len(in) > 0 && in[0].IP != "" {
		return in[0].IP, nil
	}
	return "", errors.New("the load balancer is pending")
}

func (g *guide) installRemote(t testing.TB) {
	g.apply(t, g.remote, []byte(`{apiVersion: v1, kind: Namespace, metadata: {name: istio-system,
  annotations: {topology.istio.io/controlPlaneClusters: `+nameOf(g.primary.context)+`},
  labels: {topology.istio.io/network: network-2}}}`))
	address, err := g.address(t.Context(), g.primary)
	if err != nil {
		t.Fatal(err)
	}
	g.install(t, g.remote, []byte(g.operator("remote")+`
spec:
  profile: remote
  values:
    istiodRemote:
      injectionPath: /inject/cluster/`+nameOf(g.remote.context)+`/net/network-2
    global:
      remotePilotAddress: `+address+`
`))
}

func (g *guide) attach(t testing.TB) {
	secret := g.istioctl(t, nil, "create-remote-secret", "--context", g.remote.context, "--name", nameOf(g.remote.context))
	g.apply(t, g.primary, secret)
}

// install takes the charts and images of the release that the lab runs.
func (g *guide) install(t testing.TB, c *cluster, operator []byte) {
	t.Helper()
	g.istioctl(t, operator, "install", "--context", c.context, "--skip-confirmation",
		"--set", "hub=docker.io/istio", "--set", "tag=1.31.0", "-f", "-")
}

// istioctl returns what istioctl prints, and counts the requests that it logs.
func (g *guide) istioctl(t testing.TB, stdin []byte, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := g.command(ctx, append(args, "--vklog=6")...)
	cmd.Stdin = bytes.NewReader(stdin)
	r := wantCode(t, 0, g.do(t, cmd))
	var out bytes.Buffer
	for line := range strings.Lines(r.stdout) {
		switch {
		case strings.Contains(line, "\tklog\tResponse\t"):
			g.requests++
		case !strings.Contains(line, "\tklog\t"):
			out.WriteString(line)
		}
	}
	return out.Bytes()
}

func (g *guide) applySample(t testing.TB, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.samples, name))
	if err != nil {
		t.Fatal(err)
	}
	g.apply(t, g.primary, text)
}

// apply is kubectl apply --server-side of objects in istio-system.
func (g *guide) apply(t testing.TB, c *cluster, manifests []byte) {
	t.Helper()
	for in := yaml.NewDecoder(bytes.NewReader(manifests)); ; {
		var o unstructured.Unstructured
		if err := in.Decode(&o.Object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		} else if o.Object == nil { // after the last "---"
			continue
		}
		content, err := json.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		g.requests++
		_, err = c.resource(o.GroupVersionKind()).Patch(t.Context(), o.GetName(), types.ApplyPatchType, content,
			metav1.PatchOptions{FieldManager: "kubectl"})
		if err != nil {
			t.Fatalf("%s: %v", c.context, err)
		}
	}
}

// resource is where objects of a kind are, those that have a namespace in istio-system. Its name is guessed.
func (c *cluster) resource(kind schema.GroupVersionKind) dynamic.ResourceInterface {
	all := c.dynamic.Resource(kind.GroupVersion().WithResource(strings.ToLower(kind.Kind) + "s"))
	if kind.Kind == "Namespace" {
		return all
	}
	return all.Namespace("istio-system")
}
