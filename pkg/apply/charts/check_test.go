package charts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
		want []Finding
	}{
		"what topology makes": {in: multiNetwork},
		"nothing":             {in: "{}"},
		"sets of values that the charts do not have": {
			in: `{compatibilityVersion: "1.30", values: {compatibilityVersion: "1.2", profile: nope, global: {platform: opnshift}}}`,
			want: []Finding{
				{Path: "spec.values.compatibilityVersion", Message: "there is no 1.2", Hint: "one of 1.25, 1.26, 1.27, 1.28, 1.29, 1.30"},
				{Path: "spec.values.global.platform", Message: "there is no opnshift", Hint: "one of gke, k3d, k3s, microk8s, minikube, openshift"},
				{Path: "spec.values.profile", Message: "there is no nope", Hint: "one of ambient, demo, preview, remote, stable"},
			},
		},
		"unknown values, all of them": {
			in: "values: {pilot: {notAField: {deep: 1}, alsoNot: 2, traceSampling: 5}, nope: {}, global: {multiCluster: {nme: x}}}",
			want: []Finding{
				{Path: "spec.values.global.multiCluster.nme", Message: "unknown key"},
				{Path: "spec.values.nope", Message: "unknown key"},
				{Path: "spec.values.pilot.alsoNot", Message: "unknown key"},
				{Path: "spec.values.pilot.notAField", Message: "unknown key"},
			},
		},
		"unknown keys of the mesh": {
			in: "meshConfig: {notAField: 1, accessLogFile: /dev/stdout, defaultConfig: {nope: {x: 1}, tracing: {zipkin: {adress: x}}}, extensionProviders: [{name: a, zipkin: {service: x.y, prt: 3}}]}",
			want: []Finding{
				{Path: "spec.meshConfig.defaultConfig.nope", Message: "unknown key"},
				{Path: "spec.meshConfig.defaultConfig.tracing.zipkin.adress", Message: "unknown key"},
				{Path: "spec.meshConfig.extensionProviders[name=a].zipkin.prt", Message: "unknown key"},
				{Path: "spec.meshConfig.notAField", Message: "unknown key"},
			},
		},
		"mesh settings among the values": {
			in: "values: {meshConfig: {defaultConfig: {nope: 1}}, global: {meshID: m}}",
			want: []Finding{
				{Path: "spec.values.meshConfig.defaultConfig.nope", Message: "unknown key"},
			},
		},
		"an autoscaler that is not there, in the profile that has none": {
			in: `{profile: demo, components: {pilot: {k8s: {hpaSpec: {minReplicas: 2}}}}}`,
			want: []Finding{
				{Path: "spec.components.pilot.k8s.hpaSpec", Message: "has no effect: there is no autoscaler", Hint: "set values.pilot.autoscaleEnabled to true, or write replicaCount instead", Warning: true},
			},
		},
		"a disruption budget for one pod": {
			in: `{components: {pilot: {k8s: {podDisruptionBudget: {maxUnavailable: 1}}}, ingressGateways: [{name: istio-ingressgateway, enabled: true, k8s: {hpaSpec: {minReplicas: 2}, podDisruptionBudget: {minAvailable: 1}}}]}}`,
			want: []Finding{
				{Path: "spec.components.pilot.k8s.podDisruptionBudget", Message: "has no effect: there is a budget only for two pods or more", Hint: "write hpaSpec: {minReplicas: 2}", Warning: true},
			},
		},
		"settings of Deployments for what is none": {
			in: `{components: {cni: {enabled: true, k8s: {replicaCount: 2, nodeSelector: {a: b}}}, base: {k8s: {nodeSelector: {a: b}}}}}`,
			want: []Finding{
				{Path: "spec.components.base.k8s.nodeSelector", Message: "has no effect: base has no Deployment and no Service", Hint: "take it out", Warning: true},
				{Path: "spec.components.cni.k8s.replicaCount", Message: "has no effect: cni has no Deployment and no Service", Hint: "take it out", Warning: true},
			},
		},
		"wrong types": {
			in: `{values: {pilot: {autoscaleEnabled: "yes", autoscaleMin: many, env: 3}, global: {network: 4, proxy: []}},
			      meshConfig: {enableAutoMtls: [], outboundTrafficPolicy: {mode: NOPE}, rootNamespace: 4, defaultConfig: {concurrency: "x"}, connectTimeout: 10},
			      components: {pilot: {k8s: {replicaCount: "2", env: {a: b}, resources: {requests: {cpu: lots}}}}, ingressGateways: {}}}`,
			want: []Finding{
				{Path: "spec.components.ingressGateways", Message: "must be a list, not a map", Hint: "write each item on a line of its own below it, after a dash: - ITEM"},
				{Path: "spec.components.pilot.k8s.env", Message: "must be a list, not a map", Hint: "write each item on a line of its own below it, after a dash: - ITEM"},
				{Path: "spec.components.pilot.k8s.replicaCount", Message: "must be a number, not the string \"2\"", Hint: "write digits, without quotes"},
				{Path: "spec.components.pilot.k8s.resources.requests.cpu", Message: "the string \"lots\" does not fit: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'", Hint: "write a quantity, such as 500m or 1Gi"},
				{Path: "spec.meshConfig.connectTimeout", Message: "must be a string, not the number 10", Hint: "put it in quotes"},
				{Path: "spec.meshConfig.defaultConfig.concurrency", Message: "must be a number, not the string \"x\"", Hint: "write digits, without quotes"},
				{Path: "spec.meshConfig.enableAutoMtls", Message: "must be true or false, not a list", Hint: "write true or false, without quotes"},
				{Path: "spec.meshConfig.outboundTrafficPolicy.mode", Message: "the string \"NOPE\" is not one of the allowed values", Hint: "one of REGISTRY_ONLY, ALLOW_ANY, ALLOW_ANY_DYNAMIC_DNS"},
				{Path: "spec.meshConfig.rootNamespace", Message: "must be a string, not the number 4", Hint: "put it in quotes"},
				{Path: "spec.values.global.network", Message: "must be a string, not the number 4", Hint: "put it in quotes"},
				{Path: "spec.values.global.proxy", Message: "must be a map, not a list", Hint: "write a mapping, NAME: \"value\", instead of a list"},
				{Path: "spec.values.pilot.autoscaleEnabled", Message: "must be true or false, not the string \"yes\"", Hint: "write true or false, without quotes"},
				{Path: "spec.values.pilot.autoscaleMin", Message: "must be a number, not the string \"many\"", Hint: "write digits, without quotes"},
				{Path: "spec.values.pilot.env", Message: "must be a map, not the number 3", Hint: "write its keys on the lines below it, indented, each with its value: KEY: VALUE"},
			},
		},
		"unknown keys of components": {
			in: "{components: {pilot: {k8s: {resorces: {}, hpaSpec: {maxReplica: 1}}, Enabled: true}, ingressGateways: [{name: a, lable: {}}, {k8s: {service: {prots: []}}}]}, hbu: x}",
			want: []Finding{
				{Path: "spec.components.ingressGateways[1].k8s.service.prots", Message: "unknown key"},
				{Path: "spec.components.ingressGateways[name=a].lable", Message: "unknown key"},
				{Path: "spec.components.pilot.Enabled", Message: "unknown key"},
				{Path: "spec.components.pilot.k8s.hpaSpec.maxReplica", Message: "unknown key"},
				{Path: "spec.components.pilot.k8s.resorces", Message: "unknown key"},
				{Path: "spec.hbu", Message: "unknown key"},
			},
		},
		"images of no release": {
			in: `{hub: registry.istio.io/testing, tag: latest, components: {pilot: {hub: gcr.io/istio-testing, tag: latest-distroless}},
			      values: {global: {hub: "", tag: "", proxy: {image: "docker.io/istio/proxyv2:latest"}}, pilot: {hub: "", image: "localhost:5000/pilot:1.31.0"}}}`,
			want: []Finding{
				{Path: "spec.components.pilot.hub", Message: "\"gcr.io/istio-testing\" holds development builds, not releases", Hint: "take it out: Istio's releases are at docker.io/istio"},
				{Path: "spec.components.pilot.tag", Message: "\"latest-distroless\" changes over time", Hint: "take it out, or name a release, such as 1.31.0"},
				{Path: "spec.hub", Message: "\"registry.istio.io/testing\" holds development builds, not releases", Hint: "take it out: Istio's releases are at docker.io/istio"},
				{Path: "spec.tag", Message: "\"latest\" changes over time", Hint: "take it out, or name a release, such as 1.31.0"},
				{Path: "spec.values.global.hub", Message: "is empty", Hint: "leave it out for the release's own"},
				{Path: "spec.values.global.proxy.image", Message: "\"docker.io/istio/proxyv2:latest\" is not an image of a release", Hint: "take it out, or name one with the tag of a release, such as 1.31.0"},
				{Path: "spec.values.global.tag", Message: "is empty", Hint: "leave it out for the release's own"},
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
			want: []Finding{
				{Path: "spec.components.pilot.k8s.overlays[name=istiod].patches[0]", Message: "there is no \"spec.template.spec.containers.[name:nobody].image\": path spec.template.spec.containers.[name:nobody].image: element [name:nobody] not found", Hint: "setup-mesh render shows what is there"},
				{Path: "spec.components.pilot.k8s.overlays[name=istiod].patches[1]", Message: "gives an invalid Deployment: unknown field \"spec.template.spec.tolerationz\"", Hint: "write value as the API of a Deployment has it: kubectl explain Deployment"},
				{Path: "spec.components.pilot.k8s.overlays[name=istiod].patches[2]", Message: "there is nothing to delete at \"spec.strategy.nope\"", Hint: "setup-mesh render shows what is there"},
				{Path: "spec.components.pilot.k8s.overlays[name=istoid]", Message: "there is no Deployment \"istoid\" in pilot", Hint: "it has istiod"},
			},
		},
		"settings that are ignored": {
			in: "components: {pilot: {k8s: {volumes: [{name: a}]}}}",
			want: []Finding{
				{Path: "spec.components.pilot.k8s.volumes", Message: "has no effect in Istio 1.31.0", Hint: "write it as a patch, in k8s.overlays"},
			},
		},
		"values that contradict": {
			in: "{values: {global: {proxy: {includeIPRanges: 1.2.3}}, cni: {affinity: {nope: 1}}}, tag: 'a b', hub: 'A B', revision: A_B, profile: nope}",
			want: []Finding{
				{Path: "spec.hub", Message: "bad hub: repository can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: A B/pilot"},
				{Path: "spec.profile", Message: "there is no profile \"nope\"", Hint: "take it out, for the default one"},
				{Path: "spec.revision", Message: "invalid revision specified: A_B"},
				{Path: "spec.tag", Message: "bad tag: tag can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-.ABCDEFGHIJKLMNOPQRSTUVWXYZ`: a b"},
				{Path: "spec.values.cni.affinity", Message: `invalid schema for cni.affinity: error unmarshaling JSON: while decoding JSON: json: unknown field "nope"`},
				{Path: "spec.values.global.proxy.includeIPRanges", Message: "global.proxy.includeIPRanges netip.ParsePrefix(\"1.2.3\"): no '/'"},
			},
		},
		"a mesh that istiod refuses": {
			in: "meshConfig: {connectTimeout: -1s}",
			want: []Finding{
				{Path: "spec.meshConfig.connectTimeout", Message: "invalid connect timeout: duration must be greater than 1ms"},
			},
		},
		"a port that needs root": {
			in: "components: {ingressGateways: [{name: a, k8s: {service: {ports: [{name: x, port: 80}]}}}]}",
			want: []Finding{
				{Path: "spec.components.ingressGateways[name=a].k8s.service.ports", Message: "port x/80 in gateway a invalid: targetPort is set to 0, which requires root", Hint: "set targetPort to be greater than 1024 or configure values.gateways.istio-ingressgateway.runAsRoot=true"},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			spec := parse(t, test.in)
			if diff := cmp.Diff(test.want, Check(spec), cmpopts.IgnoreFields(Finding{}, "Known")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if diff := cmp.Diff(parse(t, test.in), spec); diff != "" {
				t.Errorf("the spec was changed (-want +got)\n%s", diff)
			}
		})
	}
}
