package topology_test

import (
	"strings"
	"testing"

	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

func TestClusterName(t *testing.T) {
	tests := map[string]string{
		"context-east-1": "east-1",
		"kind-east":      "east",
		"k3d-east":       "east",
		"context-":       "context", // nothing would be left
		"east":           "east",
		"East_1":         "east-1",
		"arn:aws:eks:eu-west-1:111122223333:cluster/prod": "prod",
		"gke_my-project_europe-west1-b_prod_1":            "prod-1",
		"gke_prod":                                        "gke-prod",
		"kubernetes-admin@prod":                           "prod",
		"admin@prod.eu-west-1.eksctl.io":                  "prod-eu-west-1-eksctl-io",
		"default/api-prod-example-com:6443/admin":         "api-prod-example-com",
		"a/b":                   "b",
		"a/b/c":                 "c",
		"../../etc/x":           "x",
		"0123":                  "0123",
		"--a--b--":              "a-b",
		strings.Repeat("a", 63): strings.Repeat("a", 63),
		strings.Repeat("a", 64): "", // too long
		"":                      "",
		"@":                     "",
		"東京":                    "",
		"prod-東京":               "", // would lose what tells it apart
		"zürich/prod":           "prod",
	}
	for context, want := range tests {
		if got := topology.ClusterName(context); got != want {
			t.Errorf("ClusterName(%q) = %q, want %q", context, got, want)
		}
	}
}
