package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/dns"
)

// A fault is one thing that somebody or something breaks in a mesh that is well.
type fault struct {
	name   string
	breaks func(t *testing.T)
	// finds are the findings that come of it, all of them, as [noticed.line] words these. The first is the fault itself; the
	// others are listed because they are true as well: who deletes an account revokes its tokens.
	finds []string
	// mayFind are findings that come of it sooner or later: an API server goes on to use the connection that it has to a
	// webhook.
	mayFind []string
	// mends carries out the remedy of the first finding, given as it is printed, but for "setup-mesh apply" in it: that
	// is done once, last, for all that ask for it. nil is that it begins with that.
	mends func(t *testing.T, remedy string)
}

// TestE2EStatusFaults breaks one mesh in more than forty ways. Of each, status has to say which check is not met, of
// which cluster, and nothing else; and once the remedy that it names was carried out as written, all is well. Faults
// that have nothing to do with each other share a round.
func TestE2EStatusFaults(t *testing.T) {
	needsLab(t)
	s := newStatusFaults(t)
	s.join(t)
	if !t.Run("Follow", s.follow) {
		return
	}
	count, broken := 0, map[string]bool{}
	for i, faults := range s.rounds() {
		count += len(faults)
		for _, f := range faults {
			broken[idOf(f.finds[0])] = true
		}
		if !t.Run(fmt.Sprintf("Round%02d", i+1), func(t *testing.T) { s.round(t, faults) }) {
			return
		}
	}
	t.Logf("%d faults", count)
	if count < 40 {
		t.Errorf("%d faults are fewer than 40", count)
	}
	wantAllBroken(t, broken)
}

// statusFaults has a primary and a remote cluster on one network, and a primary on another. topology.yaml has a name for
// the gateway of that, which the user's name server knows to be this machine: something stands in there for it. No
// address of the others is dialled.
type statusFaults struct {
	*journey
	gateway *standIn
	ends    []func() // proxies that are connected
}

func newStatusFaults(t *testing.T) *statusFaults {
	j := newJourney(t, lab.Options{Clusters: 3})
	server, err := dns.Serve(0, func(name string) []netip.Addr {
		if name == nameOfGateway {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	j.dns = server.Address()
	return &statusFaults{journey: j, gateway: newStandIn(t, j.clusters[west1])}
}

// nameOfGateway is one that the lab's istiods can resolve.
const nameOfGateway = "west-1.elb.example.com"

func (s *statusFaults) join(t *testing.T) {
	s.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	s.topology(t,
		inEast1, east2+": {network: network-east, primaries: ["+east1+"]}",
		fmt.Sprintf("%s: {network: network-west, gateway: {addresses: [%s], port: %d}}", west1, nameOfGateway, s.gateway.port()),
	)
	s.write(t, "topology.yaml", s.read(t, "topology.yaml")+"injection: {namespaces: [shop]}\n")
	s.run(t, 0, "apply", "--yes")
	s.collectSecrets(t)
	s.healthy(t)
}

// notice is that nobody can reach the lab's gateways, which is so all the time.
const notice = "note gateway/not-routable east-1"

// found is what status says, a line for each finding.
func found(s statusWithNotes) []string {
	var out []string
	s.each(func(line string, _ noticed) { out = append(out, line) })
	slices.Sort(out)
	return slices.Compact(out)
}

// ask runs status.
func (s *statusFaults) ask(t *testing.T) statusWithNotes {
	t.Helper()
	r := s.do(t, s.command(t.Context(), "status", "-o", "json"))
	if r.code != 0 && r.code != 2 {
		t.Fatalf("want exit 0 or 2 of\n%s", r)
	}
	out := decode[statusWithNotes](t, r)
	if (r.code == 0) != (len(out.Findings) == 0) {
		t.Errorf("exit %d with %d findings", r.code, len(out.Findings))
	}
	return out
}

// becomes waits until status says exactly what is wanted, and of what it may say any part.
func (s *statusFaults) becomes(t *testing.T, want, may []string) statusWithNotes {
	t.Helper()
	want = append(slices.Clone(want), notice)
	slices.Sort(want)
	want = slices.Compact(want)
	var last statusWithNotes
	eventually(t, "what status says", func(context.Context) error {
		last = s.ask(t)
		got := slices.DeleteFunc(found(last), func(line string) bool { return slices.Contains(may, line) && !slices.Contains(want, line) })
		diff := cmp.Diff(want, got)
		return errorIf(diff != "", "(-want +got):\n%s\n%s", diff, last.words())
	})
	return last
}

func (s *statusFaults) healthy(t *testing.T) { t.Helper(); s.becomes(t, nil, nil) }

// round breaks things, looks, mends them as it is told, and looks again.
func (s *statusFaults) round(t *testing.T, faults []fault) {
	began := time.Now()
	var want, may []string
	for _, f := range faults {
		f.breaks(t)
		want, may = append(want, f.finds...), append(may, f.mayFind...)
	}
	said := s.becomes(t, want, may)
	seen := time.Since(began)
	apply := false
	for _, f := range faults {
		remedy := said.remedy(f.finds[0])
		if remedy == "" {
			t.Errorf("%s: there is no remedy for %s", f.name, f.finds[0])
		}
		apply = apply || strings.Contains(remedy, "setup-mesh apply")
		if f.mends != nil {
			f.mends(t, remedy)
		} else if !strings.HasPrefix(remedy, "setup-mesh apply") {
			t.Errorf("%s: the remedy is %q", f.name, remedy)
		}
	}
	if apply {
		s.run(t, 0, "apply", "--yes", "--timeout", "3m")
	}
	s.healthy(t)
	t.Logf("%d faults: seen after %.1f s, mended after %.1f s", len(faults), seen.Seconds(), time.Since(began).Seconds())
}
