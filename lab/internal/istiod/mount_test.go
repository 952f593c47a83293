package istiod

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMountFollowsTheSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cacerts")
	steps := []struct {
		name  string
		data  map[string][]byte
		swaps bool
	}{
		{"no Secret yet", nil, true},
		{"the Secret appears", map[string][]byte{"ca-cert.pem": []byte("one"), "root-cert.pem": []byte("root")}, true},
		{"nothing changes", map[string][]byte{"ca-cert.pem": []byte("one"), "root-cert.pem": []byte("root")}, false},
		{"a certificate is replaced", map[string][]byte{"ca-cert.pem": []byte("two"), "root-cert.pem": []byte("root")}, true},
		{"a key goes and another comes", map[string][]byte{"ca-cert.pem": []byte("two"), "ca-crl.pem": []byte("crl")}, true},
		{"the Secret is deleted", nil, true},
	}
	for _, s := range steps {
		before, _ := os.Readlink(filepath.Join(dir, dataLink)) // "" at first
		if err := mount(dir, s.data); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		after, err := os.Readlink(filepath.Join(dir, dataLink))
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if swapped := before != after; swapped != s.swaps {
			t.Errorf("%s: swapped %v, want %v", s.name, swapped, s.swaps)
		}
		if diff := cmp.Diff(text(s.data), visible(t, dir)); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", s.name, diff)
		}
	}
	if n := generations(t, dir); n != 1 {
		t.Errorf("%d generations are left, want the current one", n)
	}
}

func text(data map[string][]byte) map[string]string {
	out := map[string]string{}
	for name, b := range data {
		out[name] = string(b)
	}
	return out
}

// visible are the files that a program that knows nothing of links would read.
func visible(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "..") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

func generations(t *testing.T, dir string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "..generation-*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}
