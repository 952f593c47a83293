package workdir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// generation is the part of a root's name that differs every time.
var generation = regexp.MustCompile(`CN=[a-z]+ root [0-9.a-f-]+`)

// fixOf is what to do about err, "" where it does not say.
func fixOf(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Remedy() string
	}](err); ok {
		return h.Remedy()
	}
	return ""
}

var prepNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// prepIn are the options of the user's path, in a directory.
func optionsIn(dir string) Options {
	return Options{Dir: dir, MeshID: "mymeshname", Org: "example.com", Now: prepNow, Rand: rand.Reader}
}

// newDir is a directory that a user might work in.
func newDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mydir")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// prepared is a directory that prep has been run in.
func prepared(t *testing.T) string {
	t.Helper()
	dir := newDir(t)
	if _, err := Prepare(t.Context(), optionsIn(dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// tree is every name below dir, with its mode and, unless it is a directory, its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		files[rel] = info.Mode().String()
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			files[rel] += fmt.Sprintf(" %d %s", info.ModTime().UnixNano(), data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// names are the names below dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	return slices.Sorted(maps.Keys(tree(t, dir)))
}

// sameTree fails without printing what is in the files.
func sameTree(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	after := tree(t, dir)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] != before[name] {
			t.Errorf("%s changed", name)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after))); diff != "" {
		t.Errorf("names (-before +after):\n%s", diff)
	}
}

// actions is a report in short: "created topology.yaml", and its notes.
func actions(r Report) []string {
	var out []string
	for _, f := range r.Files {
		out = append(out, strings.Join(append([]string{string(f.Action) + " " + f.File}, f.Notes...), "; "))
	}
	return out
}

var allKept = []string{"kept topology.yaml", "kept base.yaml", "kept certs/root-cert.pem", "kept certs/root-key.pem", "kept .gitignore"}

func TestPrep(t *testing.T) {
	for name, dir := range map[string]string{"in a directory": newDir(t), "makes the directory": filepath.Join(t.TempDir(), "new")} {
		t.Run(name, func(t *testing.T) {
			got, err := Prepare(t.Context(), optionsIn(dir))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"created topology.yaml", "created base.yaml", "created certs/root-cert.pem", "created certs/root-key.pem", "created .gitignore"}
			if diff := cmp.Diff(want, actions(got)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			if got.MeshID != "mymeshname" || got.Clusters != 0 || got.Root.Algorithm != "ECDSA P-384" || got.Root.NotAfter.Format(time.DateOnly) != "2036-11-18" {
				t.Errorf("report: %+v", got)
			}
			if diff := cmp.Diff([]string{".", ".gitignore", "base.yaml", "certs", "certs/root-cert.pem", "certs/root-key.pem", "topology.yaml"}, names(t, dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			d, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			mesh, err := d.Topology(nil)
			if err != nil || mesh.ID != "mymeshname" || mesh.File != filepath.Join(dir, "topology.yaml") {
				t.Errorf("topology.yaml: %v, %v", mesh, err)
			}
			if _, err := d.Base(); err != nil {
				t.Errorf("base.yaml: %v", err)
			}
			root, err := d.Root()
			if err != nil || !root.CanSign() || root.Organization() != "example.com" || root.Mesh() != "mymeshname" {
				t.Errorf("root: %v, %v", root, err)
			}
		})
	}
}

func TestPrepTwiceChangesNothing(t *testing.T) {
	dir := prepared(t)
	before := tree(t, dir)
	o := optionsIn(dir)
	o.Now = prepNow.AddDate(1, 0, 0)
	for _, again := range []Options{o, {Dir: dir, Now: prepNow, Rand: rand.Reader}} {
		got, err := Prepare(t.Context(), again)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(allKept, actions(got)); diff != "" {
			t.Errorf("actions (-want +got):\n%s", diff)
		}
		sameTree(t, dir, before)
	}
}

// change is something that happened to a work directory.
type change func(t *testing.T, dir string)

func removed(file string) change {
	return func(t *testing.T, dir string) {
		if err := os.Remove(filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
}

func written(file, content string) change {
	return func(t *testing.T, dir string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// replacedRoot puts in another root, of another mesh and organization.
func replacedRoot(now time.Time) change {
	return func(t *testing.T, dir string) {
		cert, key, err := certs.NewRoot(rand.Reader, now, "othermesh", "other.example")
		if err != nil {
			t.Fatal(err)
		}
		written(RootCertFile, string(cert))(t, dir)
		written(RootKeyFile, string(key.Bytes()))(t, dir)
	}
}

func kept(file string, notes ...string) []string {
	list := slices.Clone(allKept)
	for i, line := range list {
		if line == "kept "+file {
			list[i] = strings.Join(append([]string{line}, notes...), "; ")
		}
	}
	return list
}

func TestPrepKeeps(t *testing.T) {
	ten := prepNow.Add(-certs.RootLifetime + 10*24*time.Hour + time.Hour)
	notMine := []string{`is the root of mesh "othermesh", not of "mymeshname"; it is kept`,
		`its organization is "other.example", not "example.com"; it is kept, and the clusters' CAs use it`}
	keyless := kept(RootKeyFile)
	keyless[3] = "absent certs/root-key.pem; is needed to add a cluster and to renew a cluster's CA: put it back for that; prep makes no new key for a certificate that exists"
	remade := kept("")
	remade[0] = "created topology.yaml"
	tests := map[string]struct {
		after change
		want  []string
	}{
		"clusters added":              {written(TopologyFile, "mesh_id: mymeshname\ncontexts: {a: {network: n}, b: {network: n}}\n"), allKept},
		"topology.yaml removed":       {removed(TopologyFile), remade},
		"root key kept elsewhere":     {removed(RootKeyFile), keyless},
		"another root":                {replacedRoot(prepNow), kept(RootCertFile, notMine...)},
		"root about to expire":        {replacedRoot(ten), kept(RootCertFile, append(notMine, "expires on 2026-12-01, in 10 days")...)},
		"root expired":                {replacedRoot(ten.Add(-365 * 24 * time.Hour)), kept(RootCertFile, append(notMine, "expired on 2025-12-01: no cluster trusts what it signs")...)},
		".gitignore of one's own":     {written(GitignoreFile, "*.bak\n"), kept(GitignoreFile, "does not seem to keep the root key out of git: add the line /certs/*key*.pem")},
		".gitignore that will do":     {written(GitignoreFile, "*.bak\r\n/certs/\r\n"), allKept},
		"left over temporary file":    {written(".setup-mesh-ABCD.tmp", "x"), allKept},
		"left over temporary key":     {written("certs/.setup-mesh-ABCD.tmp", "x"), allKept},
		"base.yaml that is not right": {written(BaseFile, "kind: Nothing\n"), allKept},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := prepared(t)
			tt.after(t, dir)
			before := tree(t, dir)
			got, err := Prepare(t.Context(), optionsIn(dir))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, actions(got)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			maps.DeleteFunc(before, func(name, _ string) bool { return strings.HasSuffix(name, ".tmp") })
			after := tree(t, dir)
			for name, content := range before {
				if name != "." && name != "certs" && after[name] != content {
					t.Errorf("%s changed", name)
				}
			}
			for name := range after {
				if strings.HasSuffix(name, ".tmp") {
					t.Errorf("%s is still there", name)
				}
			}
		})
	}
}

func TestPrepRefuses(t *testing.T) {
	anyway := func(*testing.T, string) {}
	tests := map[string]struct {
		after   change
		edit    func(*Options)
		want    string // DIR stands for the directory
		wantFix string
	}{
		"another mesh": {anyway, func(o *Options) { o.MeshID = "other" },
			`DIR/topology.yaml: mesh_id is "mymeshname", but the mesh asked for is "other"`,
			"a work directory is for one mesh: use another with --dir, or leave MESH_ID and --mesh-id out"},
		"key without certificate": {removed(RootCertFile), nil,
			"DIR/certs/root-key.pem: exists, but DIR/certs/root-cert.pem does not",
			"put the certificate back if any cluster was set up with it; if prep was interrupted the first time it ran, no cluster knows the key: remove DIR/certs/root-key.pem and run setup-mesh prep again"},
		"certificate of another key": {func(t *testing.T, dir string) {
			key, _ := os.ReadFile(filepath.Join(dir, RootKeyFile))
			replacedRoot(prepNow)(t, dir)
			written(RootKeyFile, string(key))(t, dir)
		}, nil, "DIR/certs/root-key.pem: does not belong to the certificate in root-cert.pem (CN=GEN,OU=othermesh,O=other.example)", ""},
		"broken certificate": {written(RootCertFile, "junk"), nil, "DIR/certs/root-cert.pem: holds no PEM block", ""},
		"encrypted key": {written(RootKeyFile, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n"), nil,
			"DIR/certs/root-key.pem: the private key is encrypted",
			"decrypt it with openssl pkey -in ENCRYPTED -out root-key.pem, and keep that file to yourself (mode 0600)"},
		"mistakes in topology.yaml": {written(TopologyFile, "mesh_id: mymeshname\ncontexts: {a: {netwrok: n}}\n"), nil,
			"DIR/topology.yaml:2:16: contexts.a.netwrok: unknown key", ""},
		"nothing but a directory": {func(t *testing.T, dir string) {
			for _, f := range []string{TopologyFile, BaseFile, RootCertFile, RootKeyFile} {
				removed(f)(t, dir)
			}
		}, func(o *Options) { o.MeshID, o.Org = "", "" },
			"the names of the mesh and of the organization are missing", "setup-mesh prep --mesh-id mymeshname --org example.com, or set MESH_ID and ORG_NAME"},
		"no mesh ID": {removed(TopologyFile), func(o *Options) { o.MeshID = "" }, "the name of the mesh is missing", "--mesh-id mymeshname, or set MESH_ID"},
		"no organization": {func(t *testing.T, dir string) { removed(RootCertFile)(t, dir); removed(RootKeyFile)(t, dir) },
			func(o *Options) { o.Org = "" }, "the name of the organization, for the root certificate, is missing", "--org example.com, or set ORG_NAME"},
		"organization too long": {anyway, func(o *Options) { o.Org = strings.Repeat("o", 65) }, "organization: has 65 characters, a certificate holds 64", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := prepared(t)
			tt.after(t, dir)
			before := tree(t, dir)
			o := optionsIn(dir)
			if tt.edit != nil {
				tt.edit(&o)
			}
			_, err := Prepare(t.Context(), o)
			if err == nil {
				t.Fatal("no error")
			}
			got := generation.ReplaceAllString(strings.ReplaceAll(err.Error(), dir, "DIR"), "CN=GEN")
			if diff := cmp.Diff(tt.want, strings.Split(got, "\n")[0]); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if _, ok := errors.AsType[topology.Problems](err); !ok {
				if diff := cmp.Diff(tt.wantFix, strings.ReplaceAll(fixOf(err), dir, "DIR")); diff != "" {
					t.Errorf("fix (-want +got):\n%s", diff)
				}
			}
			sameTree(t, dir, before)
		})
	}
}

func TestPrepMakesNoDirectoryForNothing(t *testing.T) {
	tests := map[string]func(*Options){
		"no mesh ID":             func(o *Options) { o.MeshID = "" },
		"no organization":        func(o *Options) { o.Org = "" },
		"a mesh ID that is none": func(o *Options) { o.MeshID = "my mesh: {name}\ncontexts: {}" },
		"an organization with \\": func(o *Options) {
			o.Org = "example\x1b[2J"
		},
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			o := optionsIn(filepath.Join(t.TempDir(), "new"))
			edit(&o)
			if _, err := Prepare(t.Context(), o); err == nil {
				t.Error("no error")
			}
			if _, err := os.Lstat(o.Dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the directory was made: %v", err)
			}
		})
	}
}

// All preps at once agree on one root, and one of them made it.
func TestPrepAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	const preps = 8
	reports := make([]Report, preps)
	errs := make([]error, preps)
	var wg sync.WaitGroup
	for i := range preps {
		wg.Go(func() { reports[i], errs[i] = Prepare(t.Context(), optionsIn(dir)) })
	}
	wg.Wait()
	created := 0
	for i, r := range reports {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if r.Root != reports[0].Root {
			t.Errorf("two roots: %s and %s", r.Root.Name, reports[0].Root.Name)
		}
		if r.Files[3].Action == Created {
			created++
		}
	}
	if created != 1 {
		t.Errorf("%d of %d preps made the root", created, preps)
	}
	if diff := cmp.Diff([]string{".", ".gitignore", "base.yaml", "certs", "certs/root-cert.pem", "certs/root-key.pem", "topology.yaml"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestPrepWaitsNoLongerThanItsContext(t *testing.T) {
	dir := newDir(t)
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	unlock, err := d.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	_, err = Prepare(ctx, optionsIn(dir))
	if want := dir + ": wait for another setup-mesh that is writing to this directory: interrupted"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Interrupted between files, prep leaves none of them.
func TestPrepInterrupted(t *testing.T) {
	dir := newDir(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	if _, err := Prepare(ctx, optionsIn(dir)); err == nil || err.Error() != "interrupted" {
		t.Errorf("error %v, want interrupted", err)
	}
	if diff := cmp.Diff([]string{".", "certs"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if _, err := Prepare(t.Context(), optionsIn(dir)); err != nil {
		t.Errorf("prep after it: %v", err)
	}
}

// A file that appears while prep is at work is not replaced, and nothing else
// stays of that run.
func TestPrepareNeverReplaces(t *testing.T) {
	dir := newDir(t)
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	written(BaseFile, "theirs")(t, dir)
	err = d.createAll(t.Context(), []newFile{{TopologyFile, []byte("ours"), 0o644}, {BaseFile, []byte("ours"), 0o644}})
	if want := filepath.Join(dir, BaseFile) + ": was created by another process just now"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if diff := cmp.Diff([]string{".", "base.yaml", "certs"}, names(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, BaseFile)); string(data) != "theirs" {
		t.Errorf("base.yaml holds %q", data)
	}
}
