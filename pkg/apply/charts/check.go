package charts

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"

	"istio.io/istio/manifests"
)

// A Mistake is one thing in a spec that Istio would refuse, or pass over in
// silence. Path says where, as in spec.values.pilot.notAField or
// spec.components.ingressGateways[name=istio-ingressgateway].k8s.env.
type Mistake struct{ Path, Message string }

// Check returns all mistakes in an IstioOperator spec, sorted by path; none if
// [Renderer.Render] may be trusted to do what the spec says. It is stricter
// than the upstream renderer, which accepts unknown keys in meshConfig and
// overlays that hit nothing, and whose images default to a development build.
// spec.unvalidatedValues is not looked at: that is what its name promises. The
// spec is not changed.
func Check(spec map[string]any) []Mistake {
	quiet()
	own, err := clone(spec)
	if err != nil {
		return []Mistake{{Path: "spec", Message: err.Error()}}
	}
	var c checker
	c.profile(own)
	c.images(own)
	// What is wrong on its own is reported and cut out, so that what remains
	// can be judged as a whole.
	own = c.schemas(own)
	c.whole(own)
	if len(c.mistakes) == 0 || !c.unrenderable {
		c.overlays(own)
	}
	slices.SortFunc(c.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(c.mistakes)
}

// A checker collects mistakes.
type checker struct {
	mistakes     []Mistake
	unrenderable bool // rendering what remains would only repeat a mistake
}

func (c *checker) add(path, format string, args ...any) {
	c.mistakes = append(c.mistakes, Mistake{Path: path, Message: fmt.Sprintf(format, args...)})
}

// profile asks the release whether it has the profile. Which of its profiles
// setup-mesh supports is for whoever makes the spec to say.
func (c *checker) profile(spec map[string]any) {
	profile, ok := spec["profile"].(string)
	if !ok || profile == "" {
		return
	}
	if _, err := fs.Stat(manifests.BuiltinOrDir(""), "profiles/"+profile+".yaml"); err != nil {
		c.add("spec.profile", "there is no profile %q", profile)
		c.unrenderable = true
	}
}
