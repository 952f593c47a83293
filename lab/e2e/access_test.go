package e2e

import (
	"context"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EAccess renews and ends the tokens with which three clusters read each other.
func TestE2EAccess(t *testing.T) {
	needsLab(t)
	a := &access{journey: newJourney(t, lab.Options{Clusters: 3})}
	a.inOrder(t, []step{
		{"Apply", a.apply},
		{"Rotate", a.rotates},
		{"RotateKilled", a.rotatesKilled},
		{"RevokeFromOne", a.revokesOne},
		{"RevokeWhileLost", a.revokesLost},
		{"SourceNotReached", a.revokesPartly},
		{"OutOfTheMesh", a.revokesForGood},
	})
}

type access struct{ *journey }

func (a *access) apply(t *testing.T) {
	a.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	a.topology(t, inEast1, inEast2, inWest1)
	a.run(t, 0, "apply", "--yes")
	a.collectSecrets(t)
}

// tokens are the credentials that are stored now, by consumer and source.
func (a *access) tokens(t *testing.T) map[string]*kubernetes.Clientset {
	t.Helper()
	out := map[string]*kubernetes.Clientset{}
	for consumer, sources := range map[string][]string{east1: {"east-2", "west-1"}, east2: {"east-1", "west-1"}, west1: {"east-1", "east-2"}} {
		for _, source := range sources {
			out[nameOf(consumer)+" "+source] = stored(t, a.clusters[consumer], "istio-system", source)
		}
	}
	return out
}

// wantTokens wants the named tokens to be refused, and all others to be accepted.
func wantTokens(t *testing.T, tokens map[string]*kubernetes.Clientset, refused ...string) {
	t.Helper()
	ended := map[string]bool{}
	for _, name := range refused {
		ended[name] = true
	}
	for name, token := range tokens {
		if err := listServices(token); apierrors.IsUnauthorized(err) != ended[name] || err != nil && !ended[name] {
			t.Errorf("token of %s: %v, want it refused: %t", name, err, ended[name])
		}
	}
}

// healed applies, after which all read each other.
func (a *access) healed(t *testing.T) {
	t.Helper()
	a.run(t, 0, "apply", "--yes")
	wantWords(t, a.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, a.run(t, 0, "status"), "The mesh is one")
	a.discovery(t)
	a.collectSecrets(t)
}

// rotates renews all tokens, and no istiod loses a cluster meanwhile.
func (a *access) rotates(t *testing.T) {
	was := a.tokens(t)
	stop := a.watchIstiods(t)
	r := a.run(t, 0, "certs", "rotate-access", "--yes")
	stop()
	t.Logf("renewed:\n%s", r)
	wantWords(t, r, "its new token for west-1 is accepted", "refuses the token that east-1 had", "6 created, 6 updated, 6 deleted")
	wantTokens(t, was, "east-1 east-2", "east-1 west-1", "east-2 east-1", "east-2 west-1", "west-1 east-1", "west-1 east-2")
	wantTokens(t, a.tokens(t))
	wantWords(t, a.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	wantWords(t, a.run(t, 0, "status"), "The mesh is one")
	a.collectSecrets(t)

	was = a.tokens(t)
	wantWords(t, a.run(t, 0, "certs", "rotate-access", "--of", "west-1", "--yes"), "2 created, 2 updated, 2 deleted")
	wantTokens(t, was, "west-1 east-1", "west-1 east-2")
	wantWords(t, a.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	a.collectSecrets(t)
}

// watchIstiods asks all istiods whom they read, all the time, until the function that it returns is called.
func (a *access) watchIstiods(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var mu sync.Mutex
	seen, asked := map[string]int{}, 0
	for _, c := range a.clusters {
		i := c.mustIstiod(t)
		all.Go(func() {
			for ctx.Err() == nil {
				var list []struct {
					ID         string `json:"id"`
					SyncStatus string `json:"syncStatus"`
				}
				err := getJSON(context.WithoutCancel(ctx), "http://"+i.Addresses.Monitoring+"/debug/clusterz", &list)
				mu.Lock()
				asked++
				if err != nil || len(list) != 3 {
					t.Errorf("%s: istiod knows %v (%v)", c.context, list, err)
				}
				for _, one := range list {
					seen[one.SyncStatus]++
				}
				mu.Unlock()
			}
		})
	}
	return func() {
		t.Helper()
		cancel()
		all.Wait()
		t.Logf("istiods were asked %d times: %v", asked, seen)
		for state := range seen {
			// The word for a cluster that is read with a new token, while the one of before serves.
			if state != "synced" && state != "syncing" {
				t.Errorf("an istiod called a cluster %q", state)
			}
		}
		if seen["synced"] == 0 {
			t.Error("no istiod was asked")
		}
	}
}

// rotatesKilled is killed on its way; what is left works, and the next run or apply ends it.
func (a *access) rotatesKilled(t *testing.T) {
	for i, when := range []string{"is accepted", "discovers the others"} {
		run := a.start(t, "certs", "rotate-access", "--yes")
		run.waitFor(t, when)
		if err := run.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		run.end(t)
		wantTokens(t, a.tokens(t))
		for _, c := range a.clusters {
			c.endLock(t)
		}
		wantWords(t, a.run(t, 0, "status"), "The mesh is one")
		if i == 0 {
			a.healed(t)
		} else {
			a.run(t, 0, "certs", "rotate-access", "--yes")
		}
		wantTokens(t, a.tokens(t))
		wantWords(t, a.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
		a.collectSecrets(t)
	}
}

// ends runs a revocation, after which the named tokens are refused, and no others.
func (a *access) ends(t *testing.T, code int, refused []string, args ...string) result {
	t.Helper()
	was := a.tokens(t)
	wantTokens(t, was) // so that the API servers remember them
	run := a.run(t, code, append([]string{"certs", "revoke-access", "--yes"}, args...)...)
	start := time.Now()
	for _, name := range refused {
		wantRevoked(t, was[name])
	}
	t.Logf("refused %.1f s after the start of the command:\n%s", (run.took + time.Since(start)).Seconds(), run)
	wantTokens(t, was, refused...)
	return run
}

func (a *access) revokesOne(t *testing.T) {
	wantWords(t, a.run(t, 1, "certs", "revoke-access", "--yes", "nobody"), `no cluster of the mesh is called "nobody"`)
	r := a.ends(t, 0, []string{"west-1 east-1"}, "--from", "east-1", "west-1")
	wantWords(t, r, "refuses the token that west-1 had", "The next setup-mesh apply gives it new tokens", "disableRegistryJoin")
	wantWords(t, a.run(t, 2, "status"), "credential-valid")
	a.healed(t)
}

// revokesLost ends the tokens of a cluster that is down.
func (a *access) revokesLost(t *testing.T) {
	was := a.tokens(t)
	if err := a.lab.StopAPI(t.Context(), west1); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	r := a.run(t, 0, "certs", "revoke-access", "--yes", "west-1")
	wantWords(t, r, "west-1 is not reached, so its tokens could not be tried", "10 s")
	wantRevoked(t, was["west-1 east-1"])
	wantRevoked(t, was["west-1 east-2"])
	t.Logf("refused %.1f s after the start of the command:\n%s", time.Since(start).Seconds(), r)
	if err := a.lab.StartAPI(t.Context(), west1); err != nil {
		t.Fatal(err)
	}
	wantTokens(t, was, "west-1 east-1", "west-1 east-2")
	a.healed(t)
}

// revokesPartly does not reach one of the clusters that are read, and says so.
func (a *access) revokesPartly(t *testing.T) {
	was := a.tokens(t)
	if err := a.lab.StopAPI(t.Context(), east2); err != nil {
		t.Fatal(err)
	}
	r := a.run(t, 3, "certs", "revoke-access", "--yes", "west-1")
	wantWords(t, r, "for east-2: left as it is, east-2 is not reached", "setup-mesh certs revoke-access west-1, once east-2 answers")
	if err := a.lab.StartAPI(t.Context(), east2); err != nil {
		t.Fatal(err)
	}
	wantTokens(t, was, "west-1 east-1")
	a.run(t, 0, "certs", "revoke-access", "--yes", "west-1")
	wantTokens(t, was, "west-1 east-1", "west-1 east-2")
	a.healed(t)
}

// revokesForGood is of a cluster that topology.yaml does not name any more, and that no apply gives tokens again.
func (a *access) revokesForGood(t *testing.T) {
	was := a.tokens(t)
	if err := a.lab.StopAPI(t.Context(), west1); err != nil {
		t.Fatal(err)
	}
	a.topology(t, inEast1, inEast2)
	wantWords(t, a.run(t, 0, "certs", "revoke-access", "--yes", "west-1"), "It is not in topology.yaml")
	a.run(t, 3, "apply", "--yes")
	for _, source := range []string{east1, east2} {
		if _, err := a.clusters[source].kube.CoreV1().Secrets("istio-system").Get(t.Context(), "setup-mesh-grant-west-1", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%s: the grant of west-1: %v", source, err)
		}
	}
	wantRevoked(t, was["west-1 east-1"])
	wantRevoked(t, was["west-1 east-2"])
	if err := a.lab.StartAPI(t.Context(), west1); err != nil {
		t.Fatal(err)
	}
}
