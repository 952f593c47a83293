package topology

import "strings"

// checkUnderstood judges the two values of 1.4 that are understood, which are
// what setup-mesh prep writes.
func checkUnderstood(t *tree, path string, ps *Problems) {
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
			if k != known && !isLegacy(strings.Join(parent, ".")+"."+k) {
				ps.add(p.keyAt(k), join(here, k), "", "is a value of Istio 1.4, not translated yet")
			}
		}
	}
}

// strictMTLS says whether a spec asks for mutual TLS everywhere in the mesh.
func strictMTLS(spec *tree) bool {
	v := spec.get("values", "global", "mtls", "enabled")
	return v != nil && v.value == true
}

// dropUnderstood takes the values that are understood out of a spec: the charts
// do not know them.
func dropUnderstood(spec *tree) {
	values := spec.get("values")
	values.drop("security")
	values.get("global").drop("mtls")
}
