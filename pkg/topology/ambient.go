package topology

import (
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// Ambient is what topology.yaml says of a mesh in ambient mode. Whether the mesh is in
// it, base.yaml says.
type Ambient struct {
	// Namespaces, in the order of the file, are there in every cluster, and their pods
	// are enrolled.
	Namespaces []string
	// SharedNetworks lets several clusters be on one network, Sidecars lets there be
	// sidecars beside ambient, and RootRotation lets the root be rotated: all are refused
	// otherwise.
	SharedNetworks, Sidecars, RootRotation bool
}

// What topology.yaml lists below ambient.experimental.
const (
	SharedNetworks = "shared-networks"
	Sidecars       = "sidecars"
	RootRotation   = "root-rotation"
)

// neverEnrolled are the namespaces whose pods are not for the mesh. Istio's own would
// take the proxies themselves in.
var neverEnrolled = slices.Concat(systemNamespaces, []string{"local-path-storage"})

// ambient judges what the file says of ambient mode.
func (p *meshParser) ambient() {
	written := p.root.Get("ambient")
	if written.IsNull() || written.Kind != tree.Mapping {
		return // absent, or reported already
	}
	a := &p.mesh.Ambient
	if list := written.Get("namespaces"); list != nil && list.Kind == tree.Sequence {
		a.Namespaces = p.namespaces(list, "ambient.namespaces", neverEnrolled, "cannot be enrolled")
	}
	p.notInjected(written.Get("namespaces"))
	known := []string{SharedNetworks, Sidecars, RootRotation}
	for i, item := range written.Get("experimental").List() {
		switch text, _ := item.Literal(); {
		case item.Kind != tree.Scalar: // reported already
		case text == SharedNetworks:
			a.SharedNetworks = true
		case text == Sidecars:
			a.Sidecars = true
		case text == RootRotation:
			a.RootRotation = true
		default:
			p.problems.Add(item.At, tree.Indexed("ambient.experimental", i), names.OneOf(text, known), "%s is none of %s", names.Quote(text), strings.Join(known, ", "))
		}
	}
}

// notInjected reports namespaces that are to be injected, too: a pod has a sidecar, or its
// node's proxy.
// https://istio.io/latest/docs/ambient/usage/add-workloads/#pod-selection-logic-for-ambient-and-sidecar-modes
func (p *meshParser) notInjected(list *tree.Tree) {
	for i, item := range list.List() {
		if text, _ := item.Literal(); slices.Contains(p.mesh.InjectedNamespaces, text) {
			p.problems.Add(item.At, tree.Indexed("ambient.namespaces", i), "take it out of one of the two", "%s is listed in injection.namespaces, too", names.Quote(text))
		}
	}
}
