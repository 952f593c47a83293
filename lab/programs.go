package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

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
	out, err := goCommand(ctx, source, "build", "-trimpath", "-buildvcs=false", "-o", binary, "./cmd/lab").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the lab program: %w", errors.Join(err, errors.New(string(out))))
	}
	return nil
}

// Check says which parts are missing in bin, or are of other versions than the sources ask for; its error then wraps
// [ErrNotBuilt].
func Check(source, bin string) error { return parts.Check(filepath.Join(source, "parts"), bin) }

// GatewayAPICRDs returns the paths of the CustomResourceDefinitions of Gateway API's standard channel, in the version
// that the lab's Istio is built with. source is as [Source] finds it.
// https://gateway-api.sigs.k8s.io/guides/#installing-gateway-api
func GatewayAPICRDs(ctx context.Context, source string) ([]string, error) {
	cmd := goCommand(ctx, filepath.Join(source, "parts", "istio"), "mod", "download", "-json", "sigs.k8s.io/gateway-api")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("find the module of Gateway API: %w", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, fmt.Errorf("find the module of Gateway API: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, "config", "crd", "standard", "gateway.networking.k8s.io_*.yaml"))
	// One file is no CRD but a policy: who may replace CRDs by older ones.
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_vap_safeupgrades.yaml") })
	return files, err
}

// goCommand runs Go in the directory of a module, whatever the user's settings for another are.
func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	return cmd
}
