package view

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

// optionsIn are the options of the user's path, in a directory.
func optionsIn(dir string) workdir.Options {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return workdir.Options{Dir: dir, MeshID: "mymeshname", Org: "example.com", Now: now, Rand: rand.Reader}
}

func TestViewPrep(t *testing.T) {
	tests := map[string]struct {
		dir     string
		after   func(t *testing.T, dir string)
		plan    string
		wantOut string
		wantMsg string
	}{
		"first time": {
			dir: ".", plan: "setup-mesh plan",
			wantOut: "" +
				"created topology.yaml         add your clusters here\n" +
				"created base.yaml             IstioControlPlane for all clusters\n" +
				"created certs/root-cert.pem   root of mymeshname, ECDSA P-384, until 2036-11-18\n" +
				"created certs/root-key.pem    keep it safe: it signs every cluster's CA\n" +
				"created .gitignore            keeps the root key out of git\n",
			wantMsg: "next: add clusters to topology.yaml, then setup-mesh plan\n",
		},
		"a directory by name": {
			dir: "mydir", plan: "setup-mesh plan --dir mydir",
			wantOut: "" +
				"created mydir/topology.yaml         add your clusters here\n" +
				"created mydir/base.yaml             IstioControlPlane for all clusters\n" +
				"created mydir/certs/root-cert.pem   root of mymeshname, ECDSA P-384, until 2036-11-18\n" +
				"created mydir/certs/root-key.pem    keep it safe: it signs every cluster's CA\n" +
				"created mydir/.gitignore            keeps the root key out of git\n",
			wantMsg: "next: add clusters to mydir/topology.yaml, then setup-mesh plan --dir mydir\n",
		},
		"again, with a cluster and without the key": {
			dir: ".", plan: "setup-mesh plan",
			after: func(t *testing.T, dir string) {
				if _, err := workdir.Prepare(t.Context(), optionsIn(dir)); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, workdir.TopologyFile), []byte("mesh_id: mymeshname\ncontexts: {a: {network: n}}\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(filepath.Join(dir, workdir.RootKeyFile)); err != nil {
					t.Fatal(err)
				}
			},
			wantOut: "" +
				"kept    topology.yaml         1 cluster\n" +
				"kept    base.yaml\n" +
				"kept    certs/root-cert.pem   root of mymeshname, ECDSA P-384, until 2036-11-18\n" +
				"absent  certs/root-key.pem    kept elsewhere?\n" +
				"kept    .gitignore\n",
			wantMsg: "" +
				"setup-mesh: warning: certs/root-key.pem: is needed to add a cluster and to renew a cluster's CA: put it back for that; prep makes no new key for a certificate that exists\n" +
				"next: setup-mesh plan\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if tt.after != nil {
				tt.after(t, tt.dir)
			}
			r, err := workdir.Prepare(t.Context(), optionsIn(tt.dir))
			if err != nil {
				t.Fatal(err)
			}
			var out, msg bytes.Buffer
			Prep(&out, &msg, r, tt.plan)
			if diff := cmp.Diff(tt.wantOut, out.String()); diff != "" {
				t.Errorf("out (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.wantMsg, msg.String()); diff != "" {
				t.Errorf("msg (-want +got):\n%s", diff)
			}
		})
	}
}
