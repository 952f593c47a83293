package legacy

import (
	"slices"
	"strings"
)

// A Row is what became of one setting, for documentation: its path below the spec,
// where it stands today or why it does not, and what of it is taken without a word.
type Row struct {
	From, Today, Quiet string
	To                 string   // the path today of a setting that only moved
	Paths              []string // those of the settings in From; "*" stands for any one key
	Stays              bool     // the setting is one of today's too
}

// Rows are all that the tables know, in their order: feature blocks, components,
// values, the mesh's configuration.
func Rows() []Row {
	var out []Row
	for _, table := range [][]rule{blockRules, componentRules, valueRules, meshRules} {
		for _, r := range table {
			if r.fate != idle {
				row := Row{From: r.from, Today: r.words(), Quiet: quoted(r.quiet), Paths: []string{r.from}, Stays: r.fate == kept}
				if r.fate == moved {
					row.To = r.text
				}
				out = append(out, row)
			}
		}
	}
	return append(out, stepRows...)
}

// KnownValue says whether a key stands below values in some Istio since 1.4, as in the
// files that Helm took.
func KnownValue(key string) bool {
	return slices.ContainsFunc(valueRules, func(r rule) bool { return strings.HasPrefix(r.from+".", "values."+key+".") })
}

// words say what became of a setting.
func (r rule) words() string {
	switch r.fate {
	case moved:
		return "`" + r.text + "`"
	case always:
		return "always so: " + r.text
	case refused:
		return "refused: " + r.text
	case kept:
		return "stays, with a warning: " + r.text
	case addon:
		return "a warning where it is on: " + r.text
	}
	if r.text == "" {
		return "nothing: it asks for nothing today"
	}
	return "a warning: " + r.text
}

func quoted(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		if v == "" {
			v = `""`
		}
		out[i] = "`" + v + "`"
	}
	return strings.Join(out, ", ")
}

// stepRows are the settings that code looks at, because their meaning hangs on others.
var stepRows = []Row{
	{From: "names with underscores below meshConfig", Today: "the same in camel case: `trustDomain` for `trust_domain`"},
	{From: "profile: sds, demo-auth", Today: "`default`; `demo` with strict mutual TLS"},
	{From: "profile: empty", Today: "`default` where components.pilot is on (`minimal` without gateways); else refused: the file installs no control plane"},
	{From: "gateways.enabled, values.gateways.enabled", Today: "`enabled: false` of both gateways where it is false", Quiet: "`true`", Paths: values("gateways.enabled", "values.gateways.enabled")},
	{From: "values.gateways.istio-ingressgateway.enabled, ...egressgateway.enabled", Today: "`enabled` of that gateway in `components.ingressGateways` or `egressGateways`", Paths: values("values.gateways.istio-ingressgateway.enabled", "values.gateways.istio-egressgateway.enabled")},
	{From: "gateways.components.ingressGateway, egressGateway", Today: "the item `istio-ingressgateway` or `istio-egressgateway` of `components.ingressGateways` or `egressGateways`; ports 80 and 443 of pods become 8080 and 8443", Paths: values("gateways.components.ingressGateway", "gateways.components.egressGateway")},
	{From: "a gateway without a name, alone in its list", Today: "`istio-ingressgateway` or `istio-egressgateway`"},
	{From: "k8s.hpaSpec.metrics of autoscaling/v2beta1, scaleTargetRef", Today: "metrics of autoscaling/v2; the chart names what is scaled"},
	{From: "values.global.mtls.enabled, values.security.createMeshPolicy", Today: "a mesh-wide PeerAuthentication, mode STRICT, where true", Quiet: "`false`", Paths: values("values.global.mtls.enabled", "values.security.createMeshPolicy")},
	{From: "values.security.selfSigned", Today: "a warning where true: the root in `certs/` signs every cluster's CA", Quiet: "`false`", Paths: values("values.security.selfSigned")},
	{From: "values.global.disablePolicyChecks, meshConfig.disablePolicyChecks", Today: "refused where false and Mixer's policy was not off: AuthorizationPolicy, or an ext_authz provider", Quiet: "`true`", Paths: values("values.global.disablePolicyChecks", "meshConfig.disablePolicyChecks")},
	{From: "values.global.tracer.zipkin.address", Today: "`meshConfig.defaultConfig.tracing.zipkin.address`, unless `values.global.proxy.tracer` is zipkin", Quiet: "`\"\"`", Paths: values("values.global.tracer.zipkin.address")},
	{From: "values.nodeagent", Today: "nothing; refused where it names another CA: the mesh's root signs", Paths: values("values.nodeagent")},
}
