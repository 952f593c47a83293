package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// versionChecks are about releases that do not go together.
func versionChecks() []Check {
	return []Check{
		{ID: "versions/kubernetes", Severity: Refuses, Applies: installs, Judge: judgeKubernetes},
		{ID: "versions/istio", Severity: Warns, Applies: installs, Judge: judgeIstio},
	}
}

// installs says whether an apply puts something of Istio's charts into c.
func installs(e *Evidence, c *plan.Cluster) bool {
	return Stays(e, c) && puts(c, order.Rendered()...)
}

// puts says whether an apply creates or updates objects of one of these
// components in c.
func puts(c *plan.Cluster, components ...order.Component) bool {
	return slices.ContainsFunc(c.Changes, func(ch plan.Change) bool {
		return ch.Pending() && ch.Action != plan.Delete && slices.Contains(components, ch.Component)
	})
}

// judgeKubernetes refuses to put what the charts render into a cluster that is
// too old for it.
func judgeKubernetes(_ *Evidence, c *plan.Cluster) []plan.Finding {
	minor, ok := Minor(c.Kubernetes)
	if !ok || minor >= charts.MinKubernetes {
		return nil
	}
	return []plan.Finding{{
		Message: fmt.Sprintf("Kubernetes %s is older than 1.%d, the oldest that Istio %s supports",
			strings.TrimPrefix(c.Kubernetes, "v"), charts.MinKubernetes, charts.Release),
		Hint: "upgrade the cluster first: https://istio.io/latest/docs/releases/supported-releases/",
	}}
}

// judgeIstio finds an image of another minor version than the charts, which know
// what that one needs. A tag that is not a version is not judged.
func judgeIstio(_ *Evidence, c *plan.Cluster) []plan.Finding {
	it := c.Item(object.IstiodRef(c.Namespace))
	if it == nil {
		return nil
	}
	tag := world.ImageVersion(it.Object)
	minor, ok := Minor(tag)
	if want, _ := Minor(charts.Release); !ok || minor == want {
		return nil
	}
	return []plan.Finding{{
		Object:  it.Ref,
		Message: fmt.Sprintf("base.yaml asks for images of Istio %s, but setup-mesh installs Istio %s", tag, charts.Release),
		Hint:    "remove tag from base.yaml, or use the release of setup-mesh for that version of Istio",
	}}
}

// Minor is the minor version in what an API server calls its version, such as
// v1.33.1-eks-1de2ab1, v1.32.0-gke.1000 and v1.31+k3s1, or in a tag of Istio's
// images. It is false for anything else.
func Minor(version string) (int, bool) {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(version, "v"), "1.")
	if !ok {
		return 0, false
	}
	digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(rest)
	}
	minor, err := strconv.Atoi(rest[:digits])
	return minor, err == nil
}
