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
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// A user is somebody at a shell: a home, a kubeconfig, a work directory, and the setup-mesh binary. What that told so far
// is kept, to look for secrets in it.
type user struct {
	program, home, kubeconfig, dir string
	dns                            string                           // the name server that knows the lab's gateways
	clients                        map[string]*kubernetes.Clientset // of the clusters, as their administrator, by context

	mu       sync.Mutex
	said     []telling
	canaries canaries // all secrets that there were so far
}

// newUser makes a user with a kubeconfig of its own, a copy of the given one.
func newUser(t testing.TB, kubeconfig string) *user {
	t.Helper()
	built, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	u := &user{
		program: filepath.Join(base, "setup-mesh"), home: filepath.Join(base, "home"),
		kubeconfig: filepath.Join(base, "kubeconfig"), dir: filepath.Join(base, "mydir"),
		clients: map[string]*kubernetes.Clientset{}, canaries: canaries{},
	}
	if err := errors.Join(copyFile(u.program, built, 0o700), copyFile(u.kubeconfig, kubeconfig, 0o600), os.Mkdir(u.home, 0o700), os.Mkdir(u.temp(), 0o700)); err != nil {
		t.Fatal(err)
	}
	u.keepsSecrets(t, loadKubeconfig(t, kubeconfig))
	return u
}

// temp is where its programs put temporary files.
func (u *user) temp() string { return filepath.Join(filepath.Dir(u.home), "tmp") }

// copyFile copies piece by piece: what this process once held counts as its children's peak memory.
func copyFile(to, from string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// slow is more than any command takes here unless it waits for what it should not wait for.
const slow = 15 * time.Second

// A result is what became of a command.
type result struct {
	command        string
	code           int
	stdout, stderr string
	took           time.Duration
	maxRSS         int64 // bytes
}

// String leaves out the middle of a long answer.
func (r result) String() string {
	const most = 6000
	out := r.stdout
	if len(out) > most {
		out = out[:most/2] + "\n...\n" + out[len(out)-most/2:]
	}
	return fmt.Sprintf("$ %s\n%s%s(exit %d after %.1f s)", r.command, out, r.stderr, r.code, r.took.Seconds())
}

// command is not yet started. No program but setup-mesh is in reach of it, and a dial outside loopback goes nowhere.
func (u *user) command(ctx context.Context, args ...string) *exec.Cmd {
	u.collect(args)
	cmd := exec.CommandContext(ctx, u.program, args...)
	cmd.Dir = u.home
	cmd.Env = []string{
		"HOME=" + u.home, "PATH=/nonexistent", "KUBECONFIG=" + u.kubeconfig, "WORKDIR=" + u.dir, "USER=e2e", "TMPDIR=" + u.temp(),
		"SETUP_MESH_ALLOW_LOOPBACK=1", "SETUP_MESH_STATS=1", "SETUP_MESH_DNS_SERVER=" + u.dns,
		"HTTP_PROXY=http://127.0.0.1:9", "HTTPS_PROXY=http://127.0.0.1:9",
	}
	return cmd
}

// with is for a command whose environment differs; a later variable wins.
func with(cmd *exec.Cmd, env ...string) *exec.Cmd {
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// do runs a command to its end, whatever that is.
func (u *user) do(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.Exited() == false) {
		t.Logf("%s: %v", cmd, err)
	}
	return u.result(t, cmd, start, stdout.String(), stderr.String())
}

func (u *user) result(t testing.TB, cmd *exec.Cmd, start time.Time, stdout, stderr string) result {
	t.Helper()
	if cmd.ProcessState == nil {
		t.Fatalf("%s did not run", cmd)
	}
	r := result{
		command: filepath.Base(u.program) + " " + strings.Join(cmd.Args[1:], " "), code: cmd.ProcessState.ExitCode(),
		stdout: stdout, stderr: stderr, took: time.Since(start),
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.maxRSS = usage.Maxrss * 1024 // kilobytes on Linux
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.told(r, cmd.Args[1:], start)
	t.Logf("%s: exit %d after %.1f s", r.command, r.code, r.took.Seconds())
	if r.took > slow {
		t.Logf("which is slow:\n%s", stderr)
	}
	return r
}

// run runs setup-mesh, and fails the test unless it exits with code.
func (u *user) run(t testing.TB, code int, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	return wantCode(t, code, u.do(t, u.command(ctx, args...)))
}

// givesUp runs a command, such as "apply --yes", that waits for what does not come about, until it gives up, and wants it to
// exit with code and to say these words. How far a command gets in a while is the machine's business: one whose time was up
// before it came to say them is given more.
func (u *user) givesUp(t testing.TB, command string, after time.Duration, code int, words ...string) result {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		r := u.do(t, u.command(ctx, append(strings.Fields(command), "--timeout", after.String())...))
		cancel()
		if r.code == 0 || r.took < after || after >= patience || r.code == code && saysAll(r, words) {
			wantWords(t, wantCode(t, code, r), words...)
			return r
		}
		after = min(4*after, patience)
	}
}

func saysAll(r result, words []string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(r.stdout+r.stderr, w) })
}

func wantCode(t testing.TB, code int, r result) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("want exit %d of\n%s", code, r)
	}
	return r
}

// wantWords fails the test unless all of words are in what r printed.
func wantWords(t testing.TB, r result, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(r.stdout+r.stderr, w) {
			t.Errorf("%q is missing in\n%s", w, r)
		}
	}
}

// write puts a file into the work directory.
func (u *user) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(u.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (u *user) read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(u.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// topology writes topology.yaml with the given lines below contexts.
func (u *user) topology(t testing.TB, contexts ...string) {
	t.Helper()
	u.write(t, "topology.yaml", "mesh_id: mymeshname\ncontexts:\n  "+strings.Join(contexts, "\n  ")+"\n")
}

// editKubeconfig changes the user's kubeconfig.
func (u *user) editKubeconfig(t testing.TB, edit func(*api.Config)) {
	t.Helper()
	c, err := clientcmd.LoadFromFile(u.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	edit(c)
	if err := clientcmd.WriteToFile(*c, u.kubeconfig); err != nil {
		t.Fatal(err)
	}
}

func loadKubeconfig(t testing.TB, path string) *api.Config {
	t.Helper()
	c, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// decode reads the JSON that a command printed.
func decode[T any](t testing.TB, r result) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("%v in\n%s", err, r)
	}
	return v
}
