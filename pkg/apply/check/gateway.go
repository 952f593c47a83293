package check

import (
	"encoding/json"
	"maps"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// gatewayChecks are about where the east-west gateway is, as far as a plan needs
// to know.
func gatewayChecks() []Check {
	return []Check{
		{ID: "gateway/resolved", Severity: Warns, Applies: hasGateway, Judge: judgeResolved},
		{ID: "gateway/discovered", Severity: Warns, Applies: exposed, Judge: judgeDiscovered},
	}
}

// exposed is a cluster with a gateway for other networks, of sidecars or of ambient pods.
func exposed(e *Evidence, c *plan.Cluster) bool {
	return Stays(e, c) && (c.Desired.Gateway && c.Desired.Exposed || c.Desired.HBONE) && c.Desired.Manifest != nil
}

// judgeDiscovered says that istiods are told to look away from the namespace that the
// gateway is in: none sends anything to it then. The labels that count are those that
// the namespace has, and those that it is to have.
// https://istio.io/latest/docs/ops/configuration/mesh/configuration-scoping/#discoveryselectors
func judgeDiscovered(_ *Evidence, c *plan.Cluster) []plan.Finding {
	selectors := discoverySelectors(c)
	if len(selectors) == 0 {
		return nil
	}
	ref := object.NamespaceRef(c.Namespace)
	have := labels.Set{corev1.LabelMetadataName: c.Namespace}
	if live := c.Live.Object(ref); live != nil {
		maps.Copy(have, live.GetLabels())
	}
	if it := c.Item(ref); it != nil {
		maps.Copy(have, it.Object.GetLabels())
	}
	for _, one := range selectors {
		if s, err := metav1.LabelSelectorAsSelector(&one); err == nil && s.Matches(have) {
			return nil
		}
	}
	return []plan.Finding{{
		Object:  ref,
		Message: "meshConfig.discoverySelectors leaves out namespace " + c.Namespace + ": no istiod knows of the gateway there, and other networks do not find this cluster",
		Hint:    "add {matchLabels: {" + corev1.LabelMetadataName + ": " + c.Namespace + "}} to discoverySelectors, or label the namespace so that they match",
	}}
}

// discoverySelectors are those of the mesh's configuration, as far as they can be read.
func discoverySelectors(c *plan.Cluster) []metav1.LabelSelector {
	mesh, _ := c.Desired.Manifest.Spec["meshConfig"].(map[string]any)
	data, err := json.Marshal(mesh["discoverySelectors"])
	if err != nil {
		return nil
	}
	var out []metav1.LabelSelector
	if json.Unmarshal(data, &out) != nil {
		return nil // which the charts refuse
	}
	return out
}

func hasGateway(e *Evidence, c *plan.Cluster) bool { return Stays(e, c) && c.Desired.Gateway }

// judgeResolved says that it is not known where the gateway is reached.
func judgeResolved(_ *Evidence, c *plan.Cluster) []plan.Finding {
	err := c.Live.Reach.Err
	if err == nil {
		return nil
	}
	message := err.Error()
	if len(c.Desired.Remotes) > 0 {
		message += ": remote clusters keep the addresses they have"
	}
	return []plan.Finding{plan.Unanswered(err, message)}
}
