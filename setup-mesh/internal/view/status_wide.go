package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/status"
)

// wideHeader and wideRow are the columns that only a wide status has.
func wideHeader() []string { return []string{"CONTEXT", "KUBERNETES", "ROOT", "TOKEN OF EACH"} }

func wideRow(c status.Cluster) []string {
	if c.Unreached != "" {
		return []string{c.Context, "?", "?", "?"}
	}
	root := orDash(c.Trust.Root)
	if c.Trust.RootDays != 0 {
		root += fmt.Sprintf(", %d d", c.Trust.RootDays)
	}
	return []string{c.Context, orDash(strings.TrimPrefix(c.Kubernetes, "v")), root, orDash(everyToken(c))}
}

// everyToken is how long each token is valid, those that end first before the others.
func everyToken(c status.Cluster) string {
	names := slices.Collect(maps.Keys(c.TokenOf))
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(c.TokenOf[a].Hours, c.TokenOf[b].Hours), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = name + " " + hoursLeft(c.TokenOf[name].Hours)
	}
	return strings.Join(names, ", ")
}
