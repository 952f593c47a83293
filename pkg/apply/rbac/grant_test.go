package rbac

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestGrant(t *testing.T) {
	const ns = "istio-system"
	secrets := object.Ref{Kind: "Secret", Namespace: ns}
	maps := object.Ref{Kind: "ConfigMap", Namespace: ns}
	there := object.Ref{Kind: "ConfigMap", Namespace: "shop"}
	forward := object.AccessTo("create", object.Ref{Kind: "Pod", Namespace: ns})
	forward.Subresource = "portforward"
	missing := []object.Access{
		object.AccessTo("patch", secrets), object.AccessTo("create", secrets), object.AccessTo("create", maps), object.AccessTo("patch", maps),
		object.AccessTo("delete", there), forward, object.AccessTo("patch", object.NamespaceRef(ns)),
		object.AccessTo("watch", object.IstiodRef(ns)), object.AccessTo("list", object.IstiodRef(ns)),
	}
	const bothRoles = `apiVersion: v1
kind: List
items:
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: setup-mesh-#, labels: {setup-mesh.io/permissions: "true"}}
    rules:
      - apiGroups: [""]
        resources: [configmaps]
        verbs: [delete]
      - apiGroups: [""]
        resources: [namespaces]
        verbs: [patch]
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: setup-mesh-#, labels: {setup-mesh.io/permissions: "true"}}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: setup-mesh-#}
    subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'mia: of "us"'}]
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata: {name: setup-mesh-#, namespace: istio-system, labels: {setup-mesh.io/permissions: "true"}}
    rules:
      - apiGroups: [""]
        resources: [configmaps, secrets]
        verbs: [create, patch]
      - apiGroups: [""]
        resources: [pods/portforward]
        verbs: [create]
      - apiGroups: [apps]
        resources: [deployments]
        verbs: [list, watch]
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata: {name: setup-mesh-#, namespace: istio-system, labels: {setup-mesh.io/permissions: "true"}}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: setup-mesh-#}
    subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'mia: of "us"'}]
`
	const oneRole = `apiVersion: v1
kind: List
items:
  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata: {name: setup-mesh-#, labels: {setup-mesh.io/permissions: "true"}}
    rules:
      - apiGroups: [apps]
        resources: [deployments]
        verbs: [list]
`
	tests := map[string]struct {
		user, namespace string
		missing         []object.Access
		want            string
	}{
		"a user, and a namespace that is there": {`mia: of "us"`, ns, missing, bothRoles},
		"nobody knows whom, and no namespace":   {"", "", []object.Access{object.AccessTo("list", object.IstiodRef(ns))}, oneRole},
		"a service account": {"system:serviceaccount:ci:deployer", "", []object.Access{object.AccessTo("list", object.IstiodRef(ns))}, oneRole + `  - apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata: {name: setup-mesh-#, labels: {setup-mesh.io/permissions: "true"}}
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: setup-mesh-#}
    subjects: [{kind: ServiceAccount, name: deployer, namespace: ci}]
`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Grant(tt.user, tt.namespace, tt.missing)
			if diff := cmp.Diff(tt.want, digests.ReplaceAllString(got, "setup-mesh-#")); diff != "" {
				t.Errorf("what grants it (-want +got):\n%s", diff)
			}
			slices.Reverse(tt.missing)
			if again := Grant(tt.user, tt.namespace, tt.missing); again != got {
				t.Errorf("in another order it is\n%s", again)
			}
		})
	}
	less := Grant("mia", "", []object.Access{object.AccessTo("list", secrets)})
	more := Grant("mia", "", []object.Access{object.AccessTo("watch", secrets)})
	if digests.FindString(less) == digests.FindString(more) {
		t.Errorf("one role would replace the other, which the user needs still:\n%s%s", less, more)
	}
}

var digests = regexp.MustCompile("setup-mesh-[0-9a-f]{8}")
