package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply"
)

func applyCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:        "apply",
		Usage:       "show the plan, ask, and make the clusters so",
		Description: "Interrupted or failed in part, apply continues when run again. To add or remove a cluster, edit topology.yaml first.",
		Flags: append(slices.Concat(clusterFlags(), leaveFlags(), writeFlags()), adoptFlag(), overlapFlag(),
			&cli.StringFlag{Name: "plan", Usage: "run the plan saved in `FILE`, and nothing if the world has moved"},
		),
		Action: func(c *cli.Context) error { return act(c, env, false) },
	}
}

func teardownCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:        "teardown",
		Usage:       "take Istio out of all known clusters",
		Description: "teardown deletes what setup-mesh put into the clusters, and nothing else; the work directory and its root key stay.",
		Flags:       slices.Concat(clusterFlags(), leaveFlags(), writeFlags()),
		Action:      func(c *cli.Context) error { return act(c, env, true) },
	}
}

// writeFlags are the flags of what writes to clusters.
func writeFlags() []cli.Flag {
	return []cli.Flag{timeoutFlag(10 * time.Minute), parallelismFlag(), yesFlag(), showFlag()}
}

// act plans, shows, asks and applies.
func act(c *cli.Context, env environment, teardown bool) error {
	ctx, cancel := limited(c)
	defer cancel()
	p, err := shownPlan(ctx, c, env, teardown)
	if err != nil {
		return err
	}
	if file := c.String("plan"); file != "" {
		if err := checkSaved(file, p.Plan); err != nil {
			return err
		}
	}
	if p.Pending() && !c.Bool("yes") && c.String("plan") == "" {
		if err := ask(ctx, env, p.Plan); err != nil {
			return err
		}
	}
	return carryOut(ctx, c, env, p)
}

// carryOut applies p with live progress, and says what became of it.
func carryOut(ctx context.Context, c *cli.Context, env environment, p *prepared) error {
	progress := newProgress(env, p.Plan)
	report := apply.Apply(ctx, p.Plan, p.clients, apply.Options{
		Now: env.now(), Random: env.random, Holder: holder(env),
		Parallelism: c.Int("parallelism"), Events: progress.event,
	})
	progress.close()
	if err := viewReport(env, c, p.Plan, report); err != nil {
		return err
	}
	switch {
	case errors.Is(report.Interrupted, errInterrupted):
		return exitCode(exitInterrupted)
	case report.Complete():
		return nil
	case report.NoneDone():
		return exitCode(exitError)
	}
	return exitCode(exitPartial)
}

// ask wants a whole "yes". Where nobody can answer, it says how to go on.
func ask(ctx context.Context, env environment, p *apply.Plan) error {
	if !env.terminal {
		return withHint(errors.New("nobody is there to ask: standard input or error is no terminal"), "--yes applies without a question")
	}
	verb := "Apply these changes to"
	if p.Teardown {
		verb = "Take Istio out of"
	}
	fmt.Fprintf(env.stderr, "%s %s? Only \"yes\" is accepted: ", verb, clusterCount(pendingClusters(p)))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(env.stdin).ReadString('\n') // no answer is a no
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case a := <-answer:
		if a != "yes" {
			return errors.New("nothing was changed: the answer was not \"yes\"")
		}
		return nil
	}
}

func pendingClusters(p *apply.Plan) int {
	n := 0
	for _, c := range p.Clusters {
		if c.Pending() {
			n++
		}
	}
	return n
}
