package topology

import (
	"slices"
	"strings"
)

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
	refuse(unsupported, "is not yet supported", t, path, ps)
	for i, tag := range t.get("values", "revisionTags").list() {
		if tag.text == "default" {
			ps.add(tag.at, itemPath(join(path, "values.revisionTags"), i, tag), "take it out",
				"the default revision serves it already, and pods would be injected twice")
		}
	}
}

// checkRemoteOnly reports what is for remote clusters in a spec of others.
func checkRemoteOnly(t *tree, path string, ps *Problems) {
	refuse(remoteOnly, "is for remote clusters only", t, path, ps)
}

func refuse(settings []setting, message string, t *tree, path string, ps *Problems) {
	for _, s := range settings {
		keys := strings.Split(s.path, ".")
		v := t.get(keys...)
		if v.isNull() || slices.Contains(s.unless, v.text) && v.kind == scalar {
			continue
		}
		at := t.get(keys[:len(keys)-1]...).fields[keys[len(keys)-1]].key
		ps.add(at, join(path, s.path), s.hint, "%s", message)
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
	t.walk(path, func(path *trail, t *tree) {
		for _, k := range t.keys {
			v := t.fields[k].value
			text, ok := v.literal()
			switch {
			case !ok:
			case k == "tag" && strings.HasPrefix(text, "latest"):
				ps.add(v.at, path.key(k).String(), "name a release, or leave it out", "%s changes from day to day", quote(text))
			case k == "hub" && (strings.HasPrefix(text, "registry.istio.io/testing") || strings.HasPrefix(text, "gcr.io/istio-testing")):
				ps.add(v.at, path.key(k).String(), "leave it out, or name where you keep release images", "%s holds no releases", quote(text))
			}
		}
	})
}
