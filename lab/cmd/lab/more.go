package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/setup-mesh/setup-mesh/lab"
)

func kubeconfig(c *cli.Context) error {
	l, err := lab.Attach(dir(c))
	if err != nil {
		return err
	}
	path := l.Kubeconfig()
	if c.Bool("viewer") {
		path = l.ViewerKubeconfig()
	}
	if !c.Bool("print") {
		fmt.Println(path)
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(os.Stdout, f)
	return err
}

func add(c *cli.Context) error {
	l, err := lab.Attach(dir(c))
	if err != nil {
		return err
	}
	return l.AddCluster(c.Context, c.String("context"), c.String("network"), lab.Gateway(c.String("gateway-address")))
}

func stopAPI(c *cli.Context) error  { return each(c, (*lab.Lab).StopAPI) }
func startAPI(c *cli.Context) error { return each(c, (*lab.Lab).StartAPI) }

func each(c *cli.Context, do func(*lab.Lab, context.Context, string) error) error {
	if c.NArg() == 0 {
		return errors.New("name at least one context")
	}
	l, err := lab.Attach(dir(c))
	if err != nil {
		return err
	}
	for _, name := range c.Args().Slice() {
		if err := do(l, c.Context, name); err != nil {
			return err
		}
	}
	return nil
}

func gateway(c *cli.Context) error {
	if c.NArg() != 2 {
		return fmt.Errorf("give a context and one of %v", lab.Gateways())
	}
	l, err := lab.Attach(dir(c))
	if err != nil {
		return err
	}
	return l.SetGateway(c.Context, c.Args().Get(0), lab.Gateway(c.Args().Get(1)))
}

func address(c *cli.Context) error {
	if c.NArg() != 2 {
		return errors.New("give a context and an address such as 10.129.1.1:15010")
	}
	l, err := lab.Attach(dir(c))
	if err != nil {
		return err
	}
	to, err := l.Address(c.Context, c.Args().Get(0), c.Args().Get(1))
	if err == nil {
		fmt.Println(to)
	}
	return err
}

func dir(c *cli.Context) string {
	if d := c.String("dir"); d != "" {
		return d
	}
	return lab.DefaultDir(c.String("name"))
}

func gateways(c *cli.Context) []lab.Gateway {
	var out []lab.Gateway
	for _, g := range list(c.String("gateway-address")) {
		out = append(out, lab.Gateway(g))
	}
	return out
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// noCancel lets an interrupted command still end its lab.
func noCancel(c *cli.Context) context.Context { return context.WithoutCancel(c.Context) }
