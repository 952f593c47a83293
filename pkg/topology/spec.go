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
	// profiles that need what is not built yet: another cluster's istiod, or ambient.
	laterProfiles = []string{"remote", "external", "empty", "ambient", "openshift-ambient"}
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
	out.walk("", func(_ string, t *tree) {
		for _, k := range t.keys {
			if v := t.fields[k].value; textKeys[k] && v.kind == scalar && v.value != nil {
				v.value = v.text
			}
		}
	})
	return out
}

// checkSpec reports what cannot be honoured in a spec, whether base.yaml's or a
// cluster's overlay.
func checkSpec(t *tree, path string, ps *Problems) {
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
	checkProfile(t.get("profile"), join(path, "profile"), ps)
	checkComponents(t.get("components"), join(path, "components"), ps)
	checkLegacyValues(t, path, ps)
	checkUnsupported(t, path, ps)
	checkOwnedParents(t, path, ps)
	checkImages(t, path, ps)
}

// checkAmbiguous refuses the words that Helm's YAML takes for booleans and
// YAML 1.2 for text.
func checkAmbiguous(t *tree, path string, ps *Problems) {
	t.walk(path, func(path string, t *tree) {
		if t.kind != scalar || t.quoted {
			return
		}
		if text, ok := t.value.(string); ok && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(text)) {
			ps.add(t.at, path, "write true or false, or put it in quotes if it is text",
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
			ps.add(v.at, join(path, k), "", "must be %s", nouns[stringKind])
		}
	}
}

func checkProfile(t *tree, path string, ps *Problems) {
	name, ok := t.literal()
	switch {
	case !ok || slices.Contains(profiles, name):
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

// checkLegacyValues reports values that Istio no longer has, each once, with what
// replaced it.
func checkLegacyValues(t *tree, path string, ps *Problems) {
	for _, l := range legacyValues {
		v := t.get(l.keys()...)
		if v == nil {
			continue
		}
		parent := t.get(l.keys()[:len(l.keys())-1]...)
		at := parent.fields[l.keys()[len(l.keys())-1]].key
		ps.add(at, join(path, l.path), l.hint, "is a value of Istio 1.4, not translated yet")
	}
	checkTranslated(t, path, ps)
}

// checkTranslated judges the two values of 1.4 that are understood: they are
// what setup-mesh prep writes.
func checkTranslated(t *tree, path string, ps *Problems) {
	if v := t.get("values", "global", "mtls", "enabled"); !v.isNull() {
		if _, ok := v.value.(bool); !ok {
			ps.add(v.at, join(path, "values.global.mtls.enabled"), "", "must be true or false")
		}
	}
	if v := t.get("values", "security", "selfSigned"); !v.isNull() && v.value != false {
		ps.add(v.at, join(path, "values.security.selfSigned"), "leave it out or false",
			"must be false: every cluster's CA is signed by the mesh's root")
	}
	for _, parent := range [][]string{{"values", "global", "mtls"}, {"values", "security"}} {
		known := map[string]string{"mtls": "enabled", "security": "selfSigned"}[parent[len(parent)-1]]
		here := join(path, strings.Join(parent, "."))
		p := t.get(parent...)
		if p != nil && p.kind != mapping && !p.isNull() {
			ps.add(p.at, here, "", "must be a mapping")
			continue
		}
		for _, k := range p.sortedAsWritten() {
			if k != known {
				ps.add(p.fields[k].key, join(here, k), legacyTranslatedSiblings[k], "is a value of Istio 1.4, not translated yet")
			}
		}
	}
}

// checkUnsupported reports what today's Istio can do and setup-mesh cannot yet.
func checkUnsupported(t *tree, path string, ps *Problems) {
	for _, u := range unsupported {
		keys := strings.Split(u.path, ".")
		v := t.get(keys...)
		if v.isNull() || slices.Contains(u.unless, v.text) && v.kind == scalar {
			continue
		}
		at := t.get(keys[:len(keys)-1]...).fields[keys[len(keys)-1]].key
		ps.add(at, join(path, u.path), u.hint, "is not yet supported")
	}
	for i, tag := range t.get("values", "revisionTags").list() {
		if tag.text == "default" {
			ps.add(tag.at, itemPath(join(path, "values.revisionTags"), i, tag), "take it out",
				"the default revision serves it already, and pods would be injected twice")
		}
	}
}

func (t *tree) list() []*tree {
	if t == nil {
		return nil
	}
	return t.items
}

// checkImages refuses images that change under the mesh: a plan made today must
// mean the same tomorrow.
func checkImages(t *tree, path string, ps *Problems) {
	t.walk(path, func(path string, t *tree) {
		for _, k := range t.keys {
			v := t.fields[k].value
			text, ok := v.literal()
			switch {
			case !ok:
			case k == "tag" && strings.HasPrefix(text, "latest"):
				ps.add(v.at, join(path, k), "name a release, or leave it out", "%s changes from day to day", quote(text))
			case k == "hub" && (strings.HasPrefix(text, "registry.istio.io/testing") || strings.HasPrefix(text, "gcr.io/istio-testing")):
				ps.add(v.at, join(path, k), "leave it out, or name where you keep release images", "%s holds no releases", quote(text))
			}
		}
	})
}

// ownedParents are the mappings that owned values are put into.
var ownedParents = []string{
	"meshConfig.defaultConfig", "meshConfig.defaultConfig.proxyMetadata",
	"values.global", "values.global.multiCluster", "values.global.readerServiceAccount",
	"values.pilot", "values.pilot.env", "values.gateways", "values.gateways.istio-ingressgateway",
	"values.meshConfig", "values.meshConfig.defaultConfig", "values.meshConfig.defaultConfig.proxyMetadata",
	"components.pilot.k8s",
}

func checkOwnedParents(t *tree, path string, ps *Problems) {
	for _, p := range ownedParents {
		mustBe(mapping, t, path, strings.Split(p, "."), ps)
	}
}

// mustBe reports the value at keys if it is there and of another kind.
func mustBe(want kind, t *tree, path string, keys []string, ps *Problems) bool {
	v := t.get(keys...)
	if v.isNull() || v.kind == want {
		return true
	}
	noun := "a mapping"
	if want == sequence {
		noun = "a list"
	}
	ps.add(v.at, dotted(path, keys), "", "must be %s", noun)
	return false
}

func dotted(path string, keys []string) string {
	for _, k := range keys {
		path = join(path, k)
	}
	return path
}
