package legacy

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// autoscaling turns the metrics of autoscaling/v2beta1, which Kubernetes 1.25 took
// away, into those of v2, and leaves out whom an autoscaler scales: today's chart
// says that, and names have changed.
// https://kubernetes.io/docs/reference/using-api/deprecation-guide/#horizontalpodautoscaler-v125
func autoscaling(t *translation) {
	components := t.spec.Get("components")
	for _, k := range components.Keys() {
		t.scaled(components.Get(k), []string{"components", k})
		for _, item := range components.Get(k).List() {
			t.scaled(item, []string{"components", k})
		}
	}
}

func (t *translation) scaled(component *tree.Tree, keys []string) {
	hpa := component.Get("k8s", "hpaSpec")
	if hpa == nil || hpa.Kind != tree.Mapping {
		return
	}
	at := hpa.KeyAt("scaleTargetRef")
	if kind, _ := hpa.Get("scaleTargetRef", "kind").Literal(); kind == "Deployment" {
		hpa.Drop("scaleTargetRef")
		t.tellAt(at, keys, "k8s.hpaSpec.scaleTargetRef is what the chart says itself")
	}
	for _, m := range hpa.Get("metrics").List() {
		kind, _ := m.Get("type").Literal()
		of := m.Get(strings.ToLower(kind[:min(1, len(kind))]) + kind[min(1, len(kind)):])
		for _, was := range []struct{ field, kind, is string }{
			{"targetAverageUtilization", "Utilization", "averageUtilization"}, {"targetAverageValue", "AverageValue", "averageValue"},
		} {
			v := of.Get(was.field)
			if v == nil || v.Kind != tree.Scalar || of.Get("target") != nil {
				continue
			}
			at := of.KeyAt(was.field)
			target := tree.NewMapping()
			target.At = at
			target.Put("type", at, tree.FromPlain(was.kind))
			target.Put(was.is, at, v)
			of.Drop(was.field)
			of.Put("target", at, target)
			t.tellAt(at, keys, "k8s.hpaSpec.metrics: "+was.field+" is target: {type: "+was.kind+", "+was.is+": ...} today")
		}
		metricName(of, kind)
	}
}

// metricName is a mapping in v2.
func metricName(of *tree.Tree, kind string) {
	v := of.Get("metricName")
	if v == nil || v.Kind != tree.Scalar || kind != "Pods" && kind != "Object" {
		return
	}
	at, metric := of.KeyAt("metricName"), tree.NewMapping()
	metric.At = at
	metric.Put("name", at, v)
	of.Drop("metricName")
	of.Put("metric", at, metric)
}

// tellAt notes what became of something inside a list, whose items a path of keys
// does not name.
func (t *translation) tellAt(at tree.Position, keys []string, message string) {
	t.decisions = append(t.decisions, Decision{Problem: tree.Problem{Position: at, Path: tree.Join(t.path, keys...), Message: message}})
}
