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
	Pkg    string   // import path; "./NAME" is a program of ours in Module
	Flags  []string // of go build
}

// kubernetesVersion must be that of parts/kubernetes/go.mod; the API server tells it to its clients.
const kubernetesVersion = "v1.36.3"

// istioVersion must be that of parts/istio/go.mod; istiod tells it to proxies and in its debug interface.
const istioVersion = "1.31.0"

const strip = "-ldflags=-s -w"

// All returns the parts of a lab, those that take longest to build last, so that a first mistake shows early.
func All() []Part {
	const version = "k8s.io/component-base/version."
	k8s := strip + " -X " + version + "gitVersion=" + kubernetesVersion + " -X " + version + "gitMajor=1 -X " + version + "gitMinor=36"
	return []Part{
		{"etcd", "etcd", "go.etcd.io/etcd/server/v3", []string{strip}},
		{"kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", []string{strip}},
		{"kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", []string{k8s}},
		{"kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", []string{k8s}},
		{"kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler", []string{k8s}},
		{"istiod", "istio", "./istiod", istioFlags()},
	}
}

// Bench returns what no lab needs, and benchmarks compare with.
func Bench() []Part {
	return []Part{{"istioctl", "istio", "istio.io/istio/istioctl/cmd/istioctl", istioFlags()}}
}

// istioFlags are those of Istio's own build, as far as a program's behavior depends on them.
// https://github.com/istio/istio/blob/1.31.0/Makefile.core.mk
func istioFlags() []string {
	const version = " -X istio.io/istio/pkg/version."
	return []string{"-tags=vtprotobuf", strip + version + "buildVersion=" + istioVersion + version + "buildTag=" + istioVersion +
		version + "buildStatus=Clean" + version + "buildHub=docker.io/istio"}
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

// Build builds those of parts that are missing in bin. source is the directory of the parts' modules. progress gets a
// line per part.
func Build(ctx context.Context, parts []Part, source, bin string, progress func(string)) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	for _, p := range parts {
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

// stamp changes with everything that makes another program: versions, flags, platform, and our own source where it is
// ours. A new Go release alone does not: nobody should wait 15 minutes for the same lab.
func (p Part) stamp(source string) (string, error) {
	dir := filepath.Join(source, p.Module)
	files := []string{filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum")}
	if strings.HasPrefix(p.Pkg, "./") {
		own, err := filepath.Glob(filepath.Join(dir, p.Pkg, "*.go"))
		if err != nil {
			return "", err
		}
		files = append(files, own...)
	}
	h := sha256.New()
	fmt.Fprintln(h, p.Pkg, p.Flags, runtime.GOOS, runtime.GOARCH)
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read the module of %s: %w", p.Name, err)
		}
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
