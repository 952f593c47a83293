package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/lab"
)

// patience is how long a test waits for what has to come about by itself, on a machine that is busy with other things.
const patience = 60 * time.Second

// needsLab skips a test that takes minutes when only quick ones are wanted.
func needsLab(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a lab of Kubernetes clusters: run without -short")
	}
}

// startLab runs a lab that ends with the test.
func startLab(t testing.TB, o lab.Options) *lab.Lab {
	t.Helper()
	start := time.Now()
	l, err := lab.Up(context.Background(), o)
	if errors.Is(err, lab.ErrNotBuilt) {
		t.Fatalf("%v: make lab-parts builds them", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("lab: up after %.1f s", time.Since(start).Seconds())
	t.Cleanup(func() {
		if t.Failed() {
			keepLogs(t, l)
		}
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// keepLogs copies the lab's logs out of a directory that is about to go.
func keepLogs(t testing.TB, l *lab.Lab) {
	to := os.Getenv("SETUP_MESH_E2E_LOGS")
	if to == "" {
		t.Log("with SETUP_MESH_E2E_LOGS=DIRECTORY the logs of the clusters and istiods would be kept there")
		return
	}
	to = filepath.Join(to, t.Name())
	err := fs.WalkDir(os.DirFS(l.Dir()), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "log") {
			return err
		}
		b, err := os.ReadFile(filepath.Join(l.Dir(), path))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(path)), 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), b, 0o600)
	})
	t.Logf("logs of the lab are in %s (%v)", to, err)
}

// binary is the program under test, bin/setup-mesh, built first when a source is newer.
var binary = sync.OnceValues(func() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", "setup-mesh")
	if current, err := newerThanSources(path, root); err != nil || current {
		return path, err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", "bin/", "./setup-mesh")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build setup-mesh: %w\n%s", err, out)
	}
	return path, nil
})

func newerThanSources(path, root string) (bool, error) {
	built, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	current := true
	for _, dir := range []string{"setup-mesh", "pkg", "go.mod"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			info, err := d.Info()
			current = current && err == nil && info.ModTime().Before(built.ModTime())
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return current, nil
}

// eventually waits until check finds nothing to object to, and fails with its last objection.
func eventually(t testing.TB, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	start := time.Now()
	for {
		err := check(ctx)
		if took := time.Since(start); err == nil && took > slow {
			t.Logf("%s: after %.1f s; before, %v", what, took.Seconds(), last)
		}
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil {
			last = err // and not that time is up
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not after %s: %v", what, patience, last)
		case <-tick.C:
		}
	}
}

// errorIf is an objection when wrong, and none otherwise.
func errorIf(wrong bool, format string, args ...any) error {
	if !wrong {
		return nil
	}
	return fmt.Errorf(format, args...)
}
