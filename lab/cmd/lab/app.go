package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/lab"
)

func app() *cli.App {
	which := []cli.Flag{
		&cli.StringFlag{Name: "name", Value: "default", Usage: "which lab, where several run"},
		&cli.StringFlag{Name: "dir", Usage: "where the lab lives (default: a cache directory, by name)"},
	}
	bin := &cli.StringFlag{Name: "bin", Usage: "directory of the parts (default: bin/lab-parts of the repository)"}
	return &cli.App{
		Name:            "lab",
		Usage:           "Kubernetes clusters with real istiods, as ordinary processes on loopback",
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // main prints
		Commands: []*cli.Command{
			{Name: "build", Usage: "build the parts that are missing", Action: build, Flags: []cli.Flag{bin,
				&cli.BoolFlag{Name: "bench", Usage: "and istioctl, which benchmarks compare with"}}},
			{Name: "up", Usage: "start a lab", Flags: append(upFlags(), append(which, bin)...), Action: up},
			{Name: "down", Usage: "end a lab and remove its directory", Flags: which, Action: down},
			{Name: "status", Usage: "show what runs", Action: status, Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "json for programs"}}, which...)},
			{Name: "kubeconfig", Usage: "print the path of the lab's kubeconfig", Action: kubeconfig, Flags: append([]cli.Flag{
				&cli.BoolFlag{Name: "viewer", Usage: "of a user who may look but not change"},
				&cli.BoolFlag{Name: "print", Usage: "print the file instead of its path"}}, which...)},
			{Name: "add", Usage: "start one more cluster in a lab", Action: add, Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "context", Required: true, Usage: "its name in the kubeconfig"},
				&cli.StringFlag{Name: "network", Usage: "its network"},
				gatewayFlag()}, which...)},
			{Name: "stop-api", Usage: "make clusters unreachable", ArgsUsage: "CONTEXT...", Flags: which, Action: stopAPI},
			{Name: "start-api", Usage: "make them reachable again", ArgsUsage: "CONTEXT...", Flags: which, Action: startAPI},
			{Name: "gateway", Usage: "change what LoadBalancer Services get and have", ArgsUsage: "CONTEXT KIND",
				Flags: which, Action: gateway},
			{Name: "address", Usage: "print the loopback address behind a pod's or gateway's", ArgsUsage: "CONTEXT IP:PORT",
				Flags: which, Action: address},
		},
	}
}

func gatewayFlag() cli.Flag {
	return &cli.StringFlag{Name: "gateway-address", Value: "ip",
		Usage: fmt.Sprintf("what LoadBalancer Services get: one of %v, or one for each cluster, by commas", lab.Gateways())}
}

func upFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "clusters", Value: 3, Usage: "how many"},
		&cli.StringFlag{Name: "contexts", Usage: "their names in the kubeconfig, by commas"},
		&cli.StringFlag{Name: "networks", Usage: "their networks, by commas; pods reach those of the same one"},
		gatewayFlag(),
		&cli.StringFlag{Name: "no-aggregator-routing", Usage: "contexts of clusters whose API server does not dial endpoints, by commas"},
		&cli.StringFlag{Name: "short-tokens", Usage: "contexts of clusters whose API server grants tokens for 24 h at most, by commas"},
		&cli.BoolFlag{Name: "istiods", Value: true, Usage: "run an istiod for every istiod pod"},
		&cli.BoolFlag{Name: "foreground", Usage: "stay, and end the lab when standard input ends or on Ctrl-C"},
	}
}

func build(c *cli.Context) error {
	source, err := here()
	if err != nil {
		return err
	}
	bin := c.String("bin")
	if bin == "" {
		bin = lab.DefaultParts(source)
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return err
	}
	progress := func(line string) { fmt.Fprintln(os.Stderr, line) }
	if err := lab.Build(c.Context, source, bin, progress); err != nil || !c.Bool("bench") {
		return err
	}
	return lab.BuildBench(c.Context, source, bin, progress)
}

func here() (string, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return lab.Source(cwd)
}

func up(c *cli.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	start := time.Now()
	o := lab.Options{
		Contexts: list(c.String("contexts")), Networks: list(c.String("networks")), Gateways: gateways(c),
		NoIstiods: !c.Bool("istiods"), Dir: dir(c), KeepAfterExit: !c.Bool("foreground"), Parts: c.String("bin"), Binary: self,
		NoAggregatorRouting: list(c.String("no-aggregator-routing")), ShortTokens: list(c.String("short-tokens")),
	}
	if c.IsSet("clusters") || len(o.Contexts) == 0 {
		o.Clusters = c.Int("clusters")
	}
	l, err := lab.Up(c.Context, o)
	if err != nil {
		return err
	}
	if o.Clusters == 0 {
		o.Clusters = len(o.Contexts)
	}
	fmt.Fprintf(os.Stderr, "lab: %d cluster(s) up after %.1f s\n", o.Clusters, time.Since(start).Seconds())
	fmt.Printf("export KUBECONFIG=%s\n", l.Kubeconfig())
	if c.Bool("foreground") {
		return stay(c, l)
	}
	return nil
}

// stay ends the lab with standard input: a parent that dies closes it.
func stay(c *cli.Context, l *lab.Lab) error {
	end := make(chan struct{})
	go func() {
		defer close(end)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	select {
	case <-end:
	case <-c.Context.Done():
	}
	return l.Down(noCancel(c))
}

func down(c *cli.Context) error {
	l, err := lab.Attach(dir(c))
	if errors.Is(err, os.ErrNotExist) {
		return lab.Clean(dir(c)) // of a lab that was killed; ending a lab twice is fine
	}
	if err != nil {
		return err
	}
	return l.Down(c.Context)
}

func status(c *cli.Context) error {
	l, err := lab.Attach(dir(c))
	if err != nil {
		return err
	}
	s, err := l.State(c.Context)
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(s)
	}
	return view(os.Stdout, s)
}

func view(out io.Writer, s lab.State) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "CONTEXT\tNETWORK\tAPI SERVER\tGATEWAY\tISTIODS")
	for _, c := range s.Clusters {
		server, gateway := c.Server, c.Gateway
		if c.Processes["kube-apiserver"] == 0 {
			server = "stopped"
		}
		if gateway == "" {
			gateway = "pending"
		}
		var istiods []string
		for _, i := range c.Istiods {
			state := "ready"
			if !i.Ready {
				state = "not ready"
			}
			istiods = append(istiods, fmt.Sprintf("%s/%s (%s)", i.Namespace, i.Pod, state))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.Context, c.Network, server, gateway, strings.Join(istiods, ", "))
	}
	fmt.Fprintf(w, "\nDNS of the gateways' names: %s\n", s.DNS)
	return w.Flush()
}
