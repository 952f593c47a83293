package applytest

import (
	"fmt"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// validate says what an API server would find wrong with o, or with the change
// from live to it. It knows the few rules that a reconciler may run into.
func validate(o, live Object) error {
	ref := object.RefOf(o)
	kind := ref.GroupKind().String()
	if live != nil {
		if err := unmoved(ref, kind, o, live); err != nil {
			return err
		}
	}
	switch kind {
	case "Service":
		return validService(ref, o)
	case "Deployment.apps":
		selector, labels := fields(o, "spec", "selector", "matchLabels"), fields(o, "spec", "template", "metadata", "labels")
		for k, v := range selector {
			if labels[k] != v {
				return wrong(ref, "spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
			}
		}
	}
	return nil
}

// unmoved says which field changed that is set for good.
func unmoved(ref object.Ref, kind string, o, live Object) error {
	var paths [][]string
	switch kind {
	case "Deployment.apps", "DaemonSet.apps", "StatefulSet.apps":
		paths = [][]string{{"spec", "selector"}}
	case "RoleBinding.rbac.authorization.k8s.io", "ClusterRoleBinding.rbac.authorization.k8s.io":
		if !same(o.Object["roleRef"], live.Object["roleRef"]) {
			return wrong(ref, "roleRef", o.Object["roleRef"], "cannot change roleRef")
		}
	case "Secret":
		paths = [][]string{{"type"}}
	case "EndpointSlice.discovery.k8s.io":
		paths = [][]string{{"addressType"}}
	case "Service":
		was, is := text(live, "spec", "clusterIP"), text(o, "spec", "clusterIP")
		if was != "" && is != "" && was != is && text(o, "spec", "type") != "ExternalName" {
			return wrong(ref, "spec.clusterIPs[0]", is, "may not change once set")
		}
	}
	for _, path := range paths {
		if !same(at(o.Object, path...), at(live.Object, path...)) {
			return immutable(ref, dotted(path), at(o.Object, path...))
		}
	}
	return nil
}

func validService(ref object.Ref, o Object) error {
	ports := records(items(o, "spec", "ports"))
	for i, p := range ports {
		if n, ok := number(p, "port"); !ok || n < 1 || n > 65535 {
			port, target := fmt.Sprintf("spec.ports[%d].port", i), fmt.Sprintf("spec.ports[%d].targetPort", i)
			return invalid(ref, fmt.Sprintf("Service %q is invalid: %s: Invalid value: %v: must be between 1 and 65535, inclusive", ref.Name, port, p["port"]), port, target)
		}
		if len(ports) > 1 && str(p, "name") == "" {
			path := fmt.Sprintf("spec.ports[%d].name", i)
			return invalid(ref, fmt.Sprintf("Service %q is invalid: %s: Required value", ref.Name, path), path)
		}
	}
	if len(ports) == 0 && text(o, "spec", "type") != "ExternalName" && text(o, "spec", "clusterIP") != "None" {
		return invalid(ref, fmt.Sprintf("Service %q is invalid: spec.ports: Required value", ref.Name), "spec.ports")
	}
	return nil
}

func dotted(path []string) string {
	s := path[0]
	for _, p := range path[1:] {
		s += "." + p
	}
	return s
}
