package kube

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// stored makes a kubeconfig as a remote secret holds it.
func stored(t *testing.T, e object.Endpoint, token certs.Secret) []byte {
	t.Helper()
	out, err := clientcmd.Write(clientcmdapi.Config{
		CurrentContext: "a",
		Contexts:       map[string]*clientcmdapi.Context{"a": {Cluster: "a", AuthInfo: "a"}},
		Clusters: map[string]*clientcmdapi.Cluster{"a": {
			Server: e.Server, TLSServerName: e.TLSServerName, CertificateAuthorityData: e.CA,
		}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"a": {Token: string(token.Bytes())}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestToken(t *testing.T) {
	c := live(t)
	ctx := deadline(t)
	ns := namespace(t, c)
	apply(t, c, thing("v1", "ServiceAccount", ns, "reader", nil))
	grant := apply(t, c, thing("v1", "Secret", ns, "grant", nil))

	if _, _, err := c.Token(ctx, ns, "nobody", object.RefOf(grant), string(grant.GetUID()), time.Hour); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("of an absent account: %v", err)
	}
	if _, _, err := c.Token(ctx, ns, "reader", object.RefOf(grant), "00000000-0000-0000-0000-000000000000", time.Hour); object.ClassOf(err) != object.Conflict {
		t.Errorf("bound to another UID: %v", err)
	}
	token, expires, err := c.Token(ctx, ns, "reader", object.RefOf(grant), string(grant.GetUID()), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(expires); left < 55*time.Minute || left > 65*time.Minute {
		t.Errorf("it ends in %v", left)
	}
	if text := fmt.Sprintf("%v %+v %s", token, token, token); strings.Contains(text, "eyJ") {
		t.Errorf("it prints as %s", text)
	}
	if _, err := json.Marshal(token); err == nil {
		t.Error("it can be encoded")
	}

	kubeconfig := stored(t, c.Endpoint(), token)
	if _, err := CheckKubeconfig(ctx, kubeconfig); object.ClassOf(err) != object.Forbidden {
		t.Errorf("without permission: %v", err)
	}
	name := ns + "-reader"
	role := apply(t, c, thing("rbac.authorization.k8s.io/v1", "ClusterRole", "", name, map[string]any{
		"rules": []any{map[string]any{"apiGroups": []any{""}, "resources": []any{"services"}, "verbs": []any{"list"}}},
	}))
	binding := apply(t, c, thing("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "", name, map[string]any{
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": "reader", "namespace": ns}},
	}))
	defer func() {
		for _, ref := range []object.Ref{object.RefOf(binding), object.RefOf(role)} {
			if err := c.Delete(ctx, ref, object.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		}
	}()
	for _, err = CheckKubeconfig(ctx, kubeconfig); object.ClassOf(err) == object.Forbidden; { // until RBAC has heard of the binding
		_, err = CheckKubeconfig(ctx, kubeconfig)
	}
	if err != nil {
		t.Errorf("with permission: %v", err)
	}
	if _, err := CheckKubeconfig(ctx, stored(t, c.Endpoint(), certs.NewSecret([]byte("eyJwrong.wrong.wrong")))); object.ClassOf(err) != object.Unauthorized {
		t.Errorf("with a wrong token: %v", err)
	}
}

// The time at which a token ends is what the server granted, not what was asked
// for.
func TestTokenExpiry(t *testing.T) {
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	tomorrow := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		token string
		told  string
		want  time.Time
		class object.Class
	}{
		"as the server says":               {jwt(fmt.Sprintf(`{"exp":%d}`, tomorrow.Unix())), `"2026-01-02T00:00:00Z"`, tomorrow, ""},
		"earlier than the server says":     {jwt(fmt.Sprintf(`{"exp":%d}`, tomorrow.Unix())), `"2027-01-01T00:00:00Z"`, tomorrow, ""},
		"later than the server says":       {jwt(`{"exp":1900000000}`), `"2026-01-02T00:00:00Z"`, tomorrow, ""},
		"the server does not say":          {jwt(fmt.Sprintf(`{"exp":%d.5}`, tomorrow.Unix())), `null`, tomorrow, ""},
		"a token that is no JWT":           {"opaque", `"2026-01-02T00:00:00Z"`, tomorrow, ""},
		"a token that does not say":        {jwt(`{}`), `"2026-01-02T00:00:00Z"`, tomorrow, ""},
		"a token that is broken":           {"e30.%%%.c2ln", `"2026-01-02T00:00:00Z"`, tomorrow, ""},
		"neither says, so it cannot renew": {"opaque", `null`, time.Time{}, object.ServerFault},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := at(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				fmt.Fprintf(w, `{"kind":"TokenRequest","apiVersion":"authentication.k8s.io/v1","status":{"token":%q,"expirationTimestamp":%s}}`, tt.token, tt.told)
			})
			_, ends, err := c.Token(deadline(t), "ns", "reader", object.Ref{Kind: "Secret", Namespace: "ns", Name: "grant"}, "uid", 365*24*time.Hour)
			if !ends.Equal(tt.want) || tt.class == "" && err != nil || tt.class != "" && object.ClassOf(err) != tt.class {
				t.Errorf("it ends %v, %v", ends, err)
			}
		})
	}
}
