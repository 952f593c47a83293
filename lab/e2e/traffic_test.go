package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2ETraffic calls from every cluster of a mesh to every other: two primaries on one network, one on another, and a
// remote cluster on a third. Then it breaks the mesh in one way after the other, and sees the calls between the right clusters,
// and no others, fail.
func TestE2ETraffic(t *testing.T) {
	needsLab(t)
	d := &dataPlane{journey: newJourney(t, lab.Options{
		Contexts: []string{east1, east2, west1, remoteEast}, Networks: []string{"network-east", "network-east", "network-west", "network-remote"},
	})}
	d.inOrder(t, []step{
		{"Apply", d.apply},
		{"EveryPairAnswers", func(t *testing.T) { d.becomes(t, d.all()) }},
		{"Verify", func(t *testing.T) { d.verified(t, d.all()) }},
		{"VerifyInterrupted", d.verifyInterrupted},
		{"VerifyKilled", d.verifyKilled},
		{"VerifyElsewhere", d.verifyElsewhere},
		{"VerifyService", d.verifyService},
		{"VerifyRestricted", d.verifyRestricted},
		{"CountedInTheGateways", d.counted},
		{"MutualTLSWithBothIdentities", d.identities},
		{"IstiodThroughTheGateway", d.istiodThroughGateway},
		{"CommandsThatAreNotPlayed", d.unknownCommands},
		{"RemoteSecretRemoved", d.secretRemoved},
		{"WrongGatewayAddress", d.wrongAddress},
		{"GatewayObjectDeleted", d.gatewayDeleted},
		{"PlaintextAgainstStrict", d.plaintext},
		{"VerifyPlaintext", d.verifyPlaintext},
		{"AnotherRootInOneCluster", d.anotherRoot},
	})
}

// A dataPlane is a journey with pods that call one another.
type dataPlane struct {
	*journey
	pods map[string]string // the cluster of every pod of helloworld, by its name
}

// A pair is a cluster that calls, and one that answers.
type pair struct{ from, to string }

var contextsOfTraffic = []string{east1, east2, west1, remoteEast}

// all are the pairs of all clusters, without those that somebody takes out.
func (d *dataPlane) all(without ...pair) []pair {
	var out []pair
	for _, from := range contextsOfTraffic {
		for _, to := range contextsOfTraffic {
			if p := (pair{nameOf(from), nameOf(to)}); !slices.Contains(without, p) {
				out = append(out, p)
			}
		}
	}
	return out
}

func (d *dataPlane) apply(t *testing.T) {
	d.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	d.topology(t, inEast1, inEast2, inWest1, remoteEast+": {network: network-remote, primaries: ["+east1+"]}")
	wantWords(t, d.run(t, 0, "apply", "--yes"), "The mesh is one")
	for _, c := range contextsOfTraffic {
		workloads(t, d.clusters[c])
	}
}

// locate notes where the pods of helloworld are.
func (d *dataPlane) locate(ctx context.Context) error {
	d.pods = map[string]string{}
	for _, c := range contextsOfTraffic {
		pods, err := d.clusters[c].kube.CoreV1().Pods(inTraffic).List(ctx, metav1.ListOptions{LabelSelector: "app=helloworld"})
		if err != nil {
			return err
		}
		for _, p := range pods.Items {
			if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
				d.pods[p.Name] = nameOf(c)
			}
		}
	}
	return errorIf(len(d.pods) != 2*len(contextsOfTraffic), "%d pods of helloworld run", len(d.pods))
}

// calls is enough to go twice round the eight pods.
const calls = 16

// call has the client of a cluster call the service, and returns what it printed: the last word of each line is the status.
func (d *dataPlane) call(ctx context.Context, from, client, path string) (stdout, stderr string, code int, err error) {
	c := d.clusters[from]
	pod, err := c.onePod(ctx, inTraffic, "app="+client)
	if err != nil {
		return "", "", 0, err
	}
	return c.exec(ctx, inTraffic, pod.Name, "client", "curl", "-sS", "-m", fmt.Sprint(slow.Seconds()), "-w", `%{http_code}\n`, "http://helloworld."+inTraffic+":5000"+path)
}

var greeting = regexp.MustCompile(`(?m)^Hello version: v[12], instance: (\S+)$`)

// answered are how many calls of each pair were answered, and what was printed beside the answers.
func (d *dataPlane) answered(ctx context.Context) (map[pair]int, string, error) {
	if err := d.locate(ctx); err != nil {
		return nil, "", err
	}
	out, beside := map[pair]int{}, ""
	for _, from := range contextsOfTraffic {
		stdout, stderr, _, err := d.call(ctx, from, "client", fmt.Sprintf("/hello?call=[1-%d]", calls))
		if err != nil {
			return nil, "", err
		}
		for _, m := range greeting.FindAllStringSubmatch(stdout, -1) {
			to, ok := d.pods[m[1]]
			if !ok {
				return nil, "", fmt.Errorf("%s answers, which is no pod", m[1])
			}
			out[pair{nameOf(from), to}]++
		}
		beside += strings.ReplaceAll(greeting.ReplaceAllString(stdout, ""), "\n200\n", "") + stderr
	}
	return out, beside, nil
}

// becomes waits until exactly these pairs answer, and go on to do so.
func (d *dataPlane) becomes(t *testing.T, want []pair) {
	t.Helper()
	start := time.Now()
	compare := func(a, b pair) int { return strings.Compare(a.from+a.to, b.from+b.to) }
	want = slices.SortedFunc(slices.Values(want), compare)
	check := func(ctx ctx) error {
		got, beside, err := d.answered(ctx)
		if err != nil {
			return err
		}
		diff := cmp.Diff(want, slices.SortedFunc(maps.Keys(got), compare), cmp.AllowUnexported(pair{}))
		return errorIf(diff != "", "pairs (-want +got):\n%s\n%s", diff, beside)
	}
	eventually(t, "pairs that answer", check)
	if err := check(t.Context()); err != nil {
		t.Errorf("a moment later: %v", err)
	}
	t.Logf("after %.1f s", time.Since(start).Seconds())
}

// counters are what Envoy's statistics of a pod say of the hosts of a cluster: a number for each "host::what".
func (d *dataPlane) counters(t *testing.T, in, namespace, labels, cluster string) map[string]int {
	t.Helper()
	ctx := t.Context()
	pod, err := d.clusters[in].onePod(ctx, namespace, labels)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code, err := d.clusters[in].exec(ctx, namespace, pod.Name, "istio-proxy", "pilot-agent", "request", "GET", "clusters")
	if err != nil || code != 0 {
		t.Fatalf("%v: exit %d: %s", err, code, stderr)
	}
	out := map[string]int{}
	for line := range strings.Lines(stdout) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), cluster+"::")
		i := strings.LastIndex(rest, "::")
		if n, err := strconv.Atoi(rest[max(0, i)+min(2, max(0, i)):]); ok && i > 0 && err == nil {
			out[rest[:i]] = n
		}
	}
	return out
}

func sum(counters map[string]int, what string) int {
	n := 0
	for k, v := range counters {
		if strings.HasSuffix(k, "::"+what) {
			n += v
		}
	}
	return n
}

const gatewayLabels = "istio=eastwestgateway"

// counted: what clients sent to gateways is what gateways passed on, and between clusters of one network it is nothing.
func (d *dataPlane) counted(t *testing.T) {
	passed := func() int {
		n := 0
		for _, c := range contextsOfTraffic {
			n += sum(d.counters(t, c, "istio-system", gatewayLabels, "outbound_.5000_._.helloworld.traffic.svc.cluster.local"), "rq_total")
		}
		return n
	}
	sent := func() (n int) {
		for _, c := range contextsOfTraffic {
			for k, v := range d.counters(t, c, inTraffic, "app=client", "outbound|5000||helloworld.traffic.svc.cluster.local") {
				if strings.HasSuffix(k, ":15443::rq_total") {
					n += v
				}
			}
		}
		return n
	}
	passedBefore, sentBefore := passed(), sent()
	got, _, err := d.answered(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	across := 0
	for p, n := range got {
		sameNetwork := p.from == p.to || strings.HasPrefix(p.from, "east") && strings.HasPrefix(p.to, "east")
		if !sameNetwork {
			across += n
		}
	}
	if across == 0 || passed()-passedBefore != across || sent()-sentBefore != across {
		t.Errorf("%d calls between networks were answered; clients sent %d to gateways, which passed on %d", across, sent()-sentBefore, passed()-passedBefore)
	}
}

// identities: every application is told by its proxy who has called it.
func (d *dataPlane) identities(t *testing.T) {
	want := []string{"By=spiffe://cluster.local/ns/traffic/sa/default", "Hash", `Subject=""`, "URI=spiffe://cluster.local/ns/traffic/sa/client"}
	for _, from := range contextsOfTraffic {
		stdout, stderr, code, err := d.call(t.Context(), from, "client", fmt.Sprintf("/headers?call=[1-%d]", calls))
		if err != nil || code != 0 {
			t.Fatalf("%v: exit %d: %s", err, code, stderr)
		}
		told := 0
		for line := range strings.Lines(stdout) {
			var echo struct{ Headers map[string]string }
			if json.Unmarshal([]byte(line), &echo) != nil {
				continue // the status
			}
			told++
			got := strings.Split(echo.Headers["X-Forwarded-Client-Cert"], ";")
			if len(got) > 1 {
				got[1], _, _ = strings.Cut(got[1], "=")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("from %s: the caller as the application is told (-want +got):\n%s", from, diff)
			}
		}
		if told != calls {
			t.Errorf("from %s: applications answer %d calls of %d:\n%s", from, told, calls, stdout)
		}
	}
}

// istiodThroughGateway: the proxies of a remote cluster have their certificates and their orders through port 15012 of
// its primary's gateway.
func (d *dataPlane) istiodThroughGateway(t *testing.T) {
	passed := d.counters(t, east1, "istio-system", gatewayLabels, "outbound|15012||istiod.istio-system.svc.cluster.local")
	if n := sum(passed, "rq_total"); n < 8 {
		t.Errorf("the gateway has passed %d connections on to istiod: four proxies need two each at least: %v", n, passed)
	}
}

func (d *dataPlane) unknownCommands(t *testing.T) {
	pod, err := d.clusters[east1].onePod(t.Context(), inTraffic, "app=client")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		command []string
		code    int
		stderr  string
	}{
		"another command":     {[]string{"nslookup", "helloworld"}, 127, "nslookup helloworld: not found: the lab does not play this in container client\n"},
		"a service of nobody": {[]string{"curl", "-sS", "http://nobody.traffic:5000/"}, 6, "curl: (6) Could not resolve host: nobody.traffic\n"},
		"an unknown option":   {[]string{"curl", "--frob", "x"}, 2, "curl: option --frob: is unknown\n"},
	} {
		_, stderr, code, err := d.clusters[east1].exec(t.Context(), inTraffic, pod.Name, "client", tt.command...)
		if err != nil || code != tt.code || stderr != tt.stderr {
			t.Errorf("%s: exit %d, %q, %v", name, code, stderr, err)
		}
	}
}
