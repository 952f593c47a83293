package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/applytest"
	"github.com/setup-mesh/setup-mesh/pkg/apply/compare"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// canaries are secrets, by where they were put.
type canaries map[string]string

// new is another secret: no rule knows its looks.
func (c canaries) new(where string) string {
	s := fmt.Sprintf("canary-%d-Xq7ZtV", len(c))
	c[where] = s
	return s
}

// jwt is a token whose signature is a canary.
func (c canaries) jwt(where string) string {
	return "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0." + c.new(where)
}

// key is a private key that has a canary in it.
func (c canaries) key(where string) string {
	return "-----BEGIN PRIVATE KEY-----\n" + c.new(where) + "\n-----END PRIVATE KEY-----\n"
}

// found are the places whose canary is in text, as it is or encoded.
func (c canaries) found(text []byte) []string {
	var out []string
	for where, s := range c {
		for form, encoded := range encodings(s) {
			if bytes.Contains(text, []byte(encoded)) {
				out = append(out, where+form)
			}
		}
	}
	return out
}

// encodings of s: in base64, it looks different after one byte, two or none.
func encodings(s string) map[string]string {
	out := map[string]string{"": s, " in hex": hex.EncodeToString([]byte(s))}
	for i := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", i) + s))
		out[fmt.Sprintf(" in base64, at %d", i)] = strings.TrimRight(encoded[4:len(encoded)-4], "=")
	}
	return out
}

const ns = "istio-system"

func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root of m"}, NotBefore: time.Unix(0, 0), NotAfter: time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// fill puts objects into a cluster that hold a canary wherever a secret could be.
func fill(t *testing.T, c *applytest.Cluster, hide canaries) {
	t.Helper()
	secret := func(name string, data map[string]string) *unstructured.Unstructured {
		encoded := map[string]any{}
		for key, value := range data {
			encoded[key] = base64.StdEncoding.EncodeToString([]byte(value))
		}
		return object.New("v1", "Secret", ns, name, nil, map[string]any{"type": "Opaque", "data": encoded})
	}
	kubeconfig := "clusters: [{name: west, cluster: {server: 'https://west:6443'}}]\nusers: [{name: west, user: {token: " + hide.jwt("kubeconfig token") +
		", password: " + hide.new("kubeconfig password") + ", client-key-data: " + base64.StdEncoding.EncodeToString([]byte(hide.key("kubeconfig client-key"))) + "}}]\n"
	env := []any{
		map[string]any{"name": "PILOT_TRACE_SAMPLING", "value": "1"},
		map[string]any{"name": "PILOT_API_TOKEN", "value": hide.new("variable whose name says it")},
		map[string]any{"name": "INNOCENT", "value": hide.new("variable of others")},
		map[string]any{"name": "ISTIO_PROXY", "value": "http://user:" + hide.new("variable with a URL") + "@proxy"},
		map[string]any{"name": "FROM", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "s", "key": "k"}}},
	}
	pod := map[string]any{"containers": []any{map[string]any{
		"name": "discovery", "image": "pilot:1.31.0", "env": env,
		"args": []any{"--password=" + hide.new("argument")}, "command": []any{hide.new("command")},
	}}}
	for _, o := range []*unstructured.Unstructured{
		object.New("v1", "Namespace", "", ns, map[string]any{"labels": map[string]any{"topology.istio.io/network": "n"}}, nil),
		object.New("v1", "Namespace", "", "somebody-elses", nil, nil),
		secret("cacerts", map[string]string{"ca-key.pem": hide.key("ca key"), "ca-cert.pem": certificate(t), "root-cert.pem": hide.key("key in place of a certificate")}),
		secret("istio-remote-secret-west", map[string]string{"west": kubeconfig}),
		secret("binary", map[string]string{"k": "\x00\xff" + hide.new("binary Secret")}),
		object.New("v1", "ConfigMap", ns, "istio", nil, map[string]any{"data": map[string]any{"mesh": "accessLogFile: /dev/stdout\ntrustDomain: cluster.local\n# " + hide.new("comment in mesh configuration") +
			"\ndefaultConfig: {proxyMetadata: {SOMETHING: " + hide.new("proxyMetadata") + "}}\nextensionProviders:\n- name: opa\n  opentelemetry: {service: o, http: {headers: [{name: x-api-key, value: " + hide.new("header") + "}]}}\n" +
			"- name: zip\n  zipkin: {accessToken: " + hide.new("access token") + ", service: 'https://user:" + hide.new("URL in mesh configuration") + "@zipkin'}\n"}}),
		object.New("v1", "ConfigMap", ns, "others", nil, map[string]any{"data": map[string]any{"password": hide.new("ConfigMap"), "a.json": hide.key("key in a ConfigMap")}}),
		object.New("v1", "ConfigMap", ns, "istio-sidecar-injector", nil, map[string]any{"data": map[string]any{"config": hide.new("injection template"), "values": `{"global":{"network":"n","proxy":{"env":{"A":"` + hide.new("proxy variable") + `"}},"imagePullSecrets":["pull"],"sds":{"token":{"aud":"istio-ca"}}},"x":{"annotations":{"a":"` + hide.new("annotation in values") + `"}}}`}}),
		object.New("apps/v1", "Deployment", ns, "istiod", nil, map[string]any{"spec": map[string]any{"replicas": int64(1), "selector": map[string]any{"matchLabels": map[string]any{"app": "istiod"}},
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"app": "istiod"}, "annotations": map[string]any{"a": hide.new("annotation of a pod")}}, "spec": pod}}}),
		object.New("v1", "Event", ns, "e1", nil, map[string]any{"type": "Warning", "reason": "Failed", "message": "pull with Authorization: Bearer " + hide.new("event"), "involvedObject": map[string]any{"kind": "Pod", "name": "p"}}),
		object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "istio-sidecar-injector", nil, map[string]any{"webhooks": []any{map[string]any{
			"name": "a.istio.io", "clientConfig": map[string]any{"url": "https://istiod:15017/inject?token=" + hide.new("URL of a webhook"), "caBundle": base64.StdEncoding.EncodeToString([]byte(certificate(t) + hide.key("key in a caBundle")))},
		}}}),
		object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", "somebody-elses", nil, map[string]any{"webhooks": []any{map[string]any{"name": hide.new("webhook of others")}}}),
		object.New("v1", "ServiceAccount", ns, "istiod", nil, map[string]any{"secrets": []any{map[string]any{"name": hide.new("what no list has")}}}),
	} {
		o.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": hide.new("last applied " + o.GetKind() + " " + o.GetName()), "istio.io/rev": "default"})
		if _, err := c.As("kubectl").Create(o); err != nil {
			t.Fatal(err)
		}
	}
}

// userFile is base.yaml, or an overlay, with canaries.
func userSpec(hide canaries, file string) string {
	return "{profile: default, values: {global: {network: n, imagePullSecrets: [pull]}, pilot: {traceSampling: 1, env: {PILOT_X: 'on', OTHER: " + hide.new(file+" variable") +
		"}, podAnnotations: {a: " + hide.new(file+" annotation") + "}}, tracing: {apiKey: " + hide.new(file+" apiKey") + "}}, meshConfig: {enableTracing: true, x: '" + hide.jwt(file+" token") + "'}}"
}

// TestNoSecretIsInABundle fills a world with secrets, and looks for them.
func TestNoSecretIsInABundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hide := canaries{}
		fleet := applytest.New(1)
		defer fleet.Close()
		east, west := fleet.Add("east"), fleet.Add("west")
		fill(t, east, hide)
		east.Set(func(s *applytest.Settings) {
			s.Log = func(pod string, of object.LogOptions) string {
				return fmt.Sprintf("info\tlog of %s\nwarn\ttoken %s refused\n%serror\tpassword=%s\nGET https://u:%s@host/\nAuthorization: Basic %s\n", of.Container,
					hide.jwt("log token"), hide.key("log key"), hide.new("log password"), hide.new("log URL"), hide.new("log header"))
			}
		})
		west.Set(func(s *applytest.Settings) { s.Down = true })
		time.Sleep(time.Minute) // in the bubble: istiod gets its pods
		run, ctx := fleet.Run(t.Context())
		source := func(name string) Source {
			client, err := run.Open(name)
			return Source{Name: name, Context: name, Namespace: ns, Client: client, Err: err}
		}
		rec, err := (&record.Record{Format: record.RecordFormat, Mesh: "m", Cluster: "east", Manifest: map[string]any{"values": map[string]any{"pilot": map[string]any{"env": map[string]any{"A": hide.new("record")}}}}}).Object(ns)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := east.As("setup-mesh").Create(rec); err != nil {
			t.Fatal(err)
		}
		b := Make(ctx, Contents{
			Mesh: "m", Now: time.Now(), Lines: 100, Versions: map[string]string{"setup-mesh": "dev"},
			Topology: []byte("# " + hide.new("comment") + "\nmesh_id: m\nunknown: " + hide.new("unknown key") + "\ncontexts:\n  east: {network: n, gateway: {addresses: [192.0.2.1], annotations: {a: " + hide.new("gateway annotation") + "}}, overlay: " + userSpec(hide, "overlay") + "}\n  token-of-west: {network: n}\n"),
			Base:     []byte("apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nmetadata: {annotations: {a: " + hide.new("base annotation") + "}}\nspec: " + userSpec(hide, "base.yaml") + "\n"),
			Plan: &plan.Plan{Mesh: "m", Clusters: []*plan.Cluster{{Member: record.Member{Name: "east"}, Manifest: []compare.Field{
				{Path: "spec.values.pilot.traceSampling", Old: 1.0, New: 10.0},
				{Path: `spec.values.pilot.env.X`, Old: hide.new("plan variable"), New: nil},
				{Path: "spec.values.tracing.apiKey", Old: nil, New: hide.new("plan key")},
				{Path: `spec.containers[name="a"].env[name="B"].value`, Old: "x", New: hide.new("plan object")},
				{Path: "spec.values.pilot", Old: nil, New: map[string]any{"env": map[string]any{"X": hide.new("plan map")}}},
			}}}},
			Status:   &status.Status{Mesh: "m", Findings: []plan.Finding{{ID: "a/b", Message: "it said: Bearer " + hide.new("finding")}}},
			Clusters: []Source{source("east"), source("west"), {Name: "../../etc", Err: errors.New("no context; token=" + hide.new("error"))}},
		})
		checkCanaries(t, b, hide)
		checkContent(t, b)
	})
}

func checkCanaries(t *testing.T, b *Bundle, hide canaries) {
	t.Helper()
	if len(hide) < 50 {
		t.Errorf("there are only %d canaries", len(hide))
	}
	for _, f := range b.Files {
		for _, where := range hide.found(f.Content) {
			t.Errorf("%s holds the canary of: %s", f.Name, where)
		}
	}
	if len(b.Found) != 0 {
		t.Errorf("the rules left secrets for the last check in %q", b.Found)
	}
}

func checkContent(t *testing.T, b *Bundle) {
	t.Helper()
	var names []string
	files := map[string]string{}
	for _, f := range b.Files {
		names = append(names, f.Name)
		files[f.Name] = string(f.Content)
	}
	pod := podOf(names)
	want := []string{
		"README.txt", "base.yaml", "clusters/cluster.3/cluster.json", "clusters/east/cluster.json",
		"clusters/east/configuration/istio-sidecar-injector.values.yaml", "clusters/east/configuration/istio.mesh.yaml", "clusters/east/logs/" + pod + ".log",
		"clusters/east/objects/configmap.yaml", "clusters/east/objects/deployment.yaml", "clusters/east/objects/event.yaml", "clusters/east/objects/mutatingwebhookconfiguration.yaml",
		"clusters/east/objects/namespace.yaml", "clusters/east/objects/pod.yaml", "clusters/east/objects/secret.yaml", "clusters/east/objects/serviceaccount.yaml", "clusters/east/record.yaml",
		"clusters/west/cluster.json", "plan.json", "status.json", "topology.yaml", "versions.json",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for file, words := range map[string][]string{
		"README.txt":                                                     {"west: not reached: ", "../../etc: not reached: no context; token=[redacted]", "Read it before you send it", "topology.yaml"},
		"clusters/east/objects/secret.yaml":                              {"name: cacerts", "ca-key.pem:\n    bytes: ", "subject: CN=root of m", "notAfter: \"2036-01-01T00:00:00Z\"", "type: Opaque"},
		"clusters/east/objects/deployment.yaml":                          {"PILOT_TRACE_SAMPLING: \"1\"", "PILOT_API_TOKEN: '[redacted]'", "INNOCENT: '[left out]'", "FROM: (from elsewhere)", "ISTIO_PROXY: http://[redacted]@proxy", "image: pilot:1.31.0", "istio.io/rev: default"},
		"clusters/east/objects/namespace.yaml":                           {"name: " + ns},
		"clusters/east/objects/mutatingwebhookconfiguration.yaml":        {"url: https://istiod:15017/inject\n", "subject: CN=root of m"},
		"clusters/east/configuration/istio.mesh.yaml":                    {"accessLogFile: /dev/stdout", "SOMETHING: '[left out]'", "accessToken: '[redacted]'", "name: opa"},
		"clusters/east/configuration/istio-sidecar-injector.values.yaml": {"network: \"n\"", "- pull"},
		"clusters/east/logs/" + pod + ".log":                             {"log of discovery", "token [redacted] refused", "password=[redacted]"},
		"base.yaml":                                                      {"traceSampling: 1", "PILOT_X: \"on\"", "OTHER: '[left out]'", "- pull"},
		"topology.yaml":                                                  {"token-of-west:\n    network: \"n\"", "192.0.2.1", "a: '[left out]'"},
		"plan.json":                                                      {`"old": 1,`, `"new": 10`, `"new": "[left out]"`, `"new": "[redacted]"`},
	} {
		for _, w := range words {
			if !strings.Contains(files[file], w) {
				t.Errorf("%s does not say %q:\n%s", file, w, files[file])
			}
		}
	}
	if strings.Contains(files["clusters/east/objects/namespace.yaml"], "somebody-elses") {
		t.Error("a namespace of others is in it")
	}
}

// podOf is the name of the pod whose log is among the files.
func podOf(names []string) string {
	for _, n := range names {
		if before, ok := strings.CutSuffix(n, ".log"); ok {
			return strings.TrimPrefix(before, "clusters/east/logs/")
		}
	}
	return "?"
}

func TestArchive(t *testing.T) {
	b := Make(t.Context(), Contents{Mesh: "m", Now: time.Date(2026, 11, 21, 12, 0, 0, 5, time.UTC), Unplanned: errors.New("no kubeconfig"), Topology: []byte("mesh_id: [")})
	var first, second bytes.Buffer
	for _, w := range []io.Writer{&first, &second} {
		if err := b.Archive(w); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the archive is not the same again")
	}
	z, err := gzip.NewReader(&first)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%s %o %s", h.Name, h.Mode, h.ModTime.UTC().Format(time.RFC3339)))
	}
	want := []string{"setup-mesh-bundle/README.txt 600 2026-11-21T12:00:00Z", "setup-mesh-bundle/versions.json 600 2026-11-21T12:00:00Z"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	missing := []string{"topology.yaml: is not valid YAML", "base.yaml: could not be read", "plan and status: no kubeconfig"}
	if diff := cmp.Diff(missing, b.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

// TestTheLastCheck takes out what a rule let through.
func TestTheLastCheck(t *testing.T) {
	const token = "Zk3vQ9tLr2WmXy81Bd"
	s := &seen{}
	s.add([]*unstructured.Unstructured{object.New("v1", "Secret", ns, "s", nil, map[string]any{"data": map[string]any{
		"a": base64.StdEncoding.EncodeToString([]byte("password: " + token + "\nserver: https://east.example.com:6443\nname: istio-remote-secret-east\n")),
	}})})
	got, n := s.scrub([]byte("a " + token + " b " + base64.StdEncoding.EncodeToString([]byte(token)) + " istio-remote-secret-east https://east.example.com:6443"))
	if want := "a [redacted] b [redacted] istio-remote-secret-east https://east.example.com:6443"; string(got) != want || n != 2 {
		t.Errorf("got %q, %d found", got, n)
	}
}

// TestTheLastCheckIsOfEverything: files, and what is said to be missing.
func TestTheLastCheckIsOfEverything(t *testing.T) {
	const token = "Zk3vQ9tLr2WmXy81Bd"
	synctest.Test(t, func(t *testing.T) {
		fleet := applytest.New(1)
		defer fleet.Close()
		east := fleet.Add("east")
		for _, o := range []*unstructured.Unstructured{
			object.New("v1", "Namespace", "", ns, nil, nil),
			object.New("v1", "Secret", ns, "s", nil, map[string]any{"data": map[string]any{"a": base64.StdEncoding.EncodeToString([]byte(token))}}),
			object.New("v1", "Event", ns, "e", nil, map[string]any{"message": "it said " + token}),
		} {
			if _, err := east.As("kubectl").Create(o); err != nil {
				t.Fatal(err)
			}
		}
		run, ctx := fleet.Run(t.Context())
		client, err := run.Open("east")
		b := Make(ctx, Contents{Mesh: "m", Now: time.Now(), Topology: []byte("mesh_id: m"), Base: []byte("kind: a"), Unplanned: errors.New("it heard " + token),
			Clusters: []Source{{Name: "east", Namespace: ns, Client: client, Err: err}}})
		if diff := cmp.Diff([]string{"clusters/east/objects/event.yaml"}, b.Found); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"plan and status: it heard [redacted]"}, b.Missing); diff != "" {
			t.Errorf("missing (-want +got):\n%s", diff)
		}
		for _, f := range b.Files {
			if bytes.Contains(f.Content, []byte(token)) {
				t.Errorf("%s holds the token:\n%s", f.Name, f.Content)
			}
		}
	})
}

// TestWhenTokensEnd is in a bundle: it is about tokens, and holds none.
func TestWhenTokensEnd(t *testing.T) {
	status := map[string]any{"tokenEnds": map[string]any{"west": "2027-11-21T12:00:00Z"}, "token": "Zk3vQ9tLr2WmXy81Bd"}
	want := map[string]any{"tokenEnds": map[string]any{"west": "2027-11-21T12:00:00Z"}, "token": redacted}
	if diff := cmp.Diff(want, redactValue(status)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
