package workdir

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func TestCAs(t *testing.T) {
	cert, key, err := certs.NewRoot(rand.Reader, time.Now(), "api", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	elsewhere := filepath.Join(t.TempDir(), "ca.pem")
	for file, content := range map[string][]byte{
		filepath.Join(dir, "ca.pem"):   append([]byte("# a comment\n"), cert...),
		elsewhere:                      append(bytes.Clone(cert), cert...),
		filepath.Join(dir, "both.pem"): append(bytes.Clone(cert), key.Bytes()...),
		filepath.Join(dir, "text.pem"): []byte("hello"),
		filepath.Join(dir, "bad.pem"):  []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		filepath.Join(dir, "huge.pem"): bytes.Repeat([]byte("x"), maxFile+1),
	} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tests := map[string]struct{ file, want, wrong string }{
		"relative to topology.yaml":      {"ca.pem", string(cert), ""},
		"absolute, two certificates":     {elsewhere, string(cert) + string(cert), ""},
		"a key that must not get around": {"both.pem", "", "PRIVATE KEY"},
		"no certificate":                 {"text.pem", "", "holds no PEM certificate"},
		"a certificate that is none":     {"bad.pem", "", "cannot be parsed"},
		"absent":                         {"absent.pem", "", "no such file"},
		"a directory":                    {".", "", "is not a file"},
		"larger than any CA":             {"huge.pem", "", "larger than 1 MiB"},
		"none":                           {"", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			at := topology.Position{File: "topology.yaml", Line: 7, Column: 15}
			m := &topology.Mesh{Clusters: []topology.Cluster{{Context: "c", APIServer: topology.APIServer{CAFile: tt.file, CAFileAt: at}}}}
			cas, err := d.CAs(m)
			if tt.wrong == "" {
				if err != nil || string(cas["c"]) != tt.want {
					t.Errorf("read %q: %v", cas["c"], err)
				}
				return
			}
			problems, ok := errors.AsType[topology.Problems](err)
			if !ok || len(problems) != 1 || problems[0].Position != at || !strings.Contains(problems[0].String(), tt.wrong) {
				t.Errorf("want the mistake %q at its line, got %v", tt.wrong, err)
			}
		})
	}
}
