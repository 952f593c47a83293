package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// elsewhere are the checks that no fault of TestE2EStatusFaults is about, and why.
var elsewhere = map[string]string{
	"ambient-gateway/gateway":    "a mesh with sidecars has none",
	"ambient-gateway/peers":      "a mesh with sidecars has none",
	"ambient-gateway/programmed": "a mesh with sidecars has none",
	"ambient-gateway/told":       "a mesh with sidecars has none",
	"ambient/namespaces":         "a mesh with sidecars has none",
	"gateway-api/crds":           "a mesh with sidecars has none",
	"ztunnel/configuration":      "a mesh with sidecars has none",
	"ztunnel/running":            "a mesh with sidecars has none",
	"cni/configuration":          "TestE2ETraffic has a mesh with the CNI plugin",
	"cni/running":                "TestE2ETraffic has a mesh with the CNI plugin",
	"control-plane/validation":   "it comes of a changed webhook, which is the fault, or of an istiod that does not run",
	"discovery/synced":           "it comes of a Secret without its label, which is the fault, or of an istiod that does not run",
	"discovery/credential-valid": "it comes of a grant, an account or a role that is gone, which is the fault",
	"trust/root-ends":            "it takes a mesh of a root that ends: TestCertificates of pkg/apply judges one",
}

// idOf is the check of a line of [noticed.line].
func idOf(line string) string {
	for _, kind := range []string{"note ", "unknown "} {
		line = strings.TrimPrefix(line, kind)
	}
	id, _, _ := strings.Cut(line, " ")
	return id
}

// wantAllBroken holds the faults to the list of checks: whoever adds a check breaks it here, or says why not.
func wantAllBroken(t *testing.T, broken map[string]bool) {
	t.Helper()
	list, err := os.ReadFile("../../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\| \[([a-z/-]+)\]\(\S+\) \| problem \|`).FindAllStringSubmatch(string(list), -1)
	if len(found) < 40 {
		t.Fatalf("%d checks in docs/checks.md", len(found))
	}
	for _, m := range found {
		if id := m[1]; broken[id] == (elsewhere[id] != "") {
			t.Errorf("%s: broken by a fault %v, and listed as one of elsewhere %v", id, broken[id], elsewhere[id] != "")
		}
	}
}
