package check

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// An installation is an Istio of somebody else, as its istiod tells of it.
type installation struct {
	ref      object.Ref
	version  string // "" if its image does not say
	revision string // "" for the default one
	by       string // what installed it
	operator bool   // which sets back what others change
	managers []string
}

// installationOf reads the Deployment of an istiod. What the ways to install
// Istio leave behind in it: Helm annotates what it owns, the Sail operator owns
// it through an IstioRevision, and istioctl applies as istio-operator.
// https://github.com/istio/istio/blob/1.31.0/operator/pkg/install/install.go
func installationOf(istiod *unstructured.Unstructured) installation {
	in := installation{ref: object.RefOf(istiod), version: world.ImageVersion(istiod), revision: istiod.GetLabels()[object.LabelRevision]}
	if in.revision == "default" {
		in.revision = ""
	}
	for _, m := range istiod.GetManagedFields() {
		if m.Subresource == "" && !slices.Contains(in.managers, m.Manager) {
			in.managers = append(in.managers, m.Manager)
		}
	}
	labels, release := istiod.GetLabels(), istiod.GetAnnotations()["meta.helm.sh/release-name"]
	switch {
	case slices.ContainsFunc(istiod.GetOwnerReferences(), sail):
		in.by, in.operator = "the Sail operator", true
	case release != "":
		in.by = "helm (release " + release + ")"
	case labels["operator.istio.io/managed"] != "" || slices.Contains(in.managers, "istio-operator"):
		in.by = "istioctl"
	case labels["app.kubernetes.io/managed-by"] == "Helm" && slices.Contains(in.managers, "helm"):
		in.by = "helm"
	case len(in.managers) > 0:
		in.by = strings.Join(in.managers, ", ")
	default:
		in.by = "an unknown tool"
	}
	return in
}

// sail says whether an owner is of the Sail operator:
// https://github.com/istio-ecosystem/sail-operator
func sail(o metav1.OwnerReference) bool { return strings.HasPrefix(o.APIVersion, "sailoperator.io/") }

// String is a whole sentence's beginning: what is there.
func (in installation) String() string {
	if in.version == "" {
		return "an Istio"
	}
	return "an Istio " + in.version
}

// foreignChecks are about control planes of others.
func foreignChecks() []Check {
	asks := []Question{AskDeployments}
	return []Check{
		{ID: "istio/replaced", Severity: Refuses, Asks: asks, Applies: joins, Judge: judgeReplaced},
		{ID: "istio/adopted", Severity: Warns, Asks: asks, Applies: joins, Judge: judgeAdopted},
		{ID: "istio/beside", Severity: Warns, Asks: asks, Applies: joins, Judge: judgeBeside},
	}
}

// joins is a cluster that an apply makes a member.
func joins(e *Evidence, c *plan.Cluster) bool {
	return reached(e, c) && !c.Leaving && c.Live.Record == nil && c.Pending()
}

// replaces says whether ours would take the place of in.
func replaces(c *plan.Cluster, in installation) bool {
	return in.ref == object.IstiodRef(c.Namespace) && c.Wants(in.ref)
}

// installations are the control planes of others in c, as far as it was asked.
func (e *Evidence) installations(c *plan.Cluster) []installation {
	seen := e.inspection[c.Name]
	if seen == nil {
		return nil
	}
	var out []installation
	for _, d := range seen.Istiods {
		if !object.Ours(d) {
			out = append(out, installationOf(d))
		}
	}
	return out
}

// replaced is the control plane of others that ours takes the place of, nil for
// none.
func (e *Evidence) replaced(c *plan.Cluster) *installation {
	for _, in := range e.installations(c) {
		if replaces(c, in) {
			return &in
		}
	}
	return nil
}

func judgeReplaced(e *Evidence, c *plan.Cluster) []plan.Finding {
	in := e.replaced(c)
	if in == nil || e.Plan.Options.Adopt {
		return nil
	}
	refs, foreign := []object.Ref{in.ref}, foreign(c)
	for _, by := range object.SortedKeys(foreign) {
		for _, ref := range foreign[by] {
			if in.manages(by) && ref != in.ref {
				refs = append(refs, ref)
			}
		}
	}
	return []plan.Finding{{
		Object: in.ref, Manager: in.by,
		Message: fmt.Sprintf("found %s: %s, installed by %s", in, andMore(refs), in.by),
		Hint:    "apply --adopt takes these objects over and changes them to match topology.yaml and base.yaml; " + in.afterAdoption(),
	}}
}

func judgeAdopted(e *Evidence, c *plan.Cluster) []plan.Finding {
	in := e.replaced(c)
	if in == nil || !e.Plan.Options.Adopt {
		return nil
	}
	return []plan.Finding{{
		Object: in.ref, Manager: in.by,
		Message: fmt.Sprintf("%s is taken over: %s, installed by %s", in, in.ref, in.by),
		Hint:    in.afterAdoption(),
	}}
}

func judgeBeside(e *Evidence, c *plan.Cluster) []plan.Finding {
	var out []plan.Finding
	if seen := e.inspection[c.Name]; seen != nil && seen.IstiodsErr != nil {
		out = append(out, plan.Unanswered(seen.IstiodsErr, fmt.Sprintf("could not check for another Istio installation: %v", seen.IstiodsErr)))
	}
	for _, in := range e.installations(c) {
		if replaces(c, in) {
			continue
		}
		name := in.ref.String()
		if in.revision != "" {
			name += " (revision " + in.revision + ")"
		}
		out = append(out, plan.Finding{
			Object: in.ref, Manager: in.by,
			Message: fmt.Sprintf("found %s: %s, installed by %s", in, name, in.by),
			Hint:    "its injection webhook and the one of setup-mesh may both inject a pod: compare the selectors in kubectl get mutatingwebhookconfigurations -o yaml",
		})
	}
	return out
}

// manages says whether one of the managers listed in by is one of istiod's.
func (in installation) manages(by string) bool {
	return slices.ContainsFunc(strings.Split(by, ", "), func(m string) bool { return slices.Contains(in.managers, m) })
}

func (in installation) afterAdoption() string {
	if in.operator {
		return fmt.Sprintf("remove it from %s first, or it will revert these changes", in.by)
	}
	return fmt.Sprintf("stop using %s on them: it would revert or remove them", in.tool())
}

// tool is by without the name of a release.
func (in installation) tool() string {
	tool, _, _ := strings.Cut(in.by, " (")
	return tool
}
