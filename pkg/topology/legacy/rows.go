package legacy

import "strings"

// A Row is what became of one setting, for documentation: its path below the spec,
// where it stands today or why it does not, and what of it is taken without a word.
type Row struct{ From, Today, Quiet string }

// Rows are all that the tables know, in their order: feature blocks, components,
// values, the mesh's configuration.
func Rows() []Row {
	var out []Row
	for _, table := range [][]rule{blockRules, componentRules, valueRules, meshRules} {
		for _, r := range table {
			if r.fate != idle {
				out = append(out, Row{r.from, r.words(), quoted(r.quiet)})
			}
		}
	}
	return append(out, stepRows...)
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
	{"profile: sds, demo-auth", "`default`; `demo` with strict mutual TLS", ""},
	{"profile: empty", "`default` where components.pilot is on (`minimal` without gateways); else refused: the file installs no control plane", ""},
	{"gateways.enabled, values.gateways.enabled", "`enabled: false` of both gateways where it is false", "`true`"},
	{"values.gateways.istio-ingressgateway.enabled, ...egressgateway.enabled", "`enabled` of that gateway in `components.ingressGateways` or `egressGateways`", ""},
	{"gateways.components.ingressGateway, egressGateway", "the item `istio-ingressgateway` or `istio-egressgateway` of `components.ingressGateways` or `egressGateways`; ports 80 and 443 of pods become 8080 and 8443", ""},
	{"a gateway without a name, alone in its list", "`istio-ingressgateway` or `istio-egressgateway`", ""},
	{"k8s.hpaSpec.metrics of autoscaling/v2beta1, scaleTargetRef", "metrics of autoscaling/v2; the chart names what is scaled", ""},
	{"values.global.mtls.enabled, values.security.createMeshPolicy", "a mesh-wide PeerAuthentication, mode STRICT, where true", "`false`"},
	{"values.security.selfSigned", "a warning where true: the root in `certs/` signs every cluster's CA", "`false`"},
	{"values.global.disablePolicyChecks", "refused where false and Mixer's policy was not off: AuthorizationPolicy, or an ext_authz provider", "`true`"},
	{"values.global.tracer.zipkin.address", "`meshConfig.defaultConfig.tracing.zipkin.address`, unless `values.global.proxy.tracer` is zipkin", "`\"\"`"},
	{"values.nodeagent", "nothing; refused where it names another CA: the mesh's root signs", ""},
}
