package topology

import "strings"

// The two kinds that base.yaml may be, with their only versions.
const (
	KindControlPlane = "IstioControlPlane"
	KindOperator     = "IstioOperator"

	VersionControlPlane = "install.istio.io/v1alpha2"
	VersionOperator     = "install.istio.io/v1alpha1"
)

// A Base is base.yaml: how Istio is to be installed on every cluster.
type Base struct {
	File string
	Kind string         // KindControlPlane or KindOperator
	Spec map[string]any // as the user wrote it; never nil

	spec     *tree
	specAt   Position
	metadata *tree
}

// At returns where the value at path, such as spec.values.pilot.traceSampling, is
// written, or else the nearest of its parents. The leading spec may be left out.
func (b *Base) At(path string) Position {
	return b.spec.locate(b.specAt, belowSpec(path))
}

func belowSpec(path string) string {
	if path == "spec" {
		return ""
	}
	return strings.TrimPrefix(path, "spec.")
}

// ParseBase reads base.yaml, an IstioControlPlane (install.istio.io/v1alpha2) or
// an IstioOperator (v1alpha1). Both have the same spec: today's fields, and
// of Istio 1.4 values.global.mtls.enabled and values.security.selfSigned. Only
// the outer keys are judged here; the contents of values, meshConfig and the
// components are judged by the charts that take them. All mistakes are returned
// together, as [Problems].
func ParseBase(name string, data []byte) (*Base, error) {
	t, ps := readTree(name, data)
	if t == nil || len(ps) > 0 {
		return nil, ps.err()
	}
	if t.kind != mapping {
		ps.add(t.at, "", "setup-mesh prep writes one to start from", "is no %s", KindControlPlane)
		return nil, ps.err()
	}
	b := &Base{File: name, spec: newMapping(), metadata: newMapping(), specAt: t.at}
	b.Kind = checkKind(t, &ps)
	known := []string{"apiVersion", "kind", "metadata", "spec"}
	for _, k := range t.sortedAsWritten() {
		v, at := t.get(k), t.keyAt(k)
		switch {
		case k == "apiVersion" || k == "kind":
		case k != "metadata" && k != "spec":
			ps.add(at, join("", k), didYouMean(k, known), "unknown key")
		case v.isNull():
		case v.kind != mapping:
			ps.add(v.at, k, "", "must be a mapping")
		case k == "metadata":
			b.metadata = v
			checkMetadata(v, &ps)
		default:
			b.spec, b.specAt = readSpec(v, "spec", false, &ps), at
		}
	}
	b.Spec = b.spec.spec()
	if err := ps.err(); err != nil {
		return nil, err
	}
	return b, nil
}

func checkKind(t *tree, ps *Problems) string {
	versions := map[string]string{KindControlPlane: VersionControlPlane, KindOperator: VersionOperator}
	kinds := []string{KindControlPlane, KindOperator}
	wanted := "kind: " + KindControlPlane + " with apiVersion: " + VersionControlPlane
	kind, ok := t.get("kind").literal()
	if !ok {
		ps.add(t.at, "kind", wanted, "is required")
		return ""
	}
	if versions[kind] == "" {
		hint := didYouMean(kind, kinds)
		if hint == "" {
			hint = wanted
		}
		ps.add(t.get("kind").at, "kind", hint, "%s is neither %s nor %s", quote(kind), kinds[0], kinds[1])
		return ""
	}
	version, ok := t.get("apiVersion").literal()
	switch {
	case !ok:
		ps.add(t.at, "apiVersion", "apiVersion: "+versions[kind], "is required")
	case version != versions[kind]:
		ps.add(t.get("apiVersion").at, "apiVersion", "apiVersion: "+versions[kind], "%s is no version of %s", quote(version), kind)
	}
	return kind
}

func checkMetadata(t *tree, ps *Problems) {
	known := []string{"name", "namespace", "labels", "annotations"}
	for _, k := range t.sortedAsWritten() {
		v, path := t.get(k), join("metadata", k)
		wantMapping := k == "labels" || k == "annotations"
		switch {
		case k != "name" && k != "namespace" && !wantMapping:
			ps.add(t.keyAt(k), path, didYouMean(k, known), "unknown key")
		case v.isNull():
		case wantMapping && v.kind != mapping:
			ps.add(v.at, path, "", "must be a mapping")
		case !wantMapping && v.kind != scalar:
			ps.add(v.at, path, "", "must be %s", textNoun)
		}
	}
}
