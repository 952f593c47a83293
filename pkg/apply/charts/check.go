package charts

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"

	"istio.io/istio/manifests"
)

// A Finding is one thing in a spec that Istio would refuse, or pass over in
// silence. Path says where, as in spec.values.pilot.notAField or
// spec.components.ingressGateways[name=istio-ingressgateway].k8s.env.
type Finding struct {
	Path, Message string
	Hint          string // what to do about it; may be empty
	// Known are the keys that may stand where an unknown one does, joined by spaces.
	Known string
	// Warning: the spec is rendered, but does not do what this part of it says.
	Warning bool
}

// Check returns all findings in an IstioOperator spec, sorted by path; only warnings
// if [Renderer.Render] may be trusted to do what the spec says. It is stricter
// than the upstream renderer, which accepts unknown keys in meshConfig and
// overlays that hit nothing, and whose images default to a development build.
// spec.unvalidatedValues is not looked at: that is what its name promises. The
// spec is not changed.
func Check(spec map[string]any) []Finding {
	Quiet()
	own, err := clone(spec)
	if err != nil {
		return []Finding{{Path: "spec", Message: err.Error()}}
	}
	dropEmpty(own)
	var c checker
	c.profile(own)
	c.images(own)
	// What is wrong on its own is reported and cut out, so that what remains
	// can be judged as a whole.
	own = c.schemas(own)
	c.profiles(own)
	c.templates(own)
	c.whole(own)
	c.replicas(own)
	c.networks(own)
	if !c.unrenderable {
		c.overlays(own)
	}
	slices.SortFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(c.findings)
}

// A checker collects findings.
type checker struct {
	findings     []Finding
	unrenderable bool // rendering what remains would only repeat a mistake
}

// advise adds a mistake with what to do about it, "" where nothing is known that is more
// than to look up what may be at path.
func (c *checker) advise(path, hint, format string, args ...any) {
	c.findings = append(c.findings, Finding{Path: path, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// warn adds what does not keep the spec from being rendered.
func (c *checker) warn(path, hint, format string, args ...any) {
	c.findings = append(c.findings, Finding{Path: path, Hint: hint, Warning: true, Message: fmt.Sprintf(format, args...)})
}

// profile asks the release whether it has the profile. Which of its profiles
// setup-mesh supports is for whoever makes the spec to say.
func (c *checker) profile(spec map[string]any) {
	profile, ok := spec["profile"].(string)
	if !ok || profile == "" {
		return
	}
	if _, err := fs.Stat(manifests.BuiltinOrDir(""), "profiles/"+profile+".yaml"); err != nil {
		c.advise("spec.profile", "take it out, for the default one", "there is no profile %q", profile)
		c.unrenderable = true
	}
}
