package kube

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestAccessTo(t *testing.T) {
	tests := map[string]struct {
		verb string
		ref  object.Ref
		want object.Access
	}{
		"of the core group": {"patch", object.Ref{Kind: "ConfigMap", Namespace: "n", Name: "a"}, object.Access{Verb: "patch", Resource: "configmaps", Namespace: "n"}},
		"of another group":  {"list", object.Ref{Group: "policy", Kind: "PodDisruptionBudget", Namespace: "n"}, object.Access{Verb: "list", Group: "policy", Resource: "poddisruptionbudgets", Namespace: "n"}},
		"of the cluster":    {"create", object.Ref{Kind: "Namespace", Name: "n"}, object.Access{Verb: "create", Resource: "namespaces"}},
		"with a plural of its own": {"get", object.Ref{Group: "k8s.cni.cncf.io", Kind: "NetworkAttachmentDefinition", Namespace: "n"},
			object.Access{Verb: "get", Group: "k8s.cni.cncf.io", Resource: "network-attachment-definitions", Namespace: "n"}},
		"that nobody knows": {"get", object.Ref{Group: "example.com", Kind: "TrustPolicy", Namespace: "n"}, object.Access{Verb: "get", Group: "example.com", Resource: "trustpolicies", Namespace: "n"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, object.AccessTo(tt.verb, tt.ref)); diff != "" {
				t.Errorf("access (-want +got):\n%s", diff)
			}
		})
	}
}

// asAccount is a client of c's cluster for a service account of a namespace.
func asAccount(t *testing.T, c *Cluster, ns, account string) *Cluster {
	t.Helper()
	apply(t, c, thing("v1", "ServiceAccount", ns, account, nil))
	secret := apply(t, c, thing("v1", "Secret", ns, "bound", nil))
	token, _, err := c.Token(deadline(t), ns, account, object.RefOf(secret), string(secret.GetUID()), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	out, err := newCluster(c.Context(), &rest.Config{
		Host: c.Endpoint().Server, BearerToken: string(token.Bytes()), TLSClientConfig: rest.TLSClientConfig{CAData: c.Endpoint().CA},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// grantRole lets an account do what rules say in its namespace.
func grantRole(t *testing.T, c *Cluster, ns, account string, rules ...any) {
	t.Helper()
	apply(t, c, thing("rbac.authorization.k8s.io/v1", "Role", ns, "some", map[string]any{"rules": rules}))
	apply(t, c, thing("rbac.authorization.k8s.io/v1", "RoleBinding", ns, "some", map[string]any{
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": account, "namespace": ns}},
	}))
}

func TestAllowed(t *testing.T) {
	admin := live(t)
	ctx := deadline(t)
	ns := namespace(t, admin)
	mia := asAccount(t, admin, ns, "mia")
	grantRole(t, admin, ns, "mia",
		map[string]any{"apiGroups": []any{""}, "resources": []any{"secrets", "pods/portforward"}, "verbs": []any{"create"}},
		map[string]any{"apiGroups": []any{"apps"}, "resources": []any{"*"}, "verbs": []any{"*"}})
	secrets := object.Ref{Kind: "Secret", Namespace: ns}
	pods := object.AccessTo("create", object.Ref{Kind: "Pod", Namespace: ns})
	forward := pods
	forward.Subresource = "portforward"
	asked := []object.Access{
		object.Everything(),
		object.AccessTo("create", secrets),
		object.AccessTo("patch", secrets),
		object.AccessTo("create", object.Ref{Kind: "Secret", Namespace: "default"}),
		object.AccessTo("create", object.Ref{Kind: "Secret"}),
		pods,
		forward,
		object.AccessTo("watch", object.Ref{Group: "apps", Kind: "Deployment", Namespace: ns}),
		object.AccessTo("create", object.Ref{Kind: "Namespace"}),
	}
	want := []bool{false, true, false, false, false, false, true, true, false}
	var got []bool
	for got = nil; len(got) == 0 || !got[1]; { // until RBAC has heard of the binding
		var err error
		if got, err = mia.Allowed(ctx, asked); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what an account may do (-want +got):\n%s", diff)
	}
	for i := range want {
		want[i] = true
	}
	got, err := admin.Allowed(ctx, asked)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what an administrator may do (-want +got):\n%s", diff)
	}
	if user, err := mia.User(ctx); err != nil || user != "system:serviceaccount:"+ns+":mia" {
		t.Errorf("the user is %q, %v", user, err)
	}
}

// A server that is away is no "no".
func TestAllowedUnknown(t *testing.T) {
	c, err := newCluster("away", &rest.Config{Host: "https://127.0.0.1:9"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Allowed(deadline(t), []object.Access{object.Everything()}); object.ClassOf(err) != object.Unreachable || got != nil {
		t.Errorf("allowed: %v, error: %v", got, err)
	}
	if user, err := c.User(deadline(t)); object.ClassOf(err) != object.Unreachable {
		t.Errorf("user: %q, error: %v", user, err)
	}
}
