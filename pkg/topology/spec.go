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
	// profiles that install an istiod and sidecars.
	profiles = []string{"default", "demo", "minimal", "preview", "stable", "openshift"}
	// profiles that need what is not built yet: an istiod outside of the mesh, or ambient.
	laterProfiles = []string{"external", "empty", "ambient", "openshift-ambient"}
)

// textKeys are the keys whose value is text however it looks, such as tag: 1.20.
var textKeys = map[string]bool{
	"profile": true, "installPackagePath": true, "hub": true, "tag": true, "namespace": true, "revision": true,
	"compatibilityVersion": true, "meshID": true, "network": true, "clusterName": true, "trustDomain": true,
	"istioNamespace": true, "defaultRevision": true, "rootNamespace": true,
}

// literals returns t with the values of textKeys as the text that was written.
func literals(t *tree) *tree {
	out := t.clone()
	out.walk("", func(_ *trail, t *tree) {
		for _, k := range t.keys {
			if v := t.fields[k].value; textKeys[k] && v.kind == scalar && v.value != nil {
				v.value = v.text
			}
		}
	})
	return out
}

// checkSpec reports what cannot be honoured in a spec, whether base.yaml's or a
// cluster's overlay. What a remote cluster is installed with is refused in a spec
// that is not a remote cluster's.
func checkSpec(t *tree, path string, remote bool, ps *Problems) {
	for _, k := range t.keys {
		if slices.Contains(specKeys, k) {
			continue
		}
		at := t.fields[k].key
		if hint, ok := legacySpec[k]; ok {
			ps.add(at, join(path, k), hint, "is a key of Istio 1.4, not translated yet")
			continue
		}
		ps.add(at, join(path, k), didYouMean(k, specKeys), "unknown key")
	}
	checkAmbiguous(t, path, ps)
	checkShape(t, path, ps)
	checkProfile(t.get("profile"), join(path, "profile"), remote, ps)
	checkComponents(t.get("components"), join(path, "components"), ps)
	checkLegacyValues(t, path, ps)
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
	for _, k := range t.keys {
		v := t.fields[k].value
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

func checkProfile(t *tree, path string, remote bool, ps *Problems) {
	name, ok := t.literal()
	switch {
	case !ok || slices.Contains(profiles, name) || remote && name == profileRemote:
	case name == profileRemote:
		ps.add(t.at, path, remoteOnlyHint, "%s is the profile of remote clusters", quote(name))
	case slices.Contains(laterProfiles, name):
		ps.add(t.at, path, "one of "+strings.Join(profiles, ", "), "profile %s is not yet supported", quote(name))
	default:
		hint := didYouMean(name, profiles)
		if hint == "" {
			hint = "one of " + strings.Join(profiles, ", ")
		}
		ps.add(t.at, path, hint, "no profile %s", quote(name))
	}
}

func checkComponents(t *tree, path string, ps *Problems) {
	if t == nil || t.kind != mapping {
		return
	}
	for _, k := range t.keys {
		f, here := t.fields[k], join(path, k)
		wantList := k == "ingressGateways" || k == "egressGateways"
		switch hint, legacy := legacyComponents[k]; {
		case legacy:
			ps.add(f.key, here, hint, "is a key of Istio 1.4, not translated yet")
		case !slices.Contains(componentKeys, k):
			ps.add(f.key, here, didYouMean(k, componentKeys), "unknown key")
		case f.value.isNull():
		case wantList && f.value.kind != sequence:
			ps.add(f.value.at, here, "", "must be a list of gateways, each with a name")
		case wantList:
			checkGateways(f.value, here, ps)
			checkEastWest(f.value, here, ps)
		case f.value.kind != mapping:
			ps.add(f.value.at, here, "", "must be a mapping")
		}
	}
}

func checkGateways(list *tree, path string, ps *Problems) {
	seen := map[string]Position{}
	for i, item := range list.items {
		name, ok := item.get("name").literal()
		here := itemPath(path, i, item)
		before, twice := seen[name]
		switch {
		case item.kind != mapping:
			ps.add(item.at, here, "", "must be a mapping")
		case !ok || !dnsLabel.allows(name):
			ps.add(item.at, join(here, "name"), dnsLabel.words, "every gateway needs a name of its own")
		case twice:
			ps.add(item.at, here, "", "is already on line %d", before.Line)
		default:
			seen[name] = item.at
		}
	}
}
