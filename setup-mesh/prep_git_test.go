package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
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
		"the key":               {"2", []string{"-f", "deep/mydir/certs/root-key.pem"}, true},
		"all but the key":       {"2", []string{"deep"}, false},
		"a file that sounds so": {"2", []string{"-f", "other"}, false},
		"nothing":               {"2", []string{"--dry-run", "."}, false},
		"the key, intent only":  {"3", []string{"-f", "-N", "deep/mydir/certs/root-key.pem"}, true},
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
				if _, err := prep(t.Context(), prepIn(d)); err != nil {
					t.Fatal(err)
				}
			}
			git(t, top, append([]string{"add"}, tt.add...)...)
			git(t, top, "update-index", "--index-version", tt.version)
			w, err := openWorkDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if got := w.gitTracks(rootKeyFile); got != tt.want {
				t.Errorf("gitTracks = %v, want %v", got, tt.want)
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
	if _, err := prep(t.Context(), prepIn(top)); err != nil {
		t.Fatal(err)
	}
	git(t, top, "add", "-f", ".")
	git(t, top, "commit", "-q", "-m", "everything")
	tree := filepath.Join(filepath.Dir(top), "tree")
	git(t, top, "worktree", "add", "-q", tree)
	if err := os.Chmod(filepath.Join(tree, rootKeyFile), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := prep(t.Context(), prepIn(tree))
	if err != nil {
		t.Fatal(err)
	}
	want := kept(rootKeyFile, "git tracks it, so that whoever reads the repository can sign for the mesh: take it out with git rm --cached, and start over with a new root")
	if got := actions(r); got[3] != want[3] {
		t.Errorf("got %q, want %q", got[3], want[3])
	}
}

func FuzzIndexHas(f *testing.F) {
	f.Add([]byte("DIRC\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01a\x00"), "a")
	f.Add([]byte("DIRC\x00\x00\x00\x03"), "")
	f.Fuzz(func(t *testing.T, index []byte, name string) {
		if indexHas(index, name) && len(index) < 12+2+len(name)+1 {
			t.Error("an entry was found where none fits")
		}
	})
}
