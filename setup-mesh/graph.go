package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/graph"
	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func graphCommand(env environment) *cli.Command {
	var a args.Graph
	return &cli.Command{
		Name:  "graph",
		Usage: "draw the mesh: networks, clusters, who discovers and serves whom, and what is broken",
		Description: "graph asks the clusters what status asks them; with --offline, it draws what topology.yaml asks for. " +
			"The page that -o html writes needs nothing else, and searches, filters and shows one cluster at a time. " +
			"graph exits 0 whatever it draws: status exits 2 when something is wrong.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runGraph(c.Context, env, a) },
	}
}

func runGraph(ctx context.Context, env environment, a args.Graph) error {
	if err := a.Check(); err != nil {
		return err
	}
	mesh, base, err := outline(a.Dir, nil)
	if err != nil {
		return err
	}
	var s *status.Status
	if !a.Offline {
		s, err = limited(ctx, a.Timeout, func(ctx context.Context) (*status.Status, error) { return meshStatus(ctx, env, a.Clusters) })
		if err != nil {
			return err
		}
	}
	drawn, err := draw(graph.New(mesh, base, s), a.Picture)
	if err != nil {
		return err
	}
	if a.Out == "" {
		_, err = env.stdout.Write(drawn)
		return err
	}
	if err := workdir.WriteFile(a.Out, drawn, 0o644); err != nil {
		return fmt.Errorf("write the drawing: %w", err)
	}
	view.Drawn(env.stderr, a.Out)
	return nil
}

// outline is what the files say of a mesh that has clusters, as far as a drawing shows it:
// of base.yaml only what is right, nil for nothing. Contexts are as for
// [workdir.Dir.Topology].
func outline(dir string, contexts []string) (*topology.Mesh, *manifest.Base, error) {
	d, err := workdir.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	mesh, err := d.Members(contexts)
	return mesh, d.Rest(), err
}

func draw(g *graph.Graph, as args.Picture) ([]byte, error) {
	switch as {
	case args.HTML:
		return graph.HTML(g)
	case args.Mermaid:
		return graph.Mermaid(g), nil
	case args.DOT:
		return graph.DOT(g), nil
	}
	return graph.SVG(g)
}
