package workdir

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteFile(t *testing.T) {
	tests := map[string]struct {
		before func(t *testing.T, dir string)
		file   string
		perm   fs.FileMode
		want   map[string]string // names and content
		mode   fs.FileMode
		err    string // DIR stands for the directory
	}{
		"a new file":             {file: "plan", perm: 0o600, want: map[string]string{"plan": "new"}, mode: 0o600},
		"for everybody to read":  {file: "plan", perm: 0o644, want: map[string]string{"plan": "new"}, mode: 0o644},
		"in place of an old one": {before: written("plan", "old"), file: "plan", perm: 0o600, want: map[string]string{"plan": "new"}, mode: 0o600},
		"a link stays, and what it leads to": {
			before: func(t *testing.T, dir string) { written("plan", "old")(t, dir); linkedInside("plan")(t, dir) },
			file:   "plan", perm: 0o600, want: map[string]string{"plan": "old", "plan.real": "old"}, err: "DIR/plan: is not a file",
		},
		"no such directory": {file: "absent/plan", perm: 0o600, want: map[string]string{}, err: "DIR/absent/plan: no such file or directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := newDir(t)
			if tt.before != nil {
				tt.before(t, dir)
			}
			got := ""
			if err := WriteFile(filepath.Join(dir, tt.file), []byte("new"), tt.perm); err != nil {
				got = short(err.Error(), dir)
			}
			if got != tt.err {
				t.Errorf("error %q, want %q", got, tt.err)
			}
			content := map[string]string{}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				data, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil {
					t.Fatal(err)
				}
				content[e.Name()] = string(data)
			}
			if diff := cmp.Diff(tt.want, content); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if tt.err != "" {
				return
			}
			info, err := os.Stat(filepath.Join(dir, tt.file))
			if err != nil || info.Mode() != tt.mode {
				t.Errorf("mode %v, want %v; %v", info.Mode(), tt.mode, err)
			}
		})
	}
}
