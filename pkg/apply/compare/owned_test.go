package compare

import (
	"encoding/json"
	"testing"

	"sigs.k8s.io/yaml"
)

// What the API server writes into managedFields (FieldsV1) of what we applied,
// as kubectl get --show-managed-fields prints it.
const (
	service = `{
		"f:metadata": {"f:labels": {"f:app": {}, "f:setup-mesh.io/mesh": {}}, "f:annotations": {"f:note": {}}},
		"f:spec": {
			"f:ports": {
				"k:{\"port\":15012,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}},
				"k:{\"port\":443,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {}}
			},
			"f:selector": {},
			"f:type": {}
		}
	}`
	// Somebody applied a selector with one more label: it is atomic, and theirs.
	serviceWithout = `{
		"f:metadata": {"f:labels": {"f:app": {}, "f:setup-mesh.io/mesh": {}}, "f:annotations": {"f:note": {}}},
		"f:spec": {
			"f:ports": {
				"k:{\"port\":15012,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}},
				"k:{\"port\":443,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {}}
			},
			"f:type": {}
		}
	}`
	wantedService = `
apiVersion: v1
kind: Service
metadata: {name: istiod, namespace: istio-system, labels: {app: istiod, setup-mesh.io/mesh: m}, annotations: {note: x}}
spec:
  type: ClusterIP
  selector: {app: istiod}
  ports:
  - {name: grpc, port: 15012, protocol: TCP, targetPort: 15012}
  - {name: webhook, port: 443, targetPort: 15017}
`
	deployment = `{
		"f:spec": {
			"f:selector": {},
			"f:template": {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {
				"f:containers": {"k:{\"name\":\"discovery\"}": {
					".": {}, "f:name": {}, "f:image": {}, "f:args": {},
					"f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}},
					"f:ports": {"k:{\"containerPort\":8080,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
					"f:resources": {"f:requests": {"f:cpu": {}}},
					"f:securityContext": {}
				}},
				"f:volumes": {"k:{\"name\":\"tmp\"}": {".": {}, "f:name": {}, "f:emptyDir": {}}}
			}}
		}
	}`
	wantedDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod}
spec:
  selector: {matchLabels: {app: istiod}}
  template:
    metadata: {labels: {app: istiod}, annotations: {}}
    spec:
      nodeSelector: {}
      containers:
      - name: discovery
        image: pilot
        args: [a, b]
        env: [{name: A, value: x}]
        ports: [{containerPort: 8080}]
        resources: {requests: {cpu: 500m}}
        securityContext: {}
      volumes: [{name: tmp, emptyDir: {}}]
`
	finalized = `{"f:metadata": {"f:finalizers": {".": {}, "v:\"a/b\"": {}}}, "f:rules": {}, "f:list": {"v:\"x\"": {}, "v:1": {}}}`
)

func TestOwned(t *testing.T) {
	tests := map[string]struct {
		want, owned string
		owns        bool
	}{
		"all of a Service": {wantedService, service, true},
		"a label was added to its selector, which is atomic":    {wantedService, serviceWithout, false},
		"all of a Deployment, defaults in keys":                 {wantedDeployment, deployment, true},
		"its own selector went":                                 {wantedDeployment, `{"f:spec": {"f:template": {}}}`, false},
		"nothing at all":                                        {wantedService, `{}`, false},
		"nothing is wanted":                                     {"{apiVersion: v1, kind: Service, metadata: {name: x}}", `{}`, true},
		"a status is nobody's business":                         {"{status: {phase: Active}}", `{}`, true},
		"a label is another's now":                              {"metadata: {labels: {a: b, c: d}}", `{"f:metadata": {"f:labels": {"f:a": {}}}}`, false},
		"an annotation is another's now":                        {"metadata: {annotations: {a: b}}", `{"f:metadata": {"f:labels": {"f:a": {}}}}`, false},
		"labels that we own more of":                            {"metadata: {labels: {a: b}}", `{"f:metadata": {"f:labels": {"f:a": {}, "f:c": {}}}}`, true},
		"an empty map owns no field":                            {"spec: {nodeSelector: {}}", `{"f:spec": {}}`, true},
		"an empty list owns no field":                           {"spec: {list: []}", `{"f:spec": {"f:other": {}}}`, true},
		"an empty map without an entry at all":                  {"spec: {}", `{}`, true},
		"null says nothing":                                     {"spec: {a: null}", `{"f:spec": {"f:b": {}}}`, true},
		"a scalar is another's now":                             {"spec: {a: 1, b: 2}", `{"f:spec": {"f:b": {}}}`, false},
		"an element of a list is another's now":                 {"spec: {ports: [{port: 80, protocol: TCP}, {port: 81, protocol: TCP}]}", `{"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}}}}}`, false},
		"a field of an element is another's now":                {"spec: {ports: [{port: 80, name: x}]}", `{"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}}`, false},
		"an element with the other protocol":                    {"spec: {ports: [{port: 53, protocol: UDP}]}", `{"f:spec": {"f:ports": {"k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}}, "k:{\"port\":53,\"protocol\":\"UDP\"}": {".": {}, "f:port": {}, "f:protocol": {}}}}}`, true},
		"an element whose other protocol is another's":          {"spec: {ports: [{port: 53, protocol: UDP}]}", `{"f:spec": {"f:ports": {"k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}}}}}`, false},
		"a list that is atomic is owned whole":                  {"spec: {args: [a, b]}", `{"f:spec": {"f:args": {}}}`, true},
		"an element of a set":                                   {"list: [x, 1]", finalized, true},
		"an element of a set that is another's":                 {"list: [x, y]", finalized, false},
		"rules are atomic":                                      {"rules: [{verbs: [get]}]", finalized, true},
		"a map that is atomic, with maps in it":                 {"spec: {selector: {matchLabels: {a: b}}}", `{"f:spec": {"f:selector": {}}}`, true},
		"a field that is no map in managedFields":               {"spec: {a: 1}", `{"f:spec": "x"}`, false},
		"a number in a key as JSON has it":                      {"spec: {ports: [{containerPort: 15012, protocol: TCP}]}", `{"f:spec": {"f:ports": {"k:{\"containerPort\":15012,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}, "f:protocol": {}}}}}`, true},
		"an empty map in an element that is there by its key":   {"spec: {volumes: [{name: tmp, emptyDir: {}}]}", `{"f:spec": {"f:volumes": {"k:{\"name\":\"tmp\"}": {".": {}, "f:name": {}, "f:emptyDir": {}}}}}`, true},
		"an element of which all is the key, and owned as such": {"spec: {l: [{name: x}]}", `{"f:spec": {"f:l": {"k:{\"name\":\"x\"}": {}}}}`, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var want, owned map[string]any
			if err := yaml.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(tt.owned), &owned); err != nil {
				t.Fatal(err)
			}
			if got := Owned(want, owned); got != tt.owns {
				t.Errorf("Owned = %v", got)
			}
			// As charts and clients have it, whole numbers are no floats.
			if got := Owned(withInts(want).(map[string]any), owned); got != tt.owns {
				t.Errorf("Owned = %v with int64", got)
			}
		})
	}
}

// withInts is v with int64 for whole numbers, as unstructured objects have them.
func withInts(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			out[k] = withInts(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = withInts(e)
		}
		return out
	case float64:
		if x == float64(int64(x)) {
			return int64(x)
		}
	}
	return v
}
