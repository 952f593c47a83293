package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// elsewhere are the checks that no fault of [TestE2EStatusFaults] or [TestE2EAmbientFaults] is about, and why.
var elsewhere = map[string]string{
	"ambient-gateway/told":       "it comes of a Gateway, of a second one of its network, or of an istiod that was changed, which are the faults",
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

// TestChecksHaveFaults holds the faults of all tables to the list of checks: whoever adds a check breaks it here, or says
// why not.
func TestChecksHaveFaults(t *testing.T) {
	broken := map[string]bool{}
	for _, rounds := range [][][]fault{(&statusFaults{faultTable: &faultTable{}}).rounds(), (&ambientFaults{&faultTable{}}).rounds()} {
		for _, faults := range rounds {
			for _, f := range faults {
				broken[idOf(f.finds[0])] = true
			}
		}
	}
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
