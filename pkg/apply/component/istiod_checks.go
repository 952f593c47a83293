package component

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
)

// IDs of checks.
const (
	IDValidation = "control-plane/validation"
	IDImages     = "control-plane/images"
)

// istiodChecks are about what runs, and whether it is what was applied.
func istiodChecks() []check.Check {
	return []check.Check{
		check.ChangeCheck(check.IDIstiodWorkload, check.IsPart(order.ControlPlane, order.Control)),
		{ID: "istiod/cluster-name", Severity: check.Ails, Asks: []check.Question{check.AskIstiods}, Applies: check.Primary, Judge: judgeClusterName},
		{ID: IDImages, Severity: check.Ails, Asks: []check.Question{check.AskPods}, Applies: check.Joined, Judge: judgeImages},
		{ID: IDValidation, Severity: check.Ails, Asks: []check.Question{check.AskValidation}, Applies: validates, Judge: judgeValidation},
	}
}

// judgeClusterName finds an istiod that calls its own cluster otherwise than the mesh
// does: it takes the proxies of the cluster for strangers, and others that read the
// cluster have its workloads twice.
func judgeClusterName(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	for _, v := range e.Probes[c.Name].Istiods {
		if v.Self != "" && v.Self != c.Name {
			out = append(out, plan.Finding{
				Object:  object.Ref{Kind: "Pod", Namespace: c.Namespace, Name: v.Pod},
				Message: fmt.Sprintf("%s calls its cluster %s, but it is %s", v.Pod, v.Self, c.Name),
				Hint:    check.Mend,
			})
		}
	}
	return out
}

// unpulled are the reasons for which a kubelet has no image yet:
// https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff
func unpulled(reason string) bool {
	return slices.Contains([]string{"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"}, reason)
}

// judgeImages finds pods whose images cannot be had: one finding for each image.
func judgeImages(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	probe := e.Probes[c.Name]
	if probe.Err != nil && c.Remote() { // else the istiods are unknown too
		message := fmt.Sprintf("could not look at the pods of namespace %s: %v", c.Namespace, probe.Err)
		return []plan.Finding{check.Unread(c, probe.Err, message, "list pods in namespace "+c.Namespace)}
	}
	var out []plan.Finding
	seen := map[string]bool{}
	for _, p := range probe.Pods {
		for _, s := range containerStatuses(p) {
			waiting, _, _ := unstructured.NestedMap(s, "state", "waiting")
			reason, _ := waiting["reason"].(string)
			image, _ := s["image"].(string)
			if !unpulled(reason) || seen[image] {
				continue
			}
			seen[image] = true
			message := fmt.Sprintf("pod %s waits for image %s: %s", p.GetName(), image, reason)
			if why, _ := waiting["message"].(string); why != "" {
				message += fmt.Sprintf(": %q", why)
			}
			out = append(out, plan.Finding{
				State: "no image", Object: object.RefOf(p), Message: message,
				Hint: "if hub and tag of base.yaml are right: setup-mesh apply; else correct them first. A private registry needs imagePullSecrets",
			})
		}
	}
	return out
}

// containerStatuses are those of all containers of a pod.
func containerStatuses(pod *unstructured.Unstructured) []map[string]any {
	var out []map[string]any
	for _, field := range []string{"initContainerStatuses", "containerStatuses"} {
		list, _, _ := unstructured.NestedSlice(pod.Object, "status", field)
		for _, s := range list {
			if m, ok := s.(map[string]any); ok {
				out = append(out, m)
			}
		}
	}
	return out
}

// validates is a cluster that has a validation webhook, as it should.
func validates(e *check.Evidence, c *plan.Cluster) bool {
	ref := object.ValidatorRef(c.Namespace)
	return check.Joined(e, c) && c.Wants(ref) && c.Live.Object(ref) != nil
}

// judgeValidation is what came of trying a mistake.
func judgeValidation(e *check.Evidence, c *plan.Cluster) []plan.Finding {
	hint := cmp.Or(idleIstiods(e, c), "setup-mesh apply; then see the log of istiod"+ofPrimaries(c))
	err := e.Probes[c.Name].Validation
	switch class := object.ClassOf(err); {
	case err == nil, object.Absent(err): // without its CRD, which is said elsewhere
		return nil
	case errors.Is(err, observe.ErrAccepted):
		return []plan.Finding{{State: "accepts", Message: err.Error(), Hint: hint}}
	case errors.Is(err, observe.ErrNotValidated):
		f := plan.Unanswered(err, err.Error())
		f.Hint = "the user of context " + c.Context + " needs to create gateways.networking.istio.io in namespace " + c.Namespace
		return []plan.Finding{f}
	case class == object.Webhook:
		return []plan.Finding{{
			State: string(class), Message: fmt.Sprintf("Istio's resources cannot be changed, because nothing validates them: %v", err), Hint: hint,
		}}
	}
	return []plan.Finding{plan.Unanswered(err, fmt.Sprintf("%v: %v", observe.ErrNotValidated, err))}
}

// ofPrimaries says whose istiod it is, where that is not the cluster's own.
func ofPrimaries(c *plan.Cluster) string {
	if !c.Remote() {
		return ""
	}
	return " in " + strings.Join(c.Primaries, ", ")
}
