package workdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func chmod(file string, mode fs.FileMode) change {
	return func(t *testing.T, dir string) {
		if err := os.Chmod(filepath.Join(dir, file), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// linked moves a file out of the directory and leaves a symbolic link to it.
func linked(file string) change {
	return func(t *testing.T, dir string) {
		away := filepath.Join(filepath.Dir(dir), "away-"+filepath.Base(file))
		if err := os.Rename(filepath.Join(dir, file), away); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(away, filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
}

// linkedInside is linked, to a name in the same directory, which os.Root follows.
func linkedInside(file string) change {
	return func(t *testing.T, dir string) {
		name := filepath.Join(dir, file)
		if err := os.Rename(name, name+".real"); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Base(name)+".real", name); err != nil {
			t.Fatal(err)
		}
	}
}

func directory(file string) change {
	return func(t *testing.T, dir string) {
		removed(file)(t, dir)
		if err := os.Mkdir(filepath.Join(dir, file), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func anotherOwner(file string) change {
	return func(t *testing.T, dir string) {
		if os.Geteuid() != 0 {
			t.Skip("only root can give a file away")
		}
		if err := os.Chown(filepath.Join(dir, file), 12345, -1); err != nil {
			t.Fatal(err)
		}
	}
}

// short has DIR for a directory in text, and PARENT for the one above it.
func short(text, dir string) string {
	return strings.NewReplacer(dir, "DIR", filepath.Dir(dir), "PARENT").Replace(text)
}

// readAll is what every verb but prep does with a work directory.
func readAll(dir string) error {
	d, err := Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_, topologyErr := d.Topology(nil)
	_, baseErr := d.Base()
	_, rootErr := d.Root()
	return errors.Join(topologyErr, baseErr, rootErr)
}

func TestOpenAndRead(t *testing.T) {
	link := "put the file itself in place of "
	tests := map[string]struct {
		after   change
		want    string // DIR stands for the directory, "" for success
		wantFix string
	}{
		"as prep leaves it":        {func(*testing.T, string) {}, "", ""},
		"read-only":                {func(t *testing.T, dir string) { chmod("certs", 0o500)(t, dir); chmod(".", 0o500)(t, dir) }, "", ""},
		"without the root key":     {removed(RootKeyFile), "", ""},
		"key that cannot change":   {chmod(RootKeyFile, 0o400), "", ""},
		"without topology.yaml":    {removed(TopologyFile), "DIR/topology.yaml: file does not exist", "setup-mesh prep writes one"},
		"without base.yaml":        {removed(BaseFile), "DIR/base.yaml: file does not exist", "setup-mesh prep writes one"},
		"without the root":         {func(t *testing.T, dir string) { removed(RootKeyFile)(t, dir); removed(RootCertFile)(t, dir) }, "DIR/certs/root-cert.pem: file does not exist", "setup-mesh prep writes one"},
		"key for the group":        {chmod(RootKeyFile, 0o640), "DIR/certs/root-key.pem: can be used by others: its mode is 0640, not 0600", "chmod 600 DIR/certs/root-key.pem, and think about who may have read it"},
		"key for everybody":        {chmod(RootKeyFile, 0o644), "DIR/certs/root-key.pem: can be used by others: its mode is 0644, not 0600", "chmod 600 DIR/certs/root-key.pem, and think about who may have read it"},
		"key of somebody else":     {anotherOwner(RootKeyFile), "DIR/certs/root-key.pem: belongs to user 12345, not to you (user 0)", "chown 0 DIR/certs/root-key.pem, once you know why"},
		"key is a link":            {linked(RootKeyFile), "DIR/certs/root-key.pem: is a symbolic link", link + "DIR/certs/root-key.pem"},
		"key is a link inside":     {linkedInside(RootKeyFile), "DIR/certs/root-key.pem: is a symbolic link", link + "DIR/certs/root-key.pem"},
		"certificate is a link":    {linked(RootCertFile), "DIR/certs/root-cert.pem: is a symbolic link", link + "DIR/certs/root-cert.pem"},
		"topology.yaml is a link":  {linkedInside(TopologyFile), "DIR/topology.yaml: is a symbolic link", link + "DIR/topology.yaml"},
		"certs is a link":          {linked(certsDir), "DIR/certs: is a symbolic link", "put the directory itself in place of DIR/certs"},
		"certs is a link inside":   {linkedInside(certsDir), "DIR/certs: is a symbolic link", "put the directory itself in place of DIR/certs"},
		"certs is for everybody":   {chmod(certsDir, 0o777), "DIR/certs: is world-writable, and keeps the root key", "chmod o-w DIR/certs"},
		"base.yaml is a directory": {directory(BaseFile), "DIR/base.yaml: is not a file", ""},
		"all is for everybody":     {chmod(".", 0o777), "DIR: is world-writable, and keeps the root key", "chmod o-w DIR"},
		"even with the sticky bit": {chmod(".", 0o777|fs.ModeSticky), "DIR: is world-writable, and keeps the root key", "chmod o-w DIR"},
		"the parent is too":        {chmod("..", 0o777), "DIR: everybody can replace this directory, because its parent PARENT is world-writable", "chmod o-w PARENT, or use another place with --dir"},
		"but not with sticky bit":  {chmod("..", 0o777|fs.ModeSticky), "", ""},
		"the directory is a link":  {linked("."), "DIR: is a symbolic link", "put the directory itself in place of DIR"},
		"the directory is a file": {func(t *testing.T, dir string) {
			os.RemoveAll(dir)
			written(filepath.Base(dir), "")(t, filepath.Dir(dir))
		}, "DIR: is not a directory", ""},
		"nothing is there":    {func(_ *testing.T, dir string) { os.RemoveAll(dir) }, "DIR: the work directory does not exist", "setup-mesh prep makes one"},
		"not even the parent": {func(_ *testing.T, dir string) { os.RemoveAll(filepath.Dir(dir)) }, "DIR: the parent directory PARENT does not exist", "mkdir -p PARENT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(newDir(t), "work")
			if _, err := Prepare(t.Context(), optionsIn(dir)); err != nil {
				t.Fatal(err)
			}
			tt.after(t, dir)
			t.Cleanup(func() { // so that the test's directory can be removed; what the case itself took away may be gone
				_ = os.Chmod(dir, 0o700)
				_ = os.Chmod(filepath.Join(dir, certsDir), 0o700)
			})
			err := readAll(dir)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.want, short(text, dir)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.wantFix, short(fixOf(err), dir)); diff != "" {
				t.Errorf("fix (-want +got):\n%s", diff)
			}
		})
	}
}

// Reading goes on in the directory that was opened, whatever takes its name.
func TestDirIsPinned(t *testing.T) {
	dir := prepared(t)
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	written(TopologyFile, "mesh_id: planted\n")(t, dir)
	mesh, err := d.Topology(nil)
	if err != nil || mesh.ID != "mymeshname" {
		t.Errorf("read %v, %v", mesh, err)
	}
}

func TestMistakesNameTheFileAsTyped(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Prepare(t.Context(), optionsIn("mydir")); err != nil {
		t.Fatal(err)
	}
	written(TopologyFile, "mesh_id: mymeshname\ntrust: x\n")(t, "mydir")
	for dir, want := range map[string]string{"mydir": "mydir/topology.yaml", "./mydir/": "mydir/topology.yaml"} {
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Topology(nil)
		d.Close()
		ps, ok := errors.AsType[topology.Problems](err)
		if !ok || ps[0].File != want {
			t.Errorf("in %s: %v, want it in %s", dir, err, want)
		}
	}
}

func TestLargeFile(t *testing.T) {
	dir := prepared(t)
	written(TopologyFile, strings.Repeat("# 1 KiB of nothing to read\n", 50_000))(t, dir)
	if err := readAll(dir); err == nil || !strings.Contains(err.Error(), "is larger than 1 MiB") {
		t.Errorf("error %v", err)
	}
}

// What is wrong in one file does not hide what is wrong in the other.
func TestMistakesInBothFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := Prepare(t.Context(), optionsIn("mydir")); err != nil {
		t.Fatal(err)
	}
	written(TopologyFile, "mesh_id: mymeshname\ntrust: x\n")(t, "mydir")
	written(BaseFile, "kind: Other\n")(t, "mydir")
	d, err := Open("mydir")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, err = d.Read(nil)
	for _, file := range []string{TopologyFile, BaseFile} {
		if err == nil || !strings.Contains(err.Error(), "mydir/"+file) {
			t.Errorf("%s is not named: %v", file, err)
		}
	}
}
