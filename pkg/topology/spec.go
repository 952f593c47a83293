package topology

import (
	"slices"
	"strings"
)

// Today's keys of an IstioOperator spec and of its components. Everything below
// them is judged by the charts' own schemas.
// https://istio.io/latest/docs/reference/config/istio.operator.v1alpha1/
var (
	specKeys = []string{
		"profile", "installPackagePath", "hub", "tag", "namespace", "revision", "compatibilityVersion",
		"meshConfig", "components", "values", "unvalidatedValues",
	}
	componentKeys = []string{
		"base", "pilot", "cni", "ztunnel", "istiodRemote", "ingressGateways", "egressGateways",
	}
)

// textKeys are the keys whose value is text however it looks, such as tag: 1.20.
var textKeys = map[string]bool{
	"profile": true, "installPackagePath": true, "hub": true, "tag": true, "namespace": true, "revision": true,
	"compatibilityVersion": true, "meshID": true, "network": true, "clusterName": true, "trustDomain": true,
	"istioNamespace": true, "defaultRevision": true, "rootNamespace": true,
}

// readSpec returns a spec, base.yaml's or a cluster's overlay at path, as setup-mesh
// takes it, and reports what it cannot honour. What makes a cluster a remote one
// is refused unless the spec is a remote cluster's.
func readSpec(t *tree, path string, remote bool, ps *Problems) *tree {
	t = literals(t)
	checkSpec(t, path, remote, ps)
	return t
}

// literals returns t with the values of textKeys as the text that was written.
func literals(t *tree) *tree {
	out := t.clone()
	out.walk("", func(_ *trail, t *tree) {
		for _, k := range t.sortedAsWritten() {
			if v := t.get(k); textKeys[k] && v.kind == scalar && v.value != nil {
				v.value = v.text
			}
		}
	})
	return out
}

func checkSpec(t *tree, path string, remote bool, ps *Problems) {
	for _, k := range t.sortedAsWritten() {
		if slices.Contains(specKeys, k) || isLegacy(k) {
			continue
		}
		ps.add(t.keyAt(k), join(path, k), didYouMean(k, specKeys), "unknown key")
	}
	checkAmbiguous(t, path, ps)
	checkShape(t, path, ps)
	checkProfile(t.get("profile"), join(path, "profile"), remote, ps)
	checkComponents(t.get("components"), join(path, "components"), ps)
	checkLegacy(t, path, ps)
	checkUnsupported(t, path, ps)
	if !remote {
		checkRemoteOnly(t, path, ps)
	}
	checkOwnedParents(t, path, ps)
	checkImages(t, path, ps)
}

// checkAmbiguous refuses the words that Helm's YAML takes for booleans and
// YAML 1.2 for text.
func checkAmbiguous(t *tree, path string, ps *Problems) {
	t.walk(path, func(path *trail, t *tree) {
		if t.kind != scalar || t.quoted {
			return
		}
		if text, ok := t.value.(string); ok && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(text)) {
			ps.add(t.at, path.String(), "write true or false, or put it in quotes if it is text",
				"%s may be read as a boolean or as text", t.text)
		}
	})
}

func checkShape(t *tree, path string, ps *Problems) {
	for _, k := range t.sortedAsWritten() {
		v := t.get(k)
		wantMapping := slices.Contains([]string{"meshConfig", "components", "values", "unvalidatedValues"}, k)
		switch {
		case v.isNull() || !slices.Contains(specKeys, k):
		case wantMapping && v.kind != mapping:
			ps.add(v.at, join(path, k), "", "must be a mapping")
		case !wantMapping && v.kind != scalar:
			ps.add(v.at, join(path, k), "", "must be %s", textNoun)
		}
	}
}
