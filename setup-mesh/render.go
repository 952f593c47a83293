package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func renderCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:        "render",
		Usage:       "write each cluster's IstioControlPlane and the objects behind it to files",
		Description: "render asks no cluster. Keys and tokens, which an apply mints, are not in the files.",
		Flags: []cli.Flag{
			dirFlag(),
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "`DIRECTORY` to write to; it is made where it is not there"},
		},
		Action: func(c *cli.Context) error {
			if c.String("out") == "" {
				return withHint(errors.New("--out is missing: the directory to write to"), "setup-mesh render --out rendered")
			}
			wanted, err := readWanted(c.String("dir"), nil)
			if err != nil {
				return err
			}
			d, err := apply.NewDesired(wanted, charts.New())
			if err != nil {
				return err
			}
			viewWarnings(env.stderr, d.Warnings)
			for _, cluster := range d.Clusters {
				if err := render(env, c.String("out"), cluster); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// render writes one cluster's files. Their names come out of the cluster's name
// in the mesh, which is a DNS-1123 label.
func render(env environment, out string, c *apply.DesiredCluster) error {
	dir := filepath.Join(out, c.Member.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", dir, cause(err))
	}
	var objects []byte
	for _, it := range c.Items {
		b, err := yaml.Marshal(it.Object.Object)
		if err != nil {
			return fmt.Errorf("encode %s: %w", it.Ref, err)
		}
		objects = append(append(objects, "---\n"...), b...)
	}
	manifest := filepath.Join(dir, "istiocontrolplane.yaml")
	all := filepath.Join(dir, "objects.yaml")
	for file, data := range map[string][]byte{manifest: c.Manifest.YAML(), all: objects} {
		if err := workdir.WriteFile(file, data, 0o644); err != nil {
			return fmt.Errorf("render: %w", err)
		}
	}
	fmt.Fprintf(env.stdout, "%s\n%s   %s\n", manifest, all, count(len(c.Items), "object"))
	return nil
}
