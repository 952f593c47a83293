package legacy

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/golden"
	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

// TestRules holds the table to its own terms: a setting stands in it once, and what
// is moved or replaced is in the fields of today's spec.
func TestRules(t *testing.T) {
	today := regexp.MustCompile(`^(meshConfig|components|values)(\.\w+)+$`)
	seen := map[string]bool{}
	for _, r := range rules {
		if seen[r.from] {
			t.Errorf("%s stands in the table twice", r.from)
		}
		seen[r.from] = true
		if (r.fate == moved || r.fate == replaced) && !today.MatchString(r.text) {
			t.Errorf("%s is %s to %q, want a path in today's spec", r.from, r.fate, r.text)
		}
		if r.text == "" {
			t.Errorf("%s has no text", r.from)
		}
	}
}

func TestCheck(t *testing.T) {
	tests := map[string]struct{ spec, want string }{
		"today's settings": {"{profile: default, values: {pilot: {traceSampling: 1}}}", ""},
		"what prep writes is understood": {
			"{values: {global: {mtls: {enabled: true}}, security: {selfSigned: false}}}", "",
		},
		"a setting that moved": {
			"{values: {global: {enableTracing: true}}}",
			"base.yaml:1:20: spec.values.global.enableTracing: is a value of Istio 1.4, not translated yet\n    use meshConfig.enableTracing\n",
		},
		"a setting that another one replaces": {
			"{cni: {enabled: true}}",
			"base.yaml:1:2: spec.cni: is a key of Istio 1.4, not translated yet\n    use components.cni\n",
		},
		"a setting that is always so today": {
			"{values: {global: {crds: true}}}",
			"base.yaml:1:20: spec.values.global.crds: is a value of Istio 1.4, not translated yet\n    leave it out: the definitions are always installed\n",
		},
		"a setting that is gone, without a value": {
			"{components: {galley: null}}",
			"base.yaml:1:15: spec.components.galley: is a key of Istio 1.4, not translated yet\n    Galley is part of istiod\n",
		},
		"an unknown neighbour of an understood value": {
			"{values: {security: {selfSigned: false, other: 1}}}",
			"base.yaml:1:41: spec.values.security.other: is a value of Istio 1.4, not translated yet\n",
		},
		"self-signed certificates": {
			"{values: {security: {selfSigned: true}}}",
			"base.yaml:1:34: spec.values.security.selfSigned: must be false: every cluster's CA is signed by the mesh's root\n    leave it out, or set it to false\n",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec, ps := tree.Read("base.yaml", []byte(tt.spec))
			if len(ps) > 0 {
				t.Fatal(ps)
			}
			Check(spec, "spec", &ps)
			if diff := cmp.Diff(tt.want, golden.Text(ps)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
