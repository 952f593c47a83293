package e2e

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

const istioNamespace = "istio-system"

// What faults are about, by what kubectl calls it.
var breakable = map[string]schema.GroupVersionResource{
	"clusterrole":        {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"clusterrolebinding": {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	"configmap":          {Version: "v1", Resource: "configmaps"},
	"crd":                {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	"daemonset":          {Group: "apps", Version: "v1", Resource: "daemonsets"},
	"deployment":         {Group: "apps", Version: "v1", Resource: "deployments"},
	"endpointslice":      {Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
	"gateway":            istioGateways,
	k8sGateway:           {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"},
	"injector":           {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
	"namespace":          {Version: "v1", Resource: "namespaces"},
	"peerauthentication": peerAuthentications,
	"secret":             {Version: "v1", Resource: "secrets"},
	"service":            {Version: "v1", Resource: "services"},
	"serviceaccount":     {Version: "v1", Resource: "serviceaccounts"},
	"validator":          {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
	"virtualservice":     virtualServices,
}

// k8sGateway is a Gateway of the Gateway API, of which Istio has others.
const k8sGateway = "gateways.gateway.networking.k8s.io"

// at is where a resource of Istio's namespace, or of the whole cluster, is changed.
func (s *faultTable) at(in, resource string) dynamic.ResourceInterface {
	api := s.clusters[in].dynamic.Resource(breakable[resource])
	switch resource {
	case "clusterrole", "clusterrolebinding", "crd", "injector", "namespace", "validator":
		return api
	}
	return api.Namespace(istioNamespace)
}

// deleted is that somebody deletes an object.
func (s *faultTable) deleted(in, resource, name string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		if err := s.at(in, resource).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatalf("%s: %v", in, err)
		}
	}
}

// patched is that somebody changes an object, with kubectl patch --type merge.
func (s *faultTable) patched(in, resource, name, patch string) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		s.patch(t, s.at(in, resource), name, types.MergePatchType, patch)
	}
}

// replaced is that somebody changes what lists hold, with kubectl patch --type json.
func (s *faultTable) replaced(in, resource, name, path string, value any) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		patch, err := json.Marshal([]map[string]any{{"op": "add", "path": path, "value": value}})
		if err != nil {
			t.Fatal(err)
		}
		s.patch(t, s.at(in, resource), name, types.JSONPatchType, string(patch))
	}
}

func (s *faultTable) patch(t *testing.T, api dynamic.ResourceInterface, name string, kind types.PatchType, patch string, subresource ...string) {
	t.Helper()
	options := metav1.PatchOptions{FieldManager: "kubectl-patch"}
	if _, err := api.Patch(t.Context(), name, kind, []byte(patch), options, subresource...); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// editedData is that somebody changes a Secret's data.
func (s *faultTable) editedData(in, name string, edit func(t *testing.T, data map[string][]byte)) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		secret := s.clusters[in].secret(t, istioNamespace, name)
		edit(t, secret.Data)
		if _, err := s.clusters[in].kube.CoreV1().Secrets(istioNamespace).Update(t.Context(), secret, metav1.UpdateOptions{FieldManager: "kubectl-edit"}); err != nil {
			t.Fatal(err)
		}
	}
}

// all breaks several things.
func all(breaks ...func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		t.Helper()
		for _, b := range breaks {
			b(t)
		}
	}
}
