package charts

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// An Object is one rendered Kubernetes object and the component it belongs to:
// "base", "pilot", "cni", "ztunnel", "ingressgateway:<name>" or
// "egressgateway:<name>". Its numbers are int64 or float64, as the API
// server's own decoder makes them.
type Object struct {
	Component string
	*unstructured.Unstructured
}

// A Renderer renders specs. It keeps the objects of the base chart, which cost
// far more than all others together and are the same for most clusters, and those
// of specs that are alike. It is safe for concurrent use.
type Renderer struct {
	bases baseCache
	alike markedCache
}

// New returns a Renderer that has rendered nothing yet.
func New() *Renderer {
	Quiet()
	return &Renderer{
		bases: baseCache{entries: map[string]func() ([]Object, error){}},
		alike: markedCache{entries: map[string]func() ([]markedObject, error){}},
	}
}

// Render returns the objects of an IstioOperator spec whose control plane is in
// namespace, sorted by component, kind, namespace and name. The spec is not
// changed. A spec without hub or tag gets [Hub] and [Release].
//
// Objects may be shared with other calls: callers must not change any that they get,
// but copy it first. Specs that differ only in the names of the cluster and of its
// network are rendered once.
//
// The entry [EastWestGateway] of components.ingressGateways is rendered as an
// installation of its own, as Istio's multicluster guide does: it takes the
// gateway injection template, ignores values.gateways (which are the other
// gateways' settings), and does not replace the gateways of the profile.
// https://github.com/istio/istio/blob/release-1.31/samples/multicluster/gen-eastwest-gateway.sh
//
// What is never among the fields: those that a controller writes while we
// would, see [undeclare].
func (r *Renderer) Render(namespace string, spec map[string]any) ([]Object, error) {
	if masked, names, ok := mask(spec); ok {
		if objects, err := r.alike.render(namespace, masked, r.render); err == nil {
			return sorted(withNames(objects, names))
		} // else what is wrong is said of the spec itself
	}
	objects, err := r.render(namespace, spec)
	if err != nil {
		return nil, blamed(err, spec, func(other map[string]any) error { _, err := r.render(namespace, other); return err })
	}
	return objects, nil
}

// render is Render of this spec alone.
func (r *Renderer) render(namespace string, spec map[string]any) (_ []Object, err error) {
	defer recovered(&err)
	full, err := newInput(namespace, spec)
	if err != nil {
		return nil, err
	}
	rest, eastWest := full.split()
	inputs := []*input{rest}
	if eastWest != nil {
		inputs = append(inputs, eastWest)
	}
	base := func() ([]Object, error) { return nil, nil }
	if in, ok := rest.takeBase(); ok {
		if base, err = r.bases.start(in); err != nil {
			return nil, err
		}
	}
	var out []Object
	for _, in := range inputs {
		objects, err := in.render()
		if err != nil {
			return nil, err
		}
		out = append(out, objects...)
	}
	objects, err := base()
	if err != nil {
		return nil, err
	}
	out = append(out, objects...)
	return sorted(out)
}

// recovered makes an error of a panic in Istio's renderer, which asserts types.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("render the charts: Istio's renderer does not expect this spec: %v", p)
	}
}

// Check is the function of that name: what a caller needs of charts is in one
// value.
func (*Renderer) Check(spec map[string]any) []Finding { return Check(spec) }

// sorted orders objects in place. Two objects that are the same to an API
// server are an error: the later one would undo the earlier.
func sorted(objects []Object) ([]Object, error) {
	slices.SortStableFunc(objects, compare)
	for i := 1; i < len(objects); i++ {
		if a, b := objects[i-1], objects[i]; identity(a) == identity(b) {
			return nil, fmt.Errorf("%s is rendered twice, by %s and by %s", identity(b), a.Component, b.Component)
		}
	}
	return objects, nil
}
