// Package parts builds the programs a lab is made of from their Go modules.
package parts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A Part is one program.
type Part struct {
	Name   string   // of the program
	Module string   // directory below lab/parts with the go.mod that pins its version
	Pkg    string   // import path
	Flags  []string // of go build
}

// kubernetesVersion must be that of parts/kubernetes/go.mod; the API server tells it to its clients.
const kubernetesVersion = "v1.36.3"

// istioVersion must be that of parts/istio/go.mod; istiod tells it to proxies and in its debug interface.
const istioVersion = "1.31.0"

// All returns the parts, those that take longest to build last, so that a first mistake shows early.
func All() []Part {
	const strip = "-ldflags=-s -w"
	const version = "k8s.io/component-base/version."
	k8s := strip + " -X " + version + "gitVersion=" + kubernetesVersion + " -X " + version + "gitMajor=1 -X " + version + "gitMinor=36"
	const istio = " -X istio.io/istio/pkg/version."
	pilot := strip + istio + "buildVersion=" + istioVersion + istio + "buildTag=" + istioVersion +
		istio + "buildStatus=Clean" + istio + "buildHub=docker.io/istio"
	return []Part{
		{"etcd", "etcd", "go.etcd.io/etcd/server/v3", []string{strip}},
		{"kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", []string{strip}},
		{"kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", []string{k8s}},
		{"kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", []string{k8s}},
		{"kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", []string{k8s}},
		{"pilot-discovery", "istio", "istio.io/istio/pilot/cmd/pilot-discovery", []string{"-tags=vtprotobuf", pilot}},
	}
}

// ErrMissing is wrapped by the error of [Check].
var ErrMissing = errors.New("not built")

// Check says which parts are missing in bin, or are of another version than the modules in source ask for.
func Check(source, bin string) error {
	var missing []string
	for _, p := range All() {
		if ok, err := p.built(source, bin); err != nil {
			return err
		} else if !ok {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: %w in %s (run: lab build)", strings.Join(missing, ", "), ErrMissing, bin)
	}
	return nil
}

// Build builds what is missing in bin. source is the directory of the parts' modules. progress gets a line per part.
func Build(ctx context.Context, source, bin string, progress func(string)) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	for _, p := range All() {
		ok, err := p.built(source, bin)
		if err != nil {
			return err
		}
		if ok {
			progress(p.Name + ": up to date")
			continue
		}
		progress(p.Name + ": building " + p.Pkg)
		if err := p.build(ctx, source, bin); err != nil {
			return fmt.Errorf("build %s: %w", p.Name, err)
		}
	}
	return nil
}

func (p Part) build(ctx context.Context, source, bin string) error {
	stamp, err := p.stamp(source)
	if err != nil {
		return err
	}
	next := filepath.Join(bin, p.Name+".new")
	args := append([]string{"build", "-trimpath", "-buildvcs=false"}, p.Flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", next, p.Pkg)...)
	cmd.Dir = filepath.Join(source, p.Module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	if err := os.Rename(next, filepath.Join(bin, p.Name)); err != nil { // a lab may run the old one
		return err
	}
	return os.WriteFile(p.stampFile(bin), []byte(stamp), 0o644)
}

func (p Part) built(source, bin string) (bool, error) {
	want, err := p.stamp(source)
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(filepath.Join(bin, p.Name)); err != nil {
		return false, nil
	}
	have, err := os.ReadFile(p.stampFile(bin))
	return err == nil && string(have) == want, nil
}

func (p Part) stampFile(bin string) string { return filepath.Join(bin, p.Name+".stamp") }

// stamp changes with everything that makes another program: versions, flags, platform. A new Go release alone does
// not: nobody should wait 15 minutes for the same lab.
func (p Part) stamp(source string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, p.Pkg, p.Flags, runtime.GOOS, runtime.GOARCH)
	for _, name := range []string{"go.mod", "go.sum"} {
		b, err := os.ReadFile(filepath.Join(source, p.Module, name))
		if err != nil {
			return "", fmt.Errorf("read the module of %s: %w", p.Name, err)
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
