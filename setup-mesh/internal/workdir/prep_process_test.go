//go:build unix

package workdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// prepProcess is the variable that makes this test binary be a prep with a
// special process around it. Its value is the name of one of prepProcesses.
const prepProcess = "SETUP_MESH_TEST_PREP"

var prepProcesses = map[string]func(ctx context.Context, dir string) error{
	"umask 0000": func(ctx context.Context, dir string) error { unix.Umask(0); return runPrep(ctx, dir) },
	"umask 0777": func(ctx context.Context, dir string) error { unix.Umask(0o777); return runPrep(ctx, dir) },
	"umask 0077": func(ctx context.Context, dir string) error { unix.Umask(0o077); return runPrep(ctx, dir) },
	"no file may exceed 400 bytes": func(ctx context.Context, dir string) error {
		signal.Ignore(syscall.SIGXFSZ) // so that writing fails as on a full disk
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 400, Max: 400}); err != nil {
			return err
		}
		return runPrep(ctx, dir)
	},
	"no room for a second plan": func(_ context.Context, dir string) error {
		signal.Ignore(syscall.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 400, Max: 400}); err != nil {
			return err
		}
		return WriteFile(filepath.Join(dir, "plan"), make([]byte, 401), 0o600)
	},
	"killed before anything has its name":        func(_ context.Context, dir string) error { return killedPrep(dir, 0, killed) },
	"killed between the key and the certificate": func(_ context.Context, dir string) error { return killedPrep(dir, 4, killed) },
	"killed before the last file is tidied": func(_ context.Context, dir string) error {
		return killedPrep(dir, 4, func(dir *os.Root, temp, file string) error {
			return errors.Join(linkNew(dir, temp, file), killed(dir, temp, file))
		})
	},
}

func runPrep(ctx context.Context, dir string) error {
	_, err := Prepare(ctx, optionsIn(dir))
	return err
}

// killed is where a SIGKILL ends the process instead of a file getting its name.
func killed(*os.Root, string, string) error { return unix.Kill(os.Getpid(), unix.SIGKILL) }

// killedPrep is a prep that makes some of its files, and ends in publish with
// the next one.
func killedPrep(dir string, made int, publish func(dir *os.Root, temp, file string) error) error {
	d, err := openOrMake(dir)
	if err != nil {
		return err
	}
	p := preparation{o: optionsIn(dir), dir: d}
	if err := p.judge(context.Background()); err != nil {
		return err
	}
	if err := d.createAll(context.Background(), p.create[:made]); err != nil {
		return err
	}
	next := p.create[made]
	return write(d.files, next.file, next.data, next.perm, publish)
}

// TestMain has the test binary be one of prepProcesses where a test starts it as
// that.
func TestMain(m *testing.M) {
	name := os.Getenv(prepProcess)
	if name == "" {
		os.Exit(m.Run())
	}
	dir := os.Getenv("WORKDIR")
	if err := prepProcesses[name](context.Background(), dir); err != nil {
		fmt.Println("prep:", strings.ReplaceAll(err.Error(), dir, "DIR"))
		os.Exit(1)
	}
}

// inProcess runs one of prepProcesses, and returns its output and how it ended.
func inProcess(t *testing.T, name, dir string) (string, *os.ProcessState) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), prepProcess+"="+name, "WORKDIR="+dir)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState
}

func TestPrepUmask(t *testing.T) {
	open := map[string]fs.FileMode{TopologyFile: 0o644, BaseFile: 0o644, RootCertFile: 0o644, GitignoreFile: 0o644}
	closed := map[string]fs.FileMode{TopologyFile: 0o600, BaseFile: 0o600, RootCertFile: 0o600, GitignoreFile: 0o600}
	for name, want := range map[string]map[string]fs.FileMode{"umask 0000": open, "umask 0077": closed, "umask 0777": closed} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			if out, state := inProcess(t, name, dir); !state.Success() {
				t.Fatalf("%s: %s", state, out)
			}
			want[RootKeyFile], want[certsDir], want["."] = 0o600, 0o700, 0o700
			got := map[string]fs.FileMode{}
			for file := range want {
				info, err := os.Stat(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				got[file] = info.Mode().Perm()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("modes (-want +got):\n%s", diff)
			}
		})
	}
}

// With no room for one of the files, none is left, and nothing of before is lost.
func TestPrepWithoutRoom(t *testing.T) {
	for name, before := range map[string]change{
		"first time":       func(*testing.T, string) {},
		"with a topology":  written(TopologyFile, "mesh_id: mymeshname\n"),
		"with a gitignore": written(GitignoreFile, "*\n"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			before(t, dir)
			want := slices.Sorted(slices.Values(append(names(t, dir), certsDir)))
			out, state := inProcess(t, "no file may exceed 400 bytes", dir)
			if state.ExitCode() != 1 || !strings.HasSuffix(out, ": file too large\n") {
				t.Errorf("%s: %s", state, out)
			}
			if diff := cmp.Diff(want, names(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if _, err := Prepare(t.Context(), optionsIn(dir)); err != nil {
				t.Errorf("prep with room again: %v", err)
			}
		})
	}
}

func TestPrepKilled(t *testing.T) {
	whole := []string{".", ".gitignore", "base.yaml", "certs", "certs/root-cert.pem", "certs/root-key.pem", "topology.yaml"}
	half := []string{".", ".gitignore", "base.yaml", "certs", "certs/root-key.pem", "topology.yaml"}
	tests := map[string]struct {
		wantErr string // of the prep after it
		want    []string
	}{
		"killed before anything has its name":        {"", whole},
		"killed between the key and the certificate": {"DIR/certs/root-key.pem: exists, but DIR/certs/root-cert.pem does not", half},
		"killed before the last file is tidied":      {"", whole},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "new")
			out, state := inProcess(t, name, dir)
			if ws, ok := state.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
				t.Fatalf("%s: %s", state, out)
			}
			key, _ := os.ReadFile(filepath.Join(dir, RootKeyFile))
			_, err := Prepare(t.Context(), optionsIn(dir))
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR")
			}
			if diff := cmp.Diff(tt.wantErr, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, names(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if after, _ := os.ReadFile(filepath.Join(dir, RootKeyFile)); len(key) > 0 && string(after) != string(key) {
				t.Error("the root key changed")
			}
		})
	}
}

// A file that does not fit leaves the one of before.
func TestWriteFileWithoutRoom(t *testing.T) {
	dir := newDir(t)
	written("plan", "old")(t, dir)
	before := tree(t, dir)
	out, state := inProcess(t, "no room for a second plan", dir)
	if state.ExitCode() != 1 || out != "prep: DIR/plan: file too large\n" {
		t.Errorf("%s: %s", state, out)
	}
	sameTree(t, dir, before)
}
