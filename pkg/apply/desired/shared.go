package desired

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A Sharing is what the clusters of a mesh need of each other's Services, so
// that the Services of the namespaces in sharedServices are present in all
// joined clusters. A client asks the DNS of its own cluster for a name, and that
// knows the Services of its own cluster only:
// https://istio.io/latest/docs/ops/deployment/deployment-models/#dns-with-multiple-clusters
// The zero sharing is that of a mesh that shares nothing.
type Sharing struct {
	Items map[string][]*Item // copies and their namespaces, by the name of the cluster that wants them
	Kept  map[Placed]bool    // copies that stay as they are: their original may be where nothing is known
	// Mismatched are Services that several clusters have with different ports, by
	// the name of the cluster.
	Mismatched map[string][]mismatch
}

// A mismatch is a Service with other ports than that of the cluster with.
type mismatch struct {
	With    string
	Service object.Ref
}

// Placed is an object in a cluster.
type Placed struct {
	Cluster string
	Ref     object.Ref
}

// An original is a Service that is somebody's own.
type original struct {
	cluster string
	service *unstructured.Unstructured
}

// NewSharing works out the copies of all clusters. What was not read is not
// taken to be absent: as long as a joined cluster is not reached, what is there
// of copies whose original is nowhere seen stays.
func NewSharing(d *Desired, w *world.World) (Sharing, error) {
	if len(d.SharedServices) == 0 {
		return Sharing{}, nil
	}
	s := Sharing{Items: map[string][]*Item{}, Kept: map[Placed]bool{}, Mismatched: map[string][]mismatch{}}
	var reached []*world.Live
	unreached := map[string]bool{}
	wanted := map[Placed]bool{} // namespaces, for another reason
	for i, c := range d.Clusters {
		switch l := w.Clusters[i]; {
		case !c.Joined:
		case l.Unreached != nil:
			unreached[l.Name] = true
		default:
			reached = append(reached, l)
			for _, it := range c.Items {
				if it.Ref.Kind == "Namespace" {
					wanted[Placed{l.Name, it.Ref}] = true
				}
			}
		}
	}
	for _, namespace := range d.SharedServices {
		originals := originalsOf(reached, namespace)
		s.comparePorts(originals)
		for _, l := range reached {
			if err := s.cluster(d.MeshID, l, namespace, originals, unreached, wanted); err != nil {
				return Sharing{}, err
			}
		}
	}
	return s, nil
}

// originalsOf are the Services of a namespace by name, each as often as somebody
// has it, in the order of the topology.
func originalsOf(clusters []*world.Live, namespace string) map[string][]original {
	out := map[string][]original{}
	for _, l := range clusters {
		for _, o := range l.Services[namespace] {
			if !object.IsCopy(o) {
				out[o.GetName()] = append(out[o.GetName()], original{l.Name, o})
			}
		}
	}
	return out
}

// cluster adds what l wants of the Services of a namespace: those that nobody
// has there. Where several clusters have a Service, the first is copied. A namespace
// that is wanted anyway is not wanted twice.
func (s *Sharing) cluster(mesh string, l *world.Live, namespace string, originals map[string][]original, unreached map[string]bool, wanted map[Placed]bool) error {
	there := map[string]*unstructured.Unstructured{}
	for _, o := range l.Services[namespace] {
		there[o.GetName()] = o
	}
	var copies []*Item
	kept := false
	for _, name := range object.SortedKeys(originals) {
		live := there[name]
		switch {
		case live != nil && !object.IsCopy(live): // theirs
		case live != nil && unreached[live.GetAnnotations()[object.AnnotationSharedFrom]]:
			kept = s.keep(l, live)
		default:
			first := originals[name][0]
			it, err := sharedItem(mesh, copyOf(first), order.Copies)
			if err != nil {
				return err
			}
			copies = append(copies, it)
		}
	}
	for name, live := range there {
		if _, seen := originals[name]; !seen && len(unreached) > 0 {
			kept = s.keep(l, live)
		}
	}
	if len(copies) == 0 && !kept {
		return nil
	}
	ref := object.NamespaceRef(namespace)
	if live := l.Object(ref); !wanted[Placed{l.Name, ref}] && (live == nil || object.IsOurNamespace(live)) {
		it, err := sharedItem(mesh, sharedNamespace(namespace), order.Spaces)
		if err != nil {
			return err
		}
		s.Items[l.Name] = append(s.Items[l.Name], it)
	}
	s.Items[l.Name] = append(s.Items[l.Name], copies...)
	return nil
}

// keep leaves a copy as it is.
func (s *Sharing) keep(l *world.Live, o *unstructured.Unstructured) bool {
	s.Kept[Placed{l.Name, object.RefOf(o)}] = true
	return true
}

func sharedItem(mesh string, o *unstructured.Unstructured, part order.Part) (*Item, error) {
	return NewItem(order.Subject{Component: order.SharedServices, Part: part}, mesh, o, nil)
}

// sharedNamespace is a namespace for copies where there is none of that name.
func sharedNamespace(name string) *unstructured.Unstructured {
	return object.New("v1", "Namespace", "", name, map[string]any{"annotations": map[string]any{object.AnnotationCreated: "true"}}, nil)
}

// copyOf is an original as the other clusters hold it: the same Service, in the
// sense that a name in a namespace means one thing in all clusters of a mesh
// (namespace sameness). Therefore it has the selector, so that pods which move
// there are found, and says the same to Istio, exportTo for instance. It has
// no endpoints of its own and nothing that a cluster hands out: no node ports,
// and never a load balancer.
// https://istio.io/latest/docs/ops/deployment/deployment-models/#namespace-tenancy
func copyOf(o original) *unstructured.Unstructured {
	notes := map[string]any{object.AnnotationSharedFrom: o.cluster}
	for k, v := range o.service.GetAnnotations() {
		if strings.HasPrefix(k, "networking.istio.io/") {
			notes[k] = v
		}
	}
	labels := map[string]any{}
	for k, v := range o.service.GetLabels() {
		// A copy of a gateway is no gateway of this cluster's network.
		if k != object.LabelNetwork && !strings.HasPrefix(k, annotationPrefix) {
			labels[k] = v
		}
	}
	return object.New("v1", "Service", o.service.GetNamespace(), o.service.GetName(),
		map[string]any{"labels": labels, "annotations": notes}, map[string]any{"spec": specOfCopy(o.service)})
}

func specOfCopy(service *unstructured.Unstructured) map[string]any {
	from, _, _ := unstructured.NestedMap(service.Object, "spec") // a deep copy
	spec := map[string]any{"type": "ClusterIP"}
	switch {
	case from["type"] == "ExternalName":
		spec["type"], spec["externalName"] = from["type"], from["externalName"]
	case isHeadless(service):
		spec["clusterIP"] = headless
	}
	if selector, ok := from["selector"]; ok {
		spec["selector"] = selector
	}
	if ports, ok := from["ports"].([]any); ok {
		for _, p := range ports {
			if m, ok := p.(map[string]any); ok {
				delete(m, "nodePort")
			}
		}
		spec["ports"] = ports
	}
	return spec
}

// headless is the cluster IP of a Service without one:
// https://kubernetes.io/docs/concepts/services-networking/service/#headless-services
const headless = "None"

func isHeadless(service *unstructured.Unstructured) bool {
	ip, _, _ := unstructured.NestedString(service.Object, "spec", "clusterIP")
	return ip == headless
}

// TurnsHeadless says whether a Service is headless and shall not be, or the other
// way round.
func TurnsHeadless(it *Item, live *unstructured.Unstructured) bool {
	typed := func(o *unstructured.Unstructured) bool {
		kind, _, _ := unstructured.NestedString(o.Object, "spec", "type")
		return kind == "ClusterIP"
	}
	return it.Ref.Kind == "Service" && typed(it.Object) && typed(live) && isHeadless(it.Object) != isHeadless(live)
}

// comparePorts finds Services that several clusters have, and not with the same
// ports: istiod takes them for one Service.
func (s *Sharing) comparePorts(originals map[string][]original) {
	for _, name := range object.SortedKeys(originals) {
		first := originals[name][0]
		for _, other := range originals[name][1:] {
			if slices.Equal(portsOf(first.service), portsOf(other.service)) {
				continue
			}
			s.Mismatched[other.cluster] = append(s.Mismatched[other.cluster], mismatch{first.cluster, object.RefOf(other.service)})
		}
	}
}

// portsOf are the ports of a Service as clients see them.
func portsOf(service *unstructured.Unstructured) []string {
	ports, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
	var out []string
	for _, p := range ports {
		if m, ok := p.(map[string]any); ok {
			out = append(out, fmt.Sprint(m["name"], m["port"], m["protocol"], m["appProtocol"]))
		}
	}
	slices.Sort(out)
	return out
}
