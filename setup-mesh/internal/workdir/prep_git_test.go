package workdir

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// git runs git, in a repository that knows nothing of the user.
func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
}

func TestGitTracks(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	tests := map[string]struct {
		version string // of the index
		add     []string
		want    bool
	}{
		"the key":                     {"2", []string{"-f", "deep/mydir/certs/root-key.pem"}, true},
		"the key, in a compact index": {"4", []string{"-f", "deep/mydir/certs/root-key.pem"}, true},
		"all but the key":             {"2", []string{"deep"}, false},
		"a file that sounds so":       {"2", []string{"-f", "other"}, false},
		"nothing":                     {"2", []string{"--dry-run", "."}, false},
		"the key, intent only":        {"3", []string{"-f", "-N", "deep/mydir/certs/root-key.pem"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			top := newDir(t)
			git(t, top, "init", "-q")
			dir := filepath.Join(top, "deep", "mydir")
			decoy := filepath.Join(top, "other", "deep", "mydir")
			for _, d := range []string{dir, decoy} {
				if err := os.MkdirAll(d, 0o755); err != nil {
					t.Fatal(err)
				}
				if _, err := Prepare(t.Context(), optionsIn(d)); err != nil {
					t.Fatal(err)
				}
			}
			git(t, top, append([]string{"add"}, tt.add...)...)
			git(t, top, "update-index", "--index-version", tt.version)
			d, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			if got := d.tracked(t.Context(), RootKeyFile); got != tt.want {
				t.Errorf("tracked = %v, want %v", got, tt.want)
			}
		})
	}
}

// A linked work tree has its index elsewhere, and there prep warns too.
func TestPrepWarnsInALinkedWorkTree(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	top := newDir(t)
	git(t, top, "init", "-q")
	if _, err := Prepare(t.Context(), optionsIn(top)); err != nil {
		t.Fatal(err)
	}
	git(t, top, "add", "-f", ".")
	git(t, top, "commit", "-q", "-m", "everything")
	tree := filepath.Join(filepath.Dir(top), "tree")
	git(t, top, "worktree", "add", "-q", tree)
	if err := os.Chmod(filepath.Join(tree, RootKeyFile), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Prepare(t.Context(), optionsIn(tree))
	if err != nil {
		t.Fatal(err)
	}
	want := kept(RootKeyFile, "git tracks this key, so everybody who can read the repository can sign for the mesh: take it out with git rm --cached, and start over with a new root")
	if got := actions(r); got[3] != want[3] {
		t.Errorf("got %q, want %q", got[3], want[3])
	}
}

// Without git, and outside of a repository, there is no warning and no error.
func TestWithoutGitNothingIsSaid(t *testing.T) {
	for name, path := range map[string]string{"no git": t.TempDir(), "no repository": os.Getenv("PATH")} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", path)
			dir := prepared(t)
			r, err := Prepare(t.Context(), optionsIn(dir))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(allKept, actions(r)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}
