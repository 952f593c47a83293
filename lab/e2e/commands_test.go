package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestMain checks, where all tests ran, that all commands did what they are for while their secrets were looked for.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && !testing.Short() && flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" {
		if missing, err := ran.missing(); err != nil || len(missing) > 0 {
			fmt.Fprintf(os.Stderr, "no test has these commands succeed: %q (%v)\n", missing, err)
			code = 1
		}
	}
	os.Exit(code)
}

// ran is what all tests ran.
var ran commandsRun

// commandsRun are command lines that succeeded.
type commandsRun struct {
	mu    sync.Mutex
	begin map[string]bool // their first words, two at most
}

// add notes a run that ended with the exit code.
func (c *commandsRun) add(args []string, code int) {
	if code != 0 || len(args) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begin == nil {
		c.begin = map[string]bool{}
	}
	c.begin[args[0]] = true
	c.begin[strings.Join(args[:min(2, len(args))], " ")] = true
}

// missing are the commands that nobody ran.
func (c *commandsRun) missing() ([]string, error) {
	all, err := commands()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(all, func(name string) bool { return c.begin[name] }), err
}

// commands are all that setup-mesh has, such as "certs csr": those of the reference, which a test of the app holds to
// it, and the one that shells call.
func commands() ([]string, error) {
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		return nil, err
	}
	out := []string{"__complete"}
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	return out, nil
}

// A quietRun is a command that is run where no cluster answers.
type quietRun struct {
	line  string // without the program, blanks between words
	stdin string
	code  int
}

const passphrase = "correct horse battery staple"

// firstRuns, in this order, make a work directory with keys of all kinds: a root that is being replaced, and requests;
// and one with an encrypted root.
func firstRuns(dir string) []quietRun {
	in := func(file string) string { return filepath.Join(dir, file) }
	return []quietRun{
		{"prep --mesh-id mymeshname --org example.com --all-contexts", "", 0},
		{"prep --dir " + dir + "-sealed --mesh-id mymeshname --org example.com --encrypt --passphrase-fd 0", passphrase + "\n", 0},
		{"certs csr", "", 0},
		{"certs sign --csr " + in("certs/request-east-1.csr"), "", 0},
		{"certs sign --dir " + dir + "-sealed --passphrase-fd 0 --csr " + in("certs/request-east-1.csr"), passphrase + "\n", 0},
		{"certs sign --dir " + dir + "-sealed --passphrase-fd 0 --csr " + in("certs/request-east-1.csr"), passphrase + "!\n", 1},
		{"certs sign --csr " + in("certs/request-east-1-key.pem"), "", 1},
		{"certs import --from " + in("certs/root-key.pem"), "", 1},
		{"certs rotate-root --yes", "", 1},
	}
}

// quietRuns are in that work directory, in any order.
func quietRuns(dir string) []quietRun {
	in := func(file string) string { return filepath.Join(dir, file) }
	return []quietRun{
		{"plan -o json --show objects", "", 3},
		{"plan --out " + in("saved.plan"), "", 3},
		{"apply --yes", "", 1},
		{"status -o json", "", 2},
		{"verify", "", 2},
		{"graph -o html", "", 0},
		{"certs -o json", "", 2},
		{"certs status", "", 2},
		{"certs rotate-access --yes", "", 1},
		{"certs revoke-access --yes east-1", "", 3},
		{"certs revoke-ca --yes --cluster east-1", "", 1},
		{"render --out-dir " + in("rendered"), "", 0},
		{"migrate --file " + in("base.yaml"), "", 0},
		{"inject -f - --context context-east-1", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n", 1},
		{"explain topology.contexts", "", 0},
		{"bundle --out " + in("bundle.tgz"), "", 0},
		{"completion bash", "", 0},
		{"__complete certs csr --cluster e", "", 0},
		{"teardown --yes", "", 1},
		{"--version", "", 0},
	}
}

// TestEveryCommandKeepsSecrets runs all commands that there are, and wants none to tell a secret where no cluster
// answers. A command that is not among the runs fails it.
func TestEveryCommandKeepsSecrets(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(`{apiVersion: v1, kind: Config,
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}],
contexts: [{name: context-east-1, context: {cluster: c, user: u}}, {name: context-west-1, context: {cluster: c, user: v}}],
users: [{name: u, user: {token: a-token-that-is-secret}}, {name: v, user: {username: me, password: a-password-that-is-secret}}]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	u := newUser(t, kubeconfig)
	u.canaries.add("the passphrase", []byte(passphrase))
	first, others := firstRuns(u.dir), quietRuns(u.dir)
	for _, run := range first {
		u.quiet(t, run)
	}
	var all sync.WaitGroup
	for _, run := range others {
		all.Go(func() { u.quiet(t, run) })
	}
	all.Wait()
	if n := u.canaries.count(); n < 20 {
		t.Errorf("only %d secrets were looked for", n)
	}
	names, err := commands()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !slices.ContainsFunc(slices.Concat(first, others), func(r quietRun) bool { return strings.HasPrefix(r.line+" ", name+" ") }) {
			t.Errorf("no run of %q", name)
		}
	}
}

func (u *user) quiet(t *testing.T, run quietRun) {
	cmd := u.command(t.Context(), strings.Fields(run.line)...)
	cmd.Stdin = strings.NewReader(run.stdin)
	if r := u.do(t, cmd); r.code != run.code {
		t.Errorf("want exit %d of\n%s", run.code, r)
	}
}
