package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// generation is the part of a root's name that differs every time.
var generation = regexp.MustCompile(`CN=[a-z]+ root [0-9.a-f-]+`)

func TestViewPrep(t *testing.T) {
	tests := map[string]struct {
		dir     string
		after   change
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
				if _, err := prep(t.Context(), prepIn(dir)); err != nil {
					t.Fatal(err)
				}
				written(topologyFile, "mesh_id: mymeshname\ncontexts: {a: {network: n}}\n")(t, dir)
				removed(rootKeyFile)(t, dir)
			},
			wantOut: "" +
				"kept    topology.yaml         1 cluster\n" +
				"kept    base.yaml\n" +
				"kept    certs/root-cert.pem   root of mymeshname, ECDSA P-384, until 2036-11-18\n" +
				"absent  certs/root-key.pem    kept elsewhere?\n" +
				"kept    .gitignore\n",
			wantMsg: "" +
				"setup-mesh: warning: certs/root-key.pem: is needed to add a cluster and to renew a cluster's CA: put it back for that; prep makes no other key for a certificate that is there\n" +
				"next: setup-mesh plan\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if tt.after != nil {
				tt.after(t, tt.dir)
			}
			r, err := prep(t.Context(), prepIn(tt.dir))
			if err != nil {
				t.Fatal(err)
			}
			var out, msg bytes.Buffer
			viewPrep(&out, &msg, r, tt.plan)
			if diff := cmp.Diff(tt.wantOut, out.String()); diff != "" {
				t.Errorf("out (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.wantMsg, msg.String()); diff != "" {
				t.Errorf("msg (-want +got):\n%s", diff)
			}
		})
	}
}
