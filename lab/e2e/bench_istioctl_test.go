package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/lab"
)

// BenchmarkPrimaryRemote times how one primary and one remote cluster on two networks come about, and what it costs to
// say so again when nothing is to change: by setup-mesh, and as Istio's guide has it with istioctl and kubectl, one
// command after the other. Each has two fresh clusters, and is done when a pod of the remote cluster is injected.
// https://istio.io/latest/docs/setup/install/multicluster/primary-remote_multi-network/
func BenchmarkPrimaryRemote(b *testing.B) {
	needsLab(b)
	program := istioctl(b)
	for b.Loop() {
		ours, again := setupMeshPrimaryRemote(b)
		theirs, theirsAgain := guidePrimaryRemote(b, program)
		report(b, "first", ours, theirs)
		report(b, "nothing-to-change", again, theirsAgain)
	}
	b.ReportMetric(0, "ns/op") // of both together: it says nothing
}

func report(b *testing.B, name string, ours, theirs time.Duration) {
	b.ReportMetric(ours.Seconds(), name+"-s")
	b.ReportMetric(theirs.Seconds(), name+"-istioctl-s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), name+"-ratio")
	fmt.Fprintf(os.Stderr, "%-24s %-18s setup-mesh %6.2f s, istioctl %6.2f s: %.1f times as long\n",
		b.Name(), name, ours.Seconds(), theirs.Seconds(), theirs.Seconds()/ours.Seconds())
}

// istioctl is that of the release under test, which only this benchmark needs.
func istioctl(b *testing.B) string {
	path, err := filepath.Abs("../../bin/lab-parts/istioctl")
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		b.Fatalf("%v: bin/lab build --bench builds it", err)
	}
	return path
}

const (
	cluster1, cluster2 = "cluster1", "cluster2"
	istioNamespace     = "istio-system"
)

func setupMeshPrimaryRemote(b *testing.B) (first, again time.Duration) {
	b.Helper()
	l := startLab(b, lab.Options{Contexts: []string{cluster1, cluster2}})
	u := newUser(b, l.Kubeconfig())
	u.run(b, 0, "prep", "--mesh-id", "mesh1", "--org", "example.com")
	u.topology(b, cluster1+": {network: network1}", cluster2+": {network: network2, primaries: ["+cluster1+"]}")
	remote := openCluster(b, l, cluster2)
	start := time.Now()
	u.run(b, 0, "apply", "--yes")
	waitInjected(b, remote)
	first = time.Since(start)
	start = time.Now()
	u.run(b, 0, "apply", "--yes")
	return first, time.Since(start)
}

// waitInjected waits until a pod of c would be injected.
func waitInjected(b *testing.B, c *cluster) {
	b.Helper()
	pod := helloPod()
	pod.Labels["sidecar.istio.io/inject"] = "true"
	eventually(b, c.context+": a pod is injected", func(ctx context.Context) error {
		made, err := c.kube.CoreV1().Pods("default").Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return err
		}
		all := append(slices.Clone(made.Spec.InitContainers), made.Spec.Containers...)
		return errorIf(!slices.ContainsFunc(all, func(c corev1.Container) bool { return c.Name == "istio-proxy" }), "it is not")
	})
}

// A guide is Istio's, followed word by word.
type guide struct {
	b        *testing.B
	program  string
	lab      *lab.Lab
	dir      string
	clusters map[string]*cluster
}

func guidePrimaryRemote(b *testing.B, program string) (first, again time.Duration) {
	b.Helper()
	l := startLab(b, lab.Options{Contexts: []string{cluster1, cluster2}})
	g := &guide{b: b, program: program, lab: l, dir: b.TempDir(), clusters: map[string]*cluster{}}
	for _, context := range []string{cluster1, cluster2} {
		g.clusters[context] = openCluster(b, l, context)
	}
	ca := throwawayCA(b)
	start := time.Now()
	for context, c := range g.clusters {
		g.namespace(context, map[string]string{"topology.istio.io/network": "network" + context[len(context)-1:]})
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "cacerts"}, Data: ca}
		if _, err := c.kube.CoreV1().Secrets(istioNamespace).Create(b.Context(), secret, metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	g.follow()
	waitInjected(b, g.clusters[cluster2])
	first = time.Since(start)
	start = time.Now()
	g.follow()
	return first, time.Since(start)
}

// follow does the steps of the guide after its "before you begin".
func (g *guide) follow() {
	g.install(cluster1, operator(`    global:
      meshID: mesh1
      multiCluster: {clusterName: cluster1}
      network: network1
      externalIstiod: true
`, ""))
	g.install(cluster1, eastWest("network1"))
	address := g.address()
	g.apply(cluster1, exposeIstiod)
	g.apply(cluster1, exposeServices)
	note := []byte(`{"metadata":{"annotations":{"topology.istio.io/controlPlaneClusters":"cluster1"}}}`)
	if _, err := g.clusters[cluster2].kube.CoreV1().Namespaces().Patch(g.b.Context(), istioNamespace, types.MergePatchType, note, metav1.PatchOptions{}); err != nil {
		g.b.Fatal(err)
	}
	g.install(cluster2, operator(`    istiodRemote: {injectionPath: /inject/cluster/cluster2/net/network2}
    global: {remotePilotAddress: `+address+`}
`, "  profile: remote\n"))
	g.apply(cluster1, g.istioctl("create-remote-secret", "--context", cluster2, "--name", cluster2))
	g.install(cluster2, eastWest("network2"))
}

func operator(values, spec string) string {
	name := ""
	if strings.Contains(spec, "profile: empty") {
		name = "metadata: {name: eastwest}\n"
	}
	return "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n" + name + "spec:\n" + spec + "  values:\n" + values
}

// eastWest is what samples/multicluster/gen-eastwest-gateway.sh --network prints.
func eastWest(network string) string {
	return operator(`    gateways: {istio-ingressgateway: {injectionTemplate: gateway}}
    global: {network: `+network+`}
`, `  profile: empty # in an installation of its own, by the name in metadata
  components:
    ingressGateways:
    - name: istio-eastwestgateway
      label: {istio: eastwestgateway, app: istio-eastwestgateway, topology.istio.io/network: `+network+`}
      enabled: true
      k8s:
        env: [{name: ISTIO_META_REQUESTED_NETWORK_VIEW, value: `+network+`}]
        service:
          ports:
          - {name: status-port, port: 15021, targetPort: 15021}
          - {name: tls, port: 15443, targetPort: 15443}
          - {name: tls-istiod, port: 15012, targetPort: 15012}
          - {name: tls-webhook, port: 15017, targetPort: 15017}
`)
}

// exposeIstiod and exposeServices are samples/multicluster/expose-istiod.yaml and expose-services.yaml.
const (
	exposeIstiod = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istiod-gateway}
spec:
  selector: {istio: eastwestgateway}
  servers:
  - {port: {name: tls-istiod, number: 15012, protocol: tls}, tls: {mode: PASSTHROUGH}, hosts: ["*"]}
  - {port: {name: tls-istiodwebhook, number: 15017, protocol: tls}, tls: {mode: PASSTHROUGH}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: istiod-vs}
spec:
  hosts: ["*"]
  gateways: [istiod-gateway]
  tls:
  - {match: [{port: 15012, sniHosts: ["*"]}], route: [{destination: {host: istiod.istio-system.svc.cluster.local, port: {number: 15012}}}]}
  - {match: [{port: 15017, sniHosts: ["*"]}], route: [{destination: {host: istiod.istio-system.svc.cluster.local, port: {number: 443}}}]}
`
	exposeServices = `apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: cross-network-gateway}
spec:
  selector: {istio: eastwestgateway}
  servers:
  - {port: {number: 15443, name: tls, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: ["*.local"]}
`
)

func (g *guide) install(context, operator string) {
	g.b.Helper()
	file := filepath.Join(g.dir, "operator.yaml")
	if err := os.WriteFile(file, []byte(operator), 0o600); err != nil {
		g.b.Fatal(err)
	}
	g.istioctl("install", "--context", context, "-y", "-f", file, "--set", "hub=docker.io/istio", "--set", "tag=1.31.0")
}

func (g *guide) istioctl(args ...string) string {
	g.b.Helper()
	ctx, cancel := context.WithTimeout(g.b.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.program, append([]string{"--kubeconfig", g.lab.Kubeconfig()}, args...)...)
	cmd.Env = []string{"HOME=" + g.dir, "PATH=/nonexistent"}
	start := time.Now()
	out, err := cmd.Output()
	g.b.Logf("istioctl %s: %.1f s", strings.Join(args[:min(3, len(args))], " "), time.Since(start).Seconds())
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		g.b.Fatalf("istioctl %s: %v\n%s%s", strings.Join(args, " "), err, out, exit.Stderr)
	}
	if err != nil {
		g.b.Fatal(err)
	}
	return string(out)
}

// namespace is kubectl create namespace, and label.
func (g *guide) namespace(context string, labels map[string]string) {
	g.b.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: istioNamespace, Labels: labels}}
	if _, err := g.clusters[context].kube.CoreV1().Namespaces().Create(g.b.Context(), ns, metav1.CreateOptions{}); err != nil {
		g.b.Fatal(err)
	}
}

// address waits for that of cluster1's east-west gateway.
func (g *guide) address() string {
	g.b.Helper()
	var address string
	eventually(g.b, "address of the east-west gateway", func(ctx context.Context) error {
		s, err := g.clusters[cluster1].kube.CoreV1().Services(istioNamespace).Get(ctx, "istio-eastwestgateway", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if len(s.Status.LoadBalancer.Ingress) == 0 {
			return errors.New("it has none")
		}
		address = s.Status.LoadBalancer.Ingress[0].IP
		return nil
	})
	return address
}

// apply is kubectl apply of some documents into Istio's namespace.
func (g *guide) apply(context, documents string) {
	g.b.Helper()
	plurals := map[string]string{"Gateway": "gateways", "VirtualService": "virtualservices", "Secret": "secrets"}
	for document := range strings.SplitSeq(documents, "\n---\n") {
		var o unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
			g.b.Fatal(err)
		}
		if len(o.Object) == 0 {
			continue // what follows a "---" at the end
		}
		gv, err := schema.ParseGroupVersion(o.GetAPIVersion())
		if err != nil {
			g.b.Fatal(err)
		}
		_, err = g.clusters[context].dynamic.Resource(gv.WithResource(plurals[o.GetKind()])).Namespace(istioNamespace).
			Apply(g.b.Context(), o.GetName(), &o, metav1.ApplyOptions{FieldManager: "kubectl", Force: true})
		if err != nil {
			g.b.Fatal(err)
		}
	}
}

// throwawayCA is cacerts as the guide has both clusters hold it: an intermediate under a root.
func throwawayCA(b *testing.B) map[string][]byte {
	b.Helper()
	sign := func(cn string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: cn, Organization: []string{"example.com"}},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour * 24),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
			DNSNames: []string{"istiod.istio-system.svc"},
		}
		if parent == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			b.Fatal(err)
		}
		return parseCertificate(b, der), key
	}
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	root, rootKey := sign("root", nil, nil)
	ca, key := sign("intermediate", root, rootKey)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	rootPEM, caPEM := encode("CERTIFICATE", root.Raw), encode("CERTIFICATE", ca.Raw)
	return map[string][]byte{
		"ca-cert.pem": caPEM, "ca-key.pem": encode("EC PRIVATE KEY", der), "root-cert.pem": rootPEM, "cert-chain.pem": append(slices.Clone(caPEM), rootPEM...),
	}
}
