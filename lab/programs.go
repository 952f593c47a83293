package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/setup-mesh/setup-mesh/lab/internal/parts"
)

// ErrNotBuilt is wrapped by the error of [Up] when parts are missing: `lab build` makes them.
var ErrNotBuilt = parts.ErrMissing

// Source is the lab's directory in the repository that dir is in, or, failing that, that the running program is in.
func Source(dir string) (string, error) {
	self, _ := os.Executable() // without it, one place less to look
	for _, start := range []string{dir, filepath.Dir(self)} {
		for d := start; ; d = filepath.Dir(d) {
			lab := filepath.Join(d, "lab")
			if _, err := os.Stat(filepath.Join(lab, "parts", "etcd", "go.mod")); err == nil {
				return lab, nil
			}
			if d == filepath.Dir(d) {
				break
			}
		}
	}
	return "", fmt.Errorf("find the sources of setup-mesh above %s: %w", dir, os.ErrNotExist)
}

// DefaultParts is where the parts are built to and looked for.
func DefaultParts(source string) string {
	return filepath.Join(filepath.Dir(source), "bin", "lab-parts")
}

// Build builds the parts that are missing in bin; source is as [Source] finds it. It takes 10 to 15 minutes the first
// time on two cores. progress gets a line per part.
func Build(ctx context.Context, source, bin string, progress func(string)) error {
	return parts.Build(ctx, parts.All(), filepath.Join(source, "parts"), bin, progress)
}

// BuildBench builds istioctl in bin, which no lab needs, and benchmarks compare with. It takes a minute after [Build].
func BuildBench(ctx context.Context, source, bin string, progress func(string)) error {
	return parts.Build(ctx, parts.Bench(), filepath.Join(source, "parts"), bin, progress)
}

// programs finds the lab's own program, which it builds when binary is empty, and the parts.
func programs(ctx context.Context, binary, bin string) (string, string, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return "", "", err
	}
	source, err := Source(cwd)
	if err != nil && (binary == "" || bin == "") {
		return "", "", err
	}
	if bin == "" {
		bin = DefaultParts(source)
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return "", "", err
	}
	if source != "" {
		if err := parts.Check(filepath.Join(source, "parts"), bin); err != nil {
			return "", "", err
		}
	}
	if binary == "" {
		binary = filepath.Join(bin, "lab")
		err = buildSelf(ctx, source, binary)
	}
	return binary, bin, err
}

// buildSelf makes binary the program of these sources. Test programs of several packages may want it at once.
func buildSelf(ctx context.Context, source, binary string) error {
	lock, err := os.OpenFile(binary+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("build the lab program: %w", err)
	}
	defer lock.Close() // which unlocks
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("build the lab program: wait for another build: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", binary, "./cmd/lab")
	cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the lab program: %w", errors.Join(err, errors.New(string(out))))
	}
	return nil
}

// Check says which parts are missing in bin, or are of other versions than the sources ask for; its error then wraps
// [ErrNotBuilt].
func Check(source, bin string) error { return parts.Check(filepath.Join(source, "parts"), bin) }
