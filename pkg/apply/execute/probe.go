package execute

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

func (p *servingProbe) service(name string) *unstructured.Unstructured {
	var ports []any
	for i := range p.primaries {
		ports = append(ports, map[string]any{"name": probePort(i), "port": p.port + int64(i), "targetPort": int64(object.WebhookPort), "protocol": "TCP"})
	}
	return object.New("v1", "Service", p.c.Namespace, name, nil, map[string]any{"spec": map[string]any{"ports": ports}})
}

// slice is where one primary is reached: only its own port of the Service leads
// there.
func (p *servingProbe) slice(service, primary string, i int, e world.Endpoints) *unstructured.Unstructured {
	content := e.Fields()
	content["ports"] = []any{map[string]any{"name": probePort(i), "port": int64(e.Webhook), "protocol": "TCP"}}
	return object.New("discovery.k8s.io/v1", "EndpointSlice", p.c.Namespace, probeSliceRef(p.c.Namespace, primary).Name, map[string]any{
		"labels": map[string]any{"kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": object.FieldManager},
	}, content)
}

// webhooks call istiod as the cluster's own injector does, each through the port
// of one primary.
func (p *servingProbe) webhooks(service string, root []byte) (*unstructured.Unstructured, error) {
	injector := p.c.Item(object.InjectorRef(p.c.Namespace))
	if injector == nil {
		return nil, &object.Error{
			Context: p.c.Context, Op: fmt.Sprintf("prove that %s serves %s", strings.Join(p.primaries, ", "), p.c.Name),
			Message: "its IstioControlPlane has no injection webhook", Hint: "remove values.global.operatorManageWebhooks and values.global.resourceScope for this cluster: they leave it out",
		}
	}
	path := object.InjectionPath(injector.Object)
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
	var hooks []any
	for i, primary := range p.primaries {
		hooks = append(hooks, map[string]any{
			"name":                    fmt.Sprintf("probe-%d.setup-mesh.io", i),
			"admissionReviewVersions": []any{"v1"}, "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": int64(10),
			"clientConfig": map[string]any{"caBundle": ca, "service": map[string]any{
				"name": service, "namespace": p.c.Namespace, "path": path, "port": p.port + int64(i),
			}},
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": p.c.Namespace}},
			"objectSelector":    map[string]any{"matchLabels": map[string]any{probeLabel: primary}},
			"rules": []any{map[string]any{
				"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"pods"},
			}},
		})
	}
	return object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", desired.ProbeWebhookRef(p.c.Namespace).Name, nil,
		map[string]any{"webhooks": hooks}), nil
}

func probePort(i int) string { return fmt.Sprintf("probe-%d", i) }

func withLabel(labels map[string]string, key, value string) map[string]string {
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	return labels
}
