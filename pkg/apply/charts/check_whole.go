package charts

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"istio.io/istio/operator/pkg/apis/validation"
	"istio.io/istio/operator/pkg/values"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/validation/agent"
)

// whole asks Istio's own validation about a spec whose parts all fit.
func (c *checker) whole(spec map[string]any) {
	c.mesh("spec.meshConfig", spec["meshConfig"])
	c.mesh("spec.values.meshConfig", lookup(spec, "values", "meshConfig"))

	rest := shallow(spec)
	delete(rest, "meshConfig")
	if v, ok := spec["values"].(map[string]any); ok {
		rest["values"] = shallow(v)
		remove(rest, "values", "meshConfig")
	}
	warnings, errs := validation.ParseAndValidateIstioOperator(values.Map{
		"apiVersion": "install.istio.io/v1alpha1",
		"kind":       "IstioOperator",
		"spec":       rest,
	}, nil)
	for _, w := range warnings {
		c.warn(place(w.Error()), "", "%s", oneLine(w))
	}
	for _, err := range errs {
		if err != nil {
			message, hint := parted(oneLine(err))
			c.advise(place(err.Error()), hint, "%s", message)
			c.unrenderable = true
		}
	}
}

// mesh judges a meshConfig as istiod will when it reads it; the upstream
// renderer drops these errors.
func (c *checker) mesh(path string, v any) {
	if v == nil || c.has(path) {
		return // what was cut out of it may be what it lacks now
	}
	document, err := json.Marshal(v)
	if err != nil {
		c.advise(path, "", "%v", err)
		return
	}
	config, err := mesh.ApplyMeshConfigDefaults(string(document))
	var warning agent.Warning
	if err == nil {
		warning, err = agent.ValidateMeshConfig(config)
	}
	for _, w := range each(warning) {
		c.warn(named(path, v, w), "", "%s", w)
	}
	for _, e := range each(err) {
		c.advise(named(path, v, e), placeholder(e), "%s", e)
		c.unrenderable = true
	}
}

// each are the messages that an error of Istio's validation holds, each in one line;
// not those that another one ends with.
func each(err error) []string {
	var out []string
	var walk func(err error)
	walk = func(err error) {
		if many, ok := err.(interface{ WrappedErrors() []error }); ok {
			for _, e := range many.WrappedErrors() {
				walk(e)
			}
			return
		}
		text := oneLine(err)
		if !slices.ContainsFunc(out, func(said string) bool { return strings.HasSuffix(said, text) }) {
			out = append(out, text)
		}
	}
	if err != nil {
		walk(err)
	}
	return out
}

var capital = regexp.MustCompile(`([A-Z])`)

// named is the path of the deepest key of v that a message names, or that of v.
func named(path string, v any, message string) string {
	m, _ := v.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		below := path + "." + key
		if deeper := named(below, m[key], message); deeper != below {
			return deeper
		}
		words := `(?i)\b(` + regexp.QuoteMeta(key) + `|` + strings.TrimSpace(capital.ReplaceAllString(regexp.QuoteMeta(key), " $1")) + `)\b`
		if says, err := regexp.MatchString(words, message); err == nil && says {
			return below
		}
	}
	return path
}

// has says whether there is a mistake below path.
func (c *checker) has(path string) bool {
	return slices.ContainsFunc(c.findings, func(m Finding) bool { return strings.HasPrefix(m.Path, path+".") })
}

// unfilled finds text that is to be replaced by whoever uses a file.
var unfilled = regexp.MustCompile(`["\x60](\$\{?\w+|<[A-Z_ -]+>|\[[A-Z_ -]+\]|[A-Z]+_[A-Z_]+)`)

// placeholder is what to do about a value that a message quotes, where it is a
// placeholder.
func placeholder(message string) string {
	if unfilled.MatchString(message) {
		return "fill in the placeholder"
	}
	return ""
}

// parted parts a message of Istio's validation from what it says is to be done.
func parted(message string) (what, hint string) {
	what, hint, ok := strings.Cut(message, ". Set targetPort")
	if !ok {
		return message, placeholder(message)
	}
	return what, "set targetPort" + hint
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// valuesPath finds the path of a value in a message of Istio's validation.
var valuesPath = regexp.MustCompile(`^(?:invalid schema for |value )?((?:global|cni|gateways|pilot|sidecarInjectorWebhook)(?:\.[A-Za-z-]+)+)`)

// gatewayPort finds the gateway in a message about one of its ports.
var gatewayPort = regexp.MustCompile(`in gateway (\S+) invalid.*values\.gateways\.istio-(in|e)gressgateway`)

// place finds out which part of the spec a message of Istio's validation is
// about.
func place(message string) string {
	for prefix, path := range map[string]string{
		"bad hub":                    "spec.hub",
		"bad tag":                    "spec.tag",
		"invalid revision specified": "spec.revision",
	} {
		if strings.HasPrefix(message, prefix) {
			return path
		}
	}
	if m := valuesPath.FindStringSubmatch(message); m != nil {
		return "spec.values." + m[1]
	}
	if m := gatewayPort.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("spec.components.%sgressGateways[name=%s].k8s.service.ports", m[2], m[1])
	}
	return "spec"
}
