package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func renderCommand(env environment) *cli.Command {
	var a args.Render
	return &cli.Command{
		Name:        "render",
		Usage:       "write each cluster's IstioControlPlane and the objects behind it to files",
		Description: "render contacts no cluster. The files hold no keys and no tokens: apply makes those.",
		Flags:       a.Flags(),
		Action:      func(*cli.Context) error { return runRender(env, a) },
	}
}

func runRender(env environment, a args.Render) error {
	if err := a.Check(); err != nil {
		return err
	}
	d, _, err := wanted(env, a.Dir, nil, args.Signing{}, "")
	if err != nil {
		return err
	}
	view.Warnings(env.stderr, d.Warnings)
	encoded := documents{}
	for _, cluster := range d.Clusters {
		if err := renderCluster(env, a.OutDir, cluster, encoded); err != nil {
			return err
		}
	}
	return nil
}

// renderCluster writes one cluster's files. Their names come out of the
// cluster's name in the mesh, which is a DNS-1123 label.
func renderCluster(env environment, out string, c *desired.Cluster, encoded documents) error {
	dir := filepath.Join(out, c.Member.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var objects []byte
	for _, it := range c.Items {
		b, err := encoded.of(it)
		if err != nil {
			return fmt.Errorf("encode %s: %w", it.Ref, err)
		}
		objects = append(append(objects, "---\n"...), b...)
	}
	manifest, all := filepath.Join(dir, "istiocontrolplane.yaml"), filepath.Join(dir, "objects.yaml")
	if err := workdir.WriteFile(manifest, c.Manifest.YAML(), 0o644); err != nil {
		return fmt.Errorf("write %w", err)
	}
	if err := workdir.WriteFile(all, objects, 0o644); err != nil {
		return fmt.Errorf("write %w", err)
	}
	view.Rendered(env.stdout, manifest, all, len(c.Items))
	return nil
}

// documents are items in YAML, as sigs.k8s.io/yaml writes it, which does so by way of
// JSON. The CRDs are nearly all that there is to encode, and all clusters share
// their items.
type documents map[*desired.Item][]byte

func (d documents) of(it *desired.Item) ([]byte, error) {
	if b, ok := d[it]; ok {
		return b, nil
	}
	b, err := yaml.Marshal(it.Object.Object)
	if err == nil {
		d[it] = b
	}
	return b, err
}
