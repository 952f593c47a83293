package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const verifyNamespace = "setup-mesh-verify"

// A verification is what verify says in JSON.
type verification struct {
	Pairs []struct {
		From, To, Security, Client, Server string
		Answers                            int
		Via                                []string
	}
	Problems []struct{ From, To, Message, Hint string }
}

// verified wants setup-mesh verify to see exactly these pairs answer, each on the way that its networks want and with
// mutual TLS, and to leave nothing behind.
func (d *dataPlane) verified(t *testing.T, want []pair) {
	t.Helper()
	report, r := d.verifies(t, want)
	var got []pair
	for _, p := range report.Pairs {
		if p.Answers == 0 {
			continue
		}
		got = append(got, pair{p.From, p.To})
		east := strings.HasPrefix(p.From, "east") && strings.HasPrefix(p.To, "east")
		throughGateway := p.From != p.To && !east
		if len(p.Via) == 0 || strings.HasSuffix(p.Via[0], ":15443") != throughGateway {
			t.Errorf("%s is answered by %s through %v", p.From, p.To, p.Via)
		}
		secured := []string{p.Security, p.Client, p.Server}
		if diff := cmp.Diff([]string{"mutual_tls", "spiffe://cluster.local/ns/" + verifyNamespace + "/sa/client", "spiffe://cluster.local/ns/" + verifyNamespace + "/sa/helloworld"}, secured); diff != "" {
			t.Errorf("%s is answered by %s (-want +got):\n%s", p.From, p.To, diff)
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(pair{})); diff != "" {
		t.Errorf("pairs (-want +got):\n%s\n%s", diff, r)
	}
	if len(report.Problems) != len(d.all())-len(want) {
		t.Errorf("%d problems: %v", len(report.Problems), report.Problems)
	}
	for _, p := range report.Problems {
		if slices.Contains(want, pair{p.From, p.To}) || p.Hint == "" {
			t.Errorf("a problem: %v", p)
		}
	}
	d.nothingLeft(t)
}

// verifies runs setup-mesh verify where exactly these pairs are to answer. Where some are not, it goes on to the end of its time:
// that is short at first, and longer if it was too short for one that is to answer.
func (d *dataPlane) verifies(t *testing.T, want []pair) (verification, result) {
	t.Helper()
	settle, code := 4*time.Second, 2
	if len(want) == len(d.all()) {
		settle, code = patience, 0
	}
	for {
		r := d.run(t, code, "verify", "-o", "json", "--settle", settle.String())
		report := decode[verification](t, r)
		missing := slices.ContainsFunc(want, func(p pair) bool { return !report.answered(p) })
		if !missing || settle >= patience {
			return report, r
		}
		settle = min(4*settle, patience)
	}
}

// answered says whether one cluster of a pair was answered by the other.
func (v verification) answered(p pair) bool {
	for _, one := range v.Pairs {
		if one.From == p.from && one.To == p.to {
			return one.Answers > 0
		}
	}
	return false
}

func (d *dataPlane) nothingLeft(t *testing.T) {
	t.Helper()
	for _, c := range contextsOfTraffic {
		if _, err := d.clusters[c].kube.CoreV1().Namespaces().Get(t.Context(), verifyNamespace, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%s still has namespace %s: %v", c, verifyNamespace, err)
		}
	}
}

// started is when the client of east-1 runs.
func (d *dataPlane) started(t *testing.T) {
	t.Helper()
	eventually(t, "a client of verify", func(ctx ctx) error {
		_, err := d.clusters[east1].onePod(ctx, verifyNamespace, "app=client")
		return err
	})
}

// verifyInterrupted takes everything out before it ends.
func (d *dataPlane) verifyInterrupted(t *testing.T) {
	run := d.start(t, "verify")
	d.started(t)
	if err := run.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if r := run.end(t); r.code != 130 {
		t.Errorf("exit %d\n%s", r.code, r)
	}
	d.nothingLeft(t)
}

// verifyKilled leaves what --clean finds, and what the next verify takes out with its own.
func (d *dataPlane) verifyKilled(t *testing.T) {
	run := d.start(t, "verify")
	d.started(t)
	if err := run.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	run.end(t)
	wantWords(t, d.run(t, 0, "verify", "--clean"), "Nothing of a verification is left.")
	d.nothingLeft(t)
}

// verifyElsewhere keeps off a namespace of somebody else's, and says nothing of the pairs of that cluster.
func (d *dataPlane) verifyElsewhere(t *testing.T) {
	const name = "somebodys"
	createService(t, d.clusters[west1], name)
	wantWords(t, d.run(t, 2, "verify", "--namespace", name, "--settle", "4s"),
		"west-1 takes no part: the namespace somebodys exists, and is not one of a verification of this mesh", "choose another with --namespace")
	if _, err := d.clusters[west1].kube.CoreV1().Services(name).Get(t.Context(), name, metav1.GetOptions{}); err != nil {
		t.Errorf("what was in it: %v", err)
	}
	if err := d.clusters[west1].kube.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// verifyService asks the proxies that are there anyway about the service that they call.
func (d *dataPlane) verifyService(t *testing.T) {
	r := d.run(t, 0, "verify", "--service", inTraffic+"/helloworld", "-o", "json")
	report := decode[struct {
		Clusters []struct {
			Name, Asked string
			Ready       int
		}
		Knowledge []struct {
			From, To  string
			Addresses []string
		}
	}](t, r)
	for _, c := range report.Clusters {
		if c.Ready != 2 || !strings.HasPrefix(c.Asked, inTraffic+"/") {
			t.Errorf("%+v", c)
		}
	}
	if len(report.Knowledge) != len(d.all()) {
		t.Errorf("%d pairs", len(report.Knowledge))
	}
	for _, k := range report.Knowledge {
		want := 1 // a gateway
		if k.From == k.To || strings.HasPrefix(k.From, "east") && strings.HasPrefix(k.To, "east") {
			want = 2 // pods
		}
		if len(k.Addresses) != want {
			t.Errorf("%s knows the pods of %s at %v", k.From, k.To, k.Addresses)
		}
	}
	wantWords(t, d.run(t, 2, "verify", "--service", inTraffic+"/nobody"), "no cluster has a ready pod of traffic/nobody", "is its namespace and name right?")
}

// verifyRestricted passes where Pod Security admits only what its strictest level does, once Istio's CNI plugin does what
// injected pods have an init container for.
func (d *dataPlane) verifyRestricted(t *testing.T) {
	const label = "pod-security.kubernetes.io/enforce=restricted"
	refused := d.run(t, 2, "verify", "--namespace-label", label)
	wantWords(t, refused, `violates PodSecurity "restricted:latest"`, "enable cni in base.yaml")
	if refused.took >= 3*time.Minute { // which it waits for pods that may come
		t.Errorf("it waits for %.0f s, which mends nothing", refused.took.Seconds())
	}
	d.nothingLeft(t)
	before := d.read(t, "base.yaml")
	d.write(t, "base.yaml", strings.Replace(before, "  profile: default\n", "  profile: default\n  cni: {enabled: true}\n", 1))
	d.run(t, 0, "apply", "--yes")
	d.run(t, 0, "verify", "--namespace-label", label)
	d.nothingLeft(t)
	d.withoutCNI(t)
	d.write(t, "base.yaml", before)
	d.run(t, 0, "apply", "--yes")
}

// withoutCNI takes the plugin from the nodes of one cluster and its configuration from another one. Status says so, and
// what it says to do mends both.
func (d *dataPlane) withoutCNI(t *testing.T) {
	s := &faultTable{journey: d.journey, always: unroutable}
	s.deleted(east1, "daemonset", "istio-cni-node")(t)
	s.deleted(west1, "configmap", "istio-cni-config")(t)
	said := s.becomes(t, []string{"cni/configuration west-1", "cni/running east-1"}, nil)
	for _, line := range []string{"cni/configuration west-1", "cni/running east-1"} {
		if remedy := said.remedy(line); remedy != "setup-mesh apply" {
			t.Errorf("%s: remedy %q", line, remedy)
		}
	}
	d.run(t, 0, "apply", "--yes")
	s.healthy(t)
}

// verifyPlaintext: west-1 has turned mutual TLS off. Its own pods answer one another without, which counts; nobody else
// sends it plaintext, or takes plaintext from it.
func (d *dataPlane) verifyPlaintext(t *testing.T) {
	s := &faultTable{journey: d.journey}
	s.patched(west1, "peerauthentication", "default", `{"spec":{"mtls":{"mode":"DISABLE"}}}`)(t)
	others := []string{"east-1", "east-2", "remote"}
	red := into("west-1", others...)
	for _, o := range others {
		red = append(red, pair{"west-1", o})
	}
	report, r := d.verifies(t, d.all(red...))
	got := map[pair]string{}
	for _, p := range report.Pairs {
		if p.Answers > 0 {
			got[pair{p.From, p.To}] = p.Security
		}
	}
	want := map[pair]string{}
	for _, p := range d.all(red...) {
		want[p] = "mutual_tls"
	}
	want[pair{"west-1", "west-1"}] = "none"
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(pair{})); diff != "" {
		t.Errorf("pairs (-want +got):\n%s\n%s", diff, r)
	}
	wantWords(t, r, "the calls from west-1 reach west-1 without mutual TLS")
	if len(report.Problems) != len(red)+1 {
		t.Errorf("%d problems: %v", len(report.Problems), report.Problems)
	}
	d.nothingLeft(t)
	d.run(t, 0, "apply", "--yes")
	d.becomes(t, d.all())
}
