package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/setup-mesh/setup-mesh/lab/internal/cluster"
)

func firstOr(n int, names []string, prefix string) []string {
	out := make([]string, n)
	for i := range out {
		if i < len(names) {
			out[i] = names[i]
		} else {
			out[i] = prefix + strconv.Itoa(i+1)
		}
	}
	return out
}

// complete fills in defaults. It touches nothing outside o.
func (o Options) complete() (Options, error) {
	if o.Clusters == 0 {
		o.Clusters = max(len(o.Contexts), 1)
	}
	if len(o.Contexts) == 0 {
		o.Contexts = DefaultContexts(o.Clusters)
	}
	if len(o.Networks) == 0 {
		o.Networks = DefaultNetworks(o.Clusters)
	}
	switch len(o.Gateways) {
	case 0:
		o.Gateways = slices.Repeat([]Gateway{GatewayIP}, o.Clusters)
	case 1:
		o.Gateways = slices.Repeat(o.Gateways, o.Clusters)
	}
	return o, o.check()
}

func (o Options) check() error {
	if o.Clusters < 1 || o.Clusters > cluster.MaxIndex {
		return fmt.Errorf("a lab has 1 to %d clusters, not %d", cluster.MaxIndex, o.Clusters)
	}
	for what, n := range map[string]int{
		"contexts": len(o.Contexts), "networks": len(o.Networks), "gateway addresses": len(o.Gateways),
	} {
		if n != o.Clusters {
			return fmt.Errorf("%d %s for %d clusters", n, what, o.Clusters)
		}
	}
	names := map[string]string{}
	for i, c := range o.Contexts {
		name := Name(c, i+1)
		if other, ok := names[name]; ok {
			return fmt.Errorf("contexts %q and %q would both name their cluster %s", other, c, name)
		}
		names[name] = c
	}
	for _, g := range o.Gateways {
		if err := g.Check(); err != nil {
			return err
		}
	}
	for what, contexts := range map[string][]string{"no aggregator routing": o.NoAggregatorRouting, "short tokens": o.ShortTokens} {
		for _, c := range contexts {
			if !slices.Contains(o.Contexts, c) {
				return fmt.Errorf("%s in %q: the lab has no such context", what, c)
			}
		}
	}
	return nil
}

// Name is the name of a cluster with the given context and number: the context without "context-" where that is a
// DNS label, so that it can name nodes and files.
func Name(context string, index int) string {
	name := strings.TrimPrefix(context, "context-")
	if name != "" && len(name) < 40 && regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`).MatchString(name) {
		return name
	}
	return "cluster-" + strconv.Itoa(index)
}

// DefaultDir is where the lab of that name lives when no directory is given.
func DefaultDir(name string) string {
	base, err := os.UserCacheDir()
	if err != nil { // no home, as in some containers
		base = os.TempDir()
	}
	return filepath.Join(base, "setup-mesh-lab", name)
}
