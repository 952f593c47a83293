package apply

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// running finds a Deployment that is not there, or of which no pod is available.
func (c *ClusterPlan) running(ref object.Ref, what string) []Finding {
	d := c.Live.object(ref)
	if d == nil {
		return []Finding{{State: "missing", Object: ref, Message: "there is no " + what, Hint: mend}}
	}
	if available, _, _ := unstructured.NestedInt64(d.Object, "status", "availableReplicas"); available > 0 {
		return nil
	}
	f := Finding{
		State: "not running", Object: ref, Message: what + " has no available replica",
		Hint: fmt.Sprintf("kubectl -n %s describe deployment %s", ref.Namespace, ref.Name),
	}
	if why := replicaFailure(d); why != "" {
		f.Message += ": " + why
	}
	return []Finding{f}
}
