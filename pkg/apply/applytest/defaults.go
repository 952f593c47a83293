package applytest

import (
	"fmt"
	"maps"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// setDefaults sets the defaults that somebody may look at; an API server sets
// many more. It changes o, and nothing that o shares with the store: what is
// stored has its defaults already.
func setDefaults(o Object) {
	switch object.RefOf(o).GroupKind().String() {
	case "Namespace":
		set(o, o.GetName(), "metadata", "labels", "kubernetes.io/metadata.name")
		preset(o, []any{"kubernetes"}, "spec", "finalizers")
		preset(o, "Active", "status", "phase")
	case "Secret":
		preset(o, "Opaque", "type")
	case "Service":
		serviceDefaults(o)
	case "Deployment.apps":
		preset(o, int64(1), "spec", "replicas")
		preset(o, "RollingUpdate", "spec", "strategy", "type")
		podDefaults(o, "spec", "template", "spec")
	case "DaemonSet.apps", "StatefulSet.apps":
		podDefaults(o, "spec", "template", "spec")
	case "Pod":
		podDefaults(o, "spec")
	case "EndpointSlice.discovery.k8s.io":
		each(o, func(port map[string]any) {
			fill(port, "name", "")
			fill(port, "protocol", "TCP")
		}, "ports")
	case "MutatingWebhookConfiguration.admissionregistration.k8s.io":
		each(o, func(hook map[string]any) {
			webhookDefaults(hook)
			fill(hook, "reinvocationPolicy", "Never")
		}, "webhooks")
	case "ValidatingWebhookConfiguration.admissionregistration.k8s.io":
		each(o, webhookDefaults, "webhooks")
	case "RoleBinding.rbac.authorization.k8s.io", "ClusterRoleBinding.rbac.authorization.k8s.io":
		preset(o, "rbac.authorization.k8s.io", "roleRef", "apiGroup")
	}
}

func serviceDefaults(o Object) {
	preset(o, "ClusterIP", "spec", "type")
	preset(o, "None", "spec", "sessionAffinity")
	if text(o, "spec", "type") != "ExternalName" {
		preset(o, "Cluster", "spec", "internalTrafficPolicy")
	}
	if t := text(o, "spec", "type"); t == "LoadBalancer" || t == "NodePort" {
		preset(o, "Cluster", "spec", "externalTrafficPolicy")
	}
	if text(o, "spec", "type") == "LoadBalancer" {
		preset(o, true, "spec", "allocateLoadBalancerNodePorts")
	}
	each(o, func(port map[string]any) {
		fill(port, "protocol", "TCP")
		fill(port, "targetPort", port["port"])
	}, "spec", "ports")
}

func podDefaults(o Object, path ...string) {
	spec := func(key string) []string { return append(append([]string{}, path...), key) }
	if fields(o, path...) == nil {
		return
	}
	preset(o, "Always", spec("restartPolicy")...)
	preset(o, "ClusterFirst", spec("dnsPolicy")...)
	preset(o, "default-scheduler", spec("schedulerName")...)
	preset(o, int64(30), spec("terminationGracePeriodSeconds")...)
	preset(o, map[string]any{}, spec("securityContext")...)
	if account := text(o, spec("serviceAccountName")...); account != "" {
		preset(o, account, spec("serviceAccount")...)
	}
	for _, kind := range []string{"containers", "initContainers"} {
		each(o, func(container map[string]any) {
			fill(container, "imagePullPolicy", "IfNotPresent")
			fill(container, "resources", map[string]any{})
			fill(container, "terminationMessagePath", "/dev/termination-log")
			fill(container, "terminationMessagePolicy", "File")
			if ports, ok := container["ports"].([]any); ok {
				container["ports"] = filled(ports, func(port map[string]any) { fill(port, "protocol", "TCP") })
			}
		}, spec(kind)...)
	}
}

func webhookDefaults(hook map[string]any) {
	fill(hook, "failurePolicy", "Fail")
	fill(hook, "matchPolicy", "Equivalent")
	fill(hook, "namespaceSelector", map[string]any{})
	fill(hook, "objectSelector", map[string]any{})
	fill(hook, "timeoutSeconds", int64(10))
	if client, ok := hook["clientConfig"].(map[string]any); ok {
		if service, ok := client["service"].(map[string]any); ok && service["port"] == nil {
			client, service = maps.Clone(client), maps.Clone(service)
			service["port"] = int64(443)
			client["service"], hook["clientConfig"] = service, client
		}
	}
	if rules, ok := hook["rules"].([]any); ok {
		hook["rules"] = filled(rules, func(rule map[string]any) { fill(rule, "scope", "*") })
	}
}

// preset sets what is not there.
func preset(o Object, value any, path ...string) {
	if at(o.Object, path...) == nil {
		set(o, value, path...)
	}
}

func fill(m map[string]any, key string, value any) {
	if m[key] == nil {
		m[key] = value
	}
}

// each lets change fill copies of the maps in a list.
func each(o Object, change func(map[string]any), path ...string) {
	if l := items(o, path...); len(l) > 0 {
		set(o, filled(l, change), path...)
	}
}

func filled(list []any, change func(map[string]any)) []any {
	out := make([]any, len(list))
	for i, e := range list {
		if m, ok := e.(map[string]any); ok {
			m = maps.Clone(m)
			change(m)
			e = m
		}
		out[i] = e
	}
	return out
}

// allocate gives a Service what the API server has allocators for. What was
// given before stays.
func (c *Cluster) allocate(live, o Object, dryRun bool) {
	if o.GetKind() != "Service" || o.GroupVersionKind().Group != "" || text(o, "spec", "type") == "ExternalName" {
		return
	}
	for _, key := range []string{"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} {
		if at(o.Object, "spec", key) != nil {
			continue
		}
		if live != nil && at(live.Object, "spec", key) != nil {
			set(o, at(live.Object, "spec", key), "spec", key)
			continue
		}
		switch key {
		case "clusterIP":
			c.pods++
			set(o, fmt.Sprintf("10.%d.%d.%d", 128+c.index, c.pods>>8&255, c.pods&255), "spec", key)
		case "clusterIPs":
			set(o, []any{at(o.Object, "spec", "clusterIP")}, "spec", key)
		case "ipFamilies":
			set(o, []any{"IPv4"}, "spec", key)
		case "ipFamilyPolicy":
			set(o, "SingleStack", "spec", key)
		}
	}
	if t := text(o, "spec", "type"); t == "LoadBalancer" || t == "NodePort" {
		c.nodePorts(live, o)
	}
	if o.Object["status"] == nil && !dryRun {
		set(o, map[string]any{}, "status", "loadBalancer")
	}
}

// nodePorts gives each port of a Service one on the nodes.
func (c *Cluster) nodePorts(live, o Object) {
	was := map[any]any{}
	if live != nil {
		for _, p := range records(items(live, "spec", "ports")) {
			was[fmt.Sprint(p["port"], p["protocol"])] = p["nodePort"]
		}
	}
	each(o, func(port map[string]any) {
		if n := was[fmt.Sprint(port["port"], port["protocol"])]; n != nil {
			fill(port, "nodePort", n)
		}
		if port["nodePort"] == nil {
			c.pods++
			port["nodePort"] = int64(30000 + c.pods%2768)
		}
	}, "spec", "ports")
}
