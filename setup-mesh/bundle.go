package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/bundle"
	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/args"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/view"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/workdir"
)

func bundleCommand(env environment) *cli.Command {
	var a args.Bundle
	return &cli.Command{
		Name:  "bundle",
		Usage: "collect what a helper needs from all clusters, and no secret, into one archive",
		Description: "bundle takes chosen fields of chosen kinds of objects, events, Istio's configuration, the logs of istiods, the record, " +
			"and what plan and status say. Of Secrets it takes names and whose certificates they hold. " +
			"Clusters that do not answer are said to be so. Read it before you send it.",
		Flags:  a.Flags(),
		Action: func(c *cli.Context) error { return runBundle(c.Context, env, a) },
	}
}

func runBundle(ctx context.Context, env environment, a args.Bundle) error {
	if err := a.Check(); err != nil {
		return err
	}
	mesh, err := members(a.Dir, nil)
	if err != nil {
		return err
	}
	file := a.Out
	if file == "" {
		file = fmt.Sprintf("setup-mesh-bundle-%s-%s.tar.gz", mesh.ID, env.now().UTC().Format("20060102T150405Z"))
	}
	if _, err := os.Lstat(file); err == nil && file != "-" && !a.Force {
		return &taken{file}
	}
	k, err := kube.Load(a.Kubeconfig)
	if err != nil {
		return err
	}
	contents, err := bundled(ctx, env, a, mesh, opening(env, k))
	if err != nil {
		return err
	}
	b, err := limited(ctx, a.Timeout, func(ctx context.Context) (*bundle.Bundle, error) { return bundle.Make(ctx, contents), nil })
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	if err := b.Archive(&packed); err != nil {
		return err
	}
	if err := deliver(env, file, a.Force, packed.Bytes()); err != nil {
		return err
	}
	out := env.stdout
	if file == "-" {
		out = env.stderr
	}
	view.Bundled(out, env.stderr, view.BundleFacts{File: file, Bytes: packed.Len(), Files: len(b.Files), Missing: b.Missing, Found: b.Found})
	return nil
}

// bundled is what there is to gather: the user's files, what a plan and a status say, and
// the clusters that the topology or a record names. Without a plan there is still all
// else.
func bundled(ctx context.Context, env environment, a args.Bundle, mesh *topology.Mesh, opener object.Opener) (bundle.Contents, error) {
	c := bundle.Contents{Mesh: mesh.ID, Now: env.now(), Lines: a.Lines, Versions: map[string]string{
		"setup-mesh": env.release, "istio": charts.Release, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH,
	}}
	d, err := workdir.Open(a.Dir)
	if err != nil {
		return c, err
	}
	defer d.Close()
	c.Topology, _ = d.Raw(workdir.TopologyFile) // the bundle says what is missing
	c.Base, _ = d.Raw(workdir.BaseFile)
	p, err := limited(ctx, a.Timeout, func(ctx context.Context) (*prepared, error) {
		p, err := meshPlan(ctx, env, a.Clusters, allowing(a.Clusters, args.Leaving{}, args.Joining{}), args.Signing{})
		if err != nil {
			return nil, err
		}
		c.Status = examined(ctx, p)
		return p, judge(ctx, p)
	})
	if errors.Is(context.Cause(ctx), errInterrupted) {
		return c, err
	}
	if c.Unplanned = err; err == nil {
		c.Plan = p.Plan
	}
	for _, m := range known(mesh, c.Plan) {
		client, err := opener.Open(m.Context)
		c.Clusters = append(c.Clusters, bundle.Source{Name: m.Name, Context: m.Context, Namespace: m.Namespace, Client: client, Err: err})
	}
	return c, nil
}

// known are the members that the topology names, and those that only records do.
func known(mesh *topology.Mesh, p *plan.Plan) []record.Member {
	var out []record.Member
	for _, c := range mesh.Clusters {
		out = append(out, record.MemberOf(c))
	}
	if p == nil {
		return out
	}
	for _, c := range p.Clusters {
		if !slices.ContainsFunc(out, func(m record.Member) bool { return m.Name == c.Name && m.Context == c.Context }) {
			out = append(out, c.Member)
		}
	}
	return out
}

// deliver writes the archive, which only the user may read: it tells much about the
// clusters.
func deliver(env environment, file string, force bool, content []byte) error {
	write := workdir.WriteNew
	switch {
	case file == "-":
		_, err := env.stdout.Write(content)
		return err
	case force:
		write = workdir.WriteFile
	}
	err := write(file, content, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &taken{file}
	}
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	return nil
}

// A taken name is that of a file that is there.
type taken struct{ file string }

func (e *taken) Error() string { return e.file + " exists already" }

// Remedy is how to go on.
func (e *taken) Remedy() string { return "name another file with --out, or replace it with --force" }
