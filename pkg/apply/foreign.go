package apply

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
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
	in := installation{ref: object.RefOf(istiod), version: imageVersion(istiod), revision: istiod.GetLabels()["istio.io/rev"]}
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
		in.by = "somebody unknown"
	}
	return in
}

// sail says whether an owner is of the Sail operator:
// https://github.com/istio-ecosystem/sail-operator
func sail(o metav1.OwnerReference) bool { return strings.HasPrefix(o.APIVersion, "sailoperator.io/") }

// imageVersion is the tag of the image of an istiod's Deployment, which may be nil.
func imageVersion(istiod *unstructured.Unstructured) string {
	if istiod == nil {
		return ""
	}
	containers, _, _ := unstructured.NestedSlice(istiod.Object, "spec", "template", "spec", "containers")
	for _, e := range containers {
		m, _ := e.(map[string]any)
		if m["name"] != "discovery" {
			continue
		}
		image, _ := m["image"].(string)
		image, _, _ = strings.Cut(image, "@")
		_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
		return tag
	}
	return ""
}

// String is a whole sentence's beginning: what is there.
func (in installation) String() string {
	if in.version == "" {
		return "an Istio"
	}
	return "an Istio " + in.version
}

// foreignIstio says of every cluster that joins which Istio somebody else has
// installed in it. One that ours would take the place of is refused.
func (p *Plan) foreignIstio(i Inspection) {
	for _, c := range p.Clusters {
		seen := i[c.Name]
		if seen == nil {
			continue
		}
		if seen.IstiodsErr != nil {
			p.warn(c.Name, object.HintOf(seen.IstiodsErr), "whether another Istio is there was not checked: %v", seen.IstiodsErr)
		}
		for _, d := range seen.Istiods {
			if !object.Ours(d) {
				p.foreignIstiod(c, installationOf(d))
			}
		}
	}
}

func (p *Plan) foreignIstiod(c *ClusterPlan, in installation) {
	switch {
	case in.ref != object.IstiodRef(c.Namespace) || !c.wants(in.ref):
		name := in.ref.String()
		if in.revision != "" {
			name += " (revision " + in.revision + ")"
		}
		p.warn(c.Name, "its injection webhook and ours may both answer for a pod: see the selectors in kubectl get mutatingwebhookconfigurations -o yaml",
			"%s is there: %s, installed by %s", in, name, in.by)
	case p.options.Adopt:
		p.warn(c.Name, in.afterAdoption(), "%s is taken over: %s, installed by %s", in, in.ref, in.by)
	default:
		refs := []object.Ref{in.ref}
		for _, by := range sortedKeys(c.foreign) {
			if !in.manages(by) {
				continue
			}
			p.settle(conflict(c, by))
			for _, ref := range c.foreign[by] {
				if ref != in.ref {
					refs = append(refs, ref)
				}
			}
		}
		p.refuse(c.Name, "apply --adopt takes these objects over and makes them what topology.yaml and base.yaml say; "+in.afterAdoption(),
			"%s is there: %s, installed by %s", in, andMore(refs), in.by)
	}
}

// manages says whether one of the managers listed in by is one of istiod's.
func (in installation) manages(by string) bool {
	return slices.ContainsFunc(strings.Split(by, ", "), func(m string) bool { return slices.Contains(in.managers, m) })
}

func (in installation) afterAdoption() string {
	if in.operator {
		return fmt.Sprintf("take it from %s first, which sets back what others change", in.by)
	}
	return fmt.Sprintf("do not use %s on them any more: it would set them back or remove them", in.tool())
}

// tool is by without the name of a release.
func (in installation) tool() string {
	tool, _, _ := strings.Cut(in.by, " (")
	return tool
}
