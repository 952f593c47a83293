package observe

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A Scope selects Services that are one in all clusters of an ambient mesh, by their own
// labels and those of their namespaces.
type Scope struct{ Namespaces, Services labels.Selector }

// GlobalScopes are those of a mesh configuration in YAML, as istiod has it in a ConfigMap.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ServiceScopeConfigs
func GlobalScopes(mesh string) ([]Scope, error) {
	var config struct {
		Scopes []struct {
			Namespaces *metav1.LabelSelector `json:"namespaceSelector"`
			Services   *metav1.LabelSelector `json:"servicesSelector"`
			Scope      string                `json:"scope"`
		} `json:"serviceScopeConfigs"`
	}
	if err := yaml.Unmarshal([]byte(mesh), &config); err != nil {
		return nil, fmt.Errorf("read meshConfig.serviceScopeConfigs: %w", err)
	}
	var out []Scope
	for _, s := range config.Scopes {
		if s.Scope != "GLOBAL" {
			continue
		}
		namespaces, err := selector(s.Namespaces)
		if err != nil {
			return nil, err
		}
		services, err := selector(s.Services)
		if err != nil {
			return nil, err
		}
		out = append(out, Scope{namespaces, services})
	}
	return out, nil
}

// selector is what istiod makes of one: without it, all are selected.
func selector(of *metav1.LabelSelector) (labels.Selector, error) {
	if of == nil {
		return labels.Everything(), nil
	}
	s, err := metav1.LabelSelectorAsSelector(of)
	if err != nil {
		return nil, fmt.Errorf("read meshConfig.serviceScopeConfigs: %w", err)
	}
	return s, nil
}

// Labelled are the labels of namespaces, by their names.
type Labelled map[string]map[string]string

// ReadNamespaces reads the labels of all namespaces.
func ReadNamespaces(ctx context.Context, l *world.Connected) (Labelled, error) {
	out := Labelled{}
	err := l.Cluster.Each(ctx, schema.GroupKind{Kind: "Namespace"}, "", func(o *unstructured.Unstructured) { out[o.GetName()] = o.GetLabels() })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Global says whether a Service is one in all clusters. One scope that selects it is enough.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/ambient/services.go (matchServiceScope)
func (n Labelled) Global(service *unstructured.Unstructured, scopes []Scope) bool {
	return slices.ContainsFunc(scopes, func(s Scope) bool {
		return s.Namespaces.Matches(labels.Set(n[service.GetNamespace()])) && s.Services.Matches(labels.Set(service.GetLabels()))
	})
}

// waypoint is the "namespace/name" of the waypoint that ambient clients of a Service send to,
// "" for none: its own label counts, or else that of its namespace. A waypoint has none.
// https://istio.io/latest/docs/ambient/usage/waypoint/#useawaypoint
func (n Labelled) waypoint(service *unstructured.Unstructured) string {
	own := service.GetLabels()
	if own[object.LabelManaged] != "" {
		return ""
	}
	for _, from := range []map[string]string{own, n[service.GetNamespace()]} {
		switch name := from["istio.io/use-waypoint"]; name {
		case "":
			continue
		case "none":
			return ""
		default:
			return cmp.Or(from["istio.io/use-waypoint-namespace"], service.GetNamespace()) + "/" + name
		}
	}
	return ""
}

// A Waypoint is a Gateway as far as it has to be the same in all clusters. It is comparable.
type Waypoint struct {
	Class     string
	For       string // what it takes: "service" where it does not say
	Listeners string // all that they are, as text
}

// Waypoints are Gateways by "namespace/name". Which of them are waypoints, those say who use
// them.
func Waypoints(gateways []*unstructured.Unstructured) map[string]Waypoint {
	out := map[string]Waypoint{}
	for _, g := range gateways {
		out[g.GetNamespace()+"/"+g.GetName()] = waypointOf(g)
	}
	return out
}

func waypointOf(gateway *unstructured.Unstructured) Waypoint {
	class, _, _ := unstructured.NestedString(gateway.Object, "spec", "gatewayClassName")
	listeners, _, _ := unstructured.NestedSlice(gateway.Object, "spec", "listeners")
	var all []string
	for _, one := range listeners {
		text, err := json.Marshal(one)
		if err != nil { // which came from JSON
			text = []byte(err.Error())
		}
		all = append(all, string(text))
	}
	slices.Sort(all)
	return Waypoint{Class: class, For: cmp.Or(gateway.GetLabels()["istio.io/waypoint-for"], "service"), Listeners: strings.Join(all, "\n")}
}
