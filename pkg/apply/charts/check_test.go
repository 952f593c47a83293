package charts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func parse(t testing.TB, text string) map[string]any {
	t.Helper()
	var spec map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		in   string
		want []Mistake
	}{
		"what topology makes": {in: multiNetwork},
		"nothing":             {in: "{}"},
		"unknown values, all of them": {
			in: "values: {pilot: {notAField: {deep: 1}, alsoNot: 2, traceSampling: 5}, nope: {}, global: {multiCluster: {nme: x}}}",
			want: []Mistake{
				{"spec.values.global.multiCluster.nme", "unknown key"},
				{"spec.values.nope", "unknown key"},
				{"spec.values.pilot.alsoNot", "unknown key"},
				{"spec.values.pilot.notAField", "unknown key"},
			},
		},
		"unknown keys of the mesh": {
			in: "meshConfig: {notAField: 1, accessLogFile: /dev/stdout, defaultConfig: {nope: {x: 1}, tracing: {zipkin: {adress: x}}}, extensionProviders: [{name: a, zipkin: {service: x.y, prt: 3}}]}",
			want: []Mistake{
				{"spec.meshConfig.defaultConfig.nope", "unknown key"},
				{"spec.meshConfig.defaultConfig.tracing.zipkin.adress", "unknown key"},
				{"spec.meshConfig.extensionProviders[name=a].zipkin.prt", "unknown key"},
				{"spec.meshConfig.notAField", "unknown key"},
			},
		},
		"mesh settings among the values": {
			in: "values: {meshConfig: {defaultConfig: {nope: 1}}, global: {meshID: m}}",
			want: []Mistake{
				{"spec.values.meshConfig.defaultConfig.nope", "unknown key"},
			},
		},
		"wrong types": {
			in: `{values: {pilot: {autoscaleEnabled: "yes", autoscaleMin: many, env: 3}, global: {network: 4, proxy: []}},
			      meshConfig: {enableAutoMtls: [], outboundTrafficPolicy: {mode: NOPE}, rootNamespace: 4, defaultConfig: {concurrency: "x"}, connectTimeout: 10},
			      components: {pilot: {k8s: {replicaCount: "2", env: {a: b}, resources: {requests: {cpu: lots}}}}, ingressGateways: {}}}`,
			want: []Mistake{
				{"spec.components.ingressGateways", "must be a list, not a map"},
				{"spec.components.pilot.k8s.env", "must be a list, not a map"},
				{"spec.components.pilot.k8s.replicaCount", "must be a number, not the string \"2\""},
				{"spec.components.pilot.k8s.resources.requests.cpu", "the string \"lots\" does not fit: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
				{"spec.meshConfig.connectTimeout", "must be a string, not the number 10"},
				{"spec.meshConfig.defaultConfig.concurrency", "must be a number, not the string \"x\""},
				{"spec.meshConfig.enableAutoMtls", "must be true or false, not a list"},
				{"spec.meshConfig.outboundTrafficPolicy.mode", "the string \"NOPE\" is not one of the allowed values"},
				{"spec.meshConfig.rootNamespace", "must be a string, not the number 4"},
				{"spec.values.global.network", "must be a string, not the number 4"},
				{"spec.values.global.proxy", "must be a map, not a list"},
				{"spec.values.pilot.autoscaleEnabled", "must be true or false, not the string \"yes\""},
				{"spec.values.pilot.autoscaleMin", "must be a number, not the string \"many\""},
				{"spec.values.pilot.env", "must be a map, not the number 3"},
			},
		},
		"unknown keys of components": {
			in: "{components: {pilot: {k8s: {resorces: {}, hpaSpec: {maxReplica: 1}}, Enabled: true}, ingressGateways: [{name: a, lable: {}}, {k8s: {service: {prots: []}}}]}, hbu: x}",
			want: []Mistake{
				{"spec.components.ingressGateways[1].k8s.service.prots", "unknown key"},
				{"spec.components.ingressGateways[name=a].lable", "unknown key"},
				{"spec.components.pilot.Enabled", "unknown key"},
				{"spec.components.pilot.k8s.hpaSpec.maxReplica", "unknown key"},
				{"spec.components.pilot.k8s.resorces", "unknown key"},
				{"spec.hbu", "unknown key"},
			},
		},
		"images of no release": {
			in: `{hub: registry.istio.io/testing, tag: latest, components: {pilot: {hub: gcr.io/istio-testing, tag: latest-distroless}},
			      values: {global: {hub: "", tag: "", proxy: {image: "docker.io/istio/proxyv2:latest"}}, pilot: {hub: "", image: "localhost:5000/pilot:1.31.0"}}}`,
			want: []Mistake{
				{"spec.components.pilot.hub", "\"gcr.io/istio-testing\" holds development builds, not releases; Istio's releases are at docker.io/istio"},
				{"spec.components.pilot.tag", "\"latest-distroless\" changes over time; name a release, such as 1.31.0"},
				{"spec.hub", "\"registry.istio.io/testing\" holds development builds, not releases; Istio's releases are at docker.io/istio"},
				{"spec.tag", "\"latest\" changes over time; name a release, such as 1.31.0"},
				{"spec.values.global.hub", "is empty; leave it out for the release's own"},
				{"spec.values.global.proxy.image", "\"docker.io/istio/proxyv2:latest\" is not an image of a release"},
				{"spec.values.global.tag", "is empty; leave it out for the release's own"},
			},
		},
		"overlays that hit nothing": {
			in: `{components: {pilot: {k8s: {overlays: [
			  {kind: Deployment, name: istoid, patches: [{path: spec.replicas, value: 2}]},
			  {kind: Deployment, name: istiod, patches: [
			    {path: "spec.template.spec.containers.[name:nobody].image", value: x},
			    {path: spec.template.spec.tolerationz, value: []},
			    {path: spec.strategy.nope},
			    {path: "spec.template.spec.containers.[name:discovery].terminationMessagePath", value: /x},
			    {path: spec.strategy.rollingUpdate.maxSurge}]}]}},
			  egressGateways: [{name: out, enabled: false, k8s: {overlays: [{kind: A, name: b}]}}]}}`,
			want: []Mistake{
				{"spec.components.pilot.k8s.overlays[name=istiod].patches[0]", "there is no \"spec.template.spec.containers.[name:nobody].image\": path spec.template.spec.containers.[name:nobody].image: element [name:nobody] not found"},
				{"spec.components.pilot.k8s.overlays[name=istiod].patches[1]", "gives an invalid Deployment: unknown field \"spec.template.spec.tolerationz\""},
				{"spec.components.pilot.k8s.overlays[name=istiod].patches[2]", "there is nothing to delete at \"spec.strategy.nope\""},
				{"spec.components.pilot.k8s.overlays[name=istoid]", "there is no Deployment \"istoid\" in pilot"},
			},
		},
		"settings that are ignored": {
			in: "components: {pilot: {k8s: {volumes: [{name: a}]}}}",
			want: []Mistake{
				{"spec.components.pilot.k8s.volumes", "has no effect in Istio 1.31.0; use overlays"},
			},
		},
		"values that contradict": {
			in: "{values: {global: {proxy: {includeIPRanges: 1.2.3}}, cni: {affinity: {nope: 1}}}, tag: 'a b', hub: 'A B', revision: A_B, profile: nope}",
			want: []Mistake{
				{"spec.hub", "bad hub: repository can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: A B/pilot"},
				{"spec.profile", "there is no profile \"nope\""},
				{"spec.revision", "invalid revision specified: A_B"},
				{"spec.tag", "bad tag: tag can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-.ABCDEFGHIJKLMNOPQRSTUVWXYZ`: a b"},
				{"spec.values.cni.affinity", `invalid schema for cni.affinity: error unmarshaling JSON: while decoding JSON: json: unknown field "nope"`},
				{"spec.values.global.proxy.includeIPRanges", "global.proxy.includeIPRanges netip.ParsePrefix(\"1.2.3\"): no '/'"},
			},
		},
		"a mesh that istiod refuses": {
			in: "meshConfig: {connectTimeout: -1s}",
			want: []Mistake{
				{"spec.meshConfig", "invalid connect timeout: duration must be greater than 1ms"},
			},
		},
		"a port that needs root": {
			in: "components: {ingressGateways: [{name: a, k8s: {service: {ports: [{name: x, port: 80}]}}}]}",
			want: []Mistake{
				{"spec.components.ingressGateways[name=a].k8s.service.ports", "port x/80 in gateway a invalid: targetPort is set to 0, which requires root. Set targetPort to be greater than 1024 or configure values.gateways.istio-ingressgateway.runAsRoot=true"},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec := parse(t, test.in)
			if diff := cmp.Diff(test.want, Check(spec)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(parse(t, test.in), spec); diff != "" {
				t.Errorf("the spec was changed (-want +got)\n%s", diff)
			}
		})
	}
}
