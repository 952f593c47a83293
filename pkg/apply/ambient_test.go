package apply

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/charts"
	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

const (
	ambientBase = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: ambient\n"
	ambientMesh = "mesh_id: m\nambient: {namespaces: [shop]}\ncontexts:\n  east: {network: east}\n  west: {network: west}\n"
	natted      = "mesh_id: m\nambient: {namespaces: [shop]}\ncontexts:\n  east: {network: east}\n  west: {network: west, gateway: {addresses: [198.51.100.7, gw.example.com], port: 31008}}\n"
)

// rendered is what Istio's own charts render: which of their objects belong to which
// component is of interest here.
var rendered = sync.OnceValue(charts.New)

func wantedAmbient(t *testing.T, mesh, base string) *desired.Desired {
	t.Helper()
	d, err := NewDesired(wantedOf(t, mesh, base), rendered())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestGatewayAPICRDs: the embedded CRDs are those of the module that Istio is built with.
func TestGatewayAPICRDs(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatal(err)
	}
	release, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if release != desired.GatewayAPIVersion {
		t.Errorf("the module is %s, and the CRDs are of %s", release, desired.GatewayAPIVersion)
	}
	copies, err := filepath.Glob("desired/gatewayapi/*.yaml")
	if err != nil || len(copies) == 0 {
		t.Fatalf("no copies: %v", err)
	}
	for _, file := range copies {
		want, err := os.ReadFile(filepath.Join(dir, "config/crd/standard", "gateway.networking.k8s.io_"+filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-module +copy):\n%s", file, diff)
		}
	}
	crds, err := desired.GatewayAPICRDs()
	if err != nil {
		t.Fatal(err)
	}
	for _, crd := range crds {
		if notes := crd.GetAnnotations(); notes[desired.AnnotationBundle] != desired.GatewayAPIVersion || notes[desired.AnnotationChannel] != "standard" {
			t.Errorf("%s: %v", crd.GetName(), notes)
		}
	}
}

// What ambient mode adds to a cluster, and what it takes the place of.
func TestAmbientDesired(t *testing.T) {
	tests := map[string]struct {
		mesh string
		want []string // of east
	}{
		"two networks": {ambientMesh, []string{
			"CustomResourceDefinition gatewayclasses.gateway.networking.k8s.io: Gateway API, CRDs",
			"CustomResourceDefinition gateways.gateway.networking.k8s.io: Gateway API, CRDs",
			"DaemonSet istio-system/istio-cni-node: cni, node agents",
			"DaemonSet istio-system/ztunnel: ztunnel, node proxies",
			"Gateway istio-system/istio-eastwestgateway-ambient: ambient gateway, ambient gateway",
			"Namespace shop: ambient, enrolled namespaces",
		}},
		"a gateway with addresses": {natted, []string{
			"CustomResourceDefinition gatewayclasses.gateway.networking.k8s.io: Gateway API, CRDs",
			"CustomResourceDefinition gateways.gateway.networking.k8s.io: Gateway API, CRDs",
			"DaemonSet istio-system/istio-cni-node: cni, node agents",
			"DaemonSet istio-system/ztunnel: ztunnel, node proxies",
			"Gateway istio-system/istio-eastwestgateway-ambient: ambient gateway, ambient gateway",
			"Gateway istio-system/setup-mesh-gateway-west: ambient gateway, gateway of peer west",
			"Namespace shop: ambient, enrolled namespaces",
		}},
		"one network": {"mesh_id: m\ncontexts: {east: {network: n}}\n", []string{
			"CustomResourceDefinition gatewayclasses.gateway.networking.k8s.io: Gateway API, CRDs",
			"CustomResourceDefinition gateways.gateway.networking.k8s.io: Gateway API, CRDs",
			"DaemonSet istio-system/istio-cni-node: cni, node agents",
			"DaemonSet istio-system/ztunnel: ztunnel, node proxies",
		}},
		"sidecars, too": {strings.Replace(ambientMesh, "{namespaces: [shop]}", "{experimental: [sidecars]}", 1), []string{
			"CustomResourceDefinition gatewayclasses.gateway.networking.k8s.io: Gateway API, CRDs",
			"CustomResourceDefinition gateways.gateway.networking.k8s.io: Gateway API, CRDs",
			"DaemonSet istio-system/istio-cni-node: cni, node agents",
			"DaemonSet istio-system/ztunnel: ztunnel, node proxies",
			"Deployment istio-system/istio-eastwestgateway: gateway, gateways",
			"Gateway istio-system/cross-network-gateway: gateway, mesh configuration",
			"Gateway istio-system/istio-eastwestgateway-ambient: ambient gateway, ambient gateway",
			"HorizontalPodAutoscaler istio-system/istio-eastwestgateway: gateway, gateways",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := wantedAmbient(t, tt.mesh, ambientBase)
			var got []string
			for _, it := range d.Clusters[0].Items {
				about := it.Component != order.ControlPlane && it.Part != order.Config && it.Part != order.Trust && it.Part != order.Front && it.Component != order.RemoteAccess
				if about && !strings.HasPrefix(it.Ref.Name, "ztunnel-") {
					got = append(got, strings.TrimSpace(it.Ref.String()+": "+string(it.Component)+", "+string(it.Part)+" "+it.Peer))
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAmbientGateways: what istiods are told of gateways by.
func TestAmbientGateways(t *testing.T) {
	d := wantedAmbient(t, natted, ambientBase)
	item := func(i int, name string) map[string]any {
		ref := object.AmbientGatewayRef("istio-system")
		ref.Name = name
		for _, it := range d.Clusters[i].Items {
			if it.Ref == ref {
				return it.Object.Object
			}
		}
		t.Fatalf("%s does not want %s", d.Clusters[i].Member.Name, ref)
		return nil
	}
	gateway := func(name string, labels, notes, spec map[string]any) map[string]any {
		labels["setup-mesh.io/mesh"], labels["istio.io/rev"] = "m", "default"
		meta := map[string]any{"name": name, "namespace": "istio-system", "labels": labels}
		if notes != nil {
			meta["annotations"] = notes
		}
		return map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": meta, "spec": spec}
	}
	own := map[string]any{
		"gatewayClassName": "istio-east-west",
		"infrastructure":   map[string]any{"labels": map[string]any{"istio.io/rev": "default"}},
		"listeners": []any{map[string]any{"name": "mesh", "port": int64(15008), "protocol": "HBONE", "tls": map[string]any{
			"mode": "Terminate", "options": map[string]any{"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"},
		}}},
	}
	const network = "topology.istio.io/network"
	tests := map[string]struct{ want, got map[string]any }{
		"one that says itself where it is":  {gateway(object.AmbientGateway, map[string]any{network: "east"}, nil, own), item(0, object.AmbientGateway)},
		"one that topology.yaml says it of": {gateway(object.AmbientGateway, map[string]any{}, nil, own), item(1, object.AmbientGateway)},
		"where that is, in the cluster that asks": {gateway("setup-mesh-gateway-west", map[string]any{network: "west"}, map[string]any{"gateway.istio.io/service-account": object.AmbientGateway}, map[string]any{
			"gatewayClassName": "istio-remote",
			"addresses":        []any{map[string]any{"type": "IPAddress", "value": "198.51.100.7"}, map[string]any{"type": "Hostname", "value": "gw.example.com"}},
			"listeners":        []any{map[string]any{"name": "mesh", "port": int64(31008), "protocol": "HBONE", "tls": map[string]any{"mode": "Passthrough"}}},
		}), item(0, "setup-mesh-gateway-west")},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestAmbientTrusts: istiod signs for ztunnels where they run.
func TestAmbientTrusts(t *testing.T) {
	tests := map[string]struct{ base, want string }{
		"in Istio's namespace": {ambientBase, "istio-system"},
		"on OpenShift":         {strings.Replace(ambientBase, "ambient", "openshift-ambient", 1), "kube-system"},
		"somewhere else":       {ambientBase + "  components: {ztunnel: {namespace: nodes}}\n", "nodes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := wantedAmbient(t, ambientMesh, tt.base).Clusters[0]
			runs, trusts := "", ""
			for _, it := range c.Items {
				if it.Component == order.Ztunnel && it.Ref.Kind == "DaemonSet" {
					runs = it.Ref.Namespace
				}
				if it.Ref == object.IstiodRef(c.Member.Namespace) {
					trusts = envOf(it.Object, "CA_TRUSTED_NODE_ACCOUNTS")
				}
			}
			if runs != tt.want || trusts != tt.want+"/ztunnel" {
				t.Errorf("ztunnel runs in %s, and istiod trusts %s", runs, trusts)
			}
		})
	}
}

// envOf is a variable of the first container of a Deployment.
func envOf(d *unstructured.Unstructured, name string) string {
	containers, _, _ := unstructured.NestedSlice(d.Object, "spec", "template", "spec", "containers")
	env, _ := containers[0].(map[string]any)["env"].([]any)
	for _, e := range env {
		if m, _ := e.(map[string]any); m["name"] == name {
			value, _ := m["value"].(string)
			return value
		}
	}
	return ""
}

func TestAmbientOrder(t *testing.T) {
	d := wantedAmbient(t, natted, ambientBase)
	graphOf(t, NewPlan(d, EmptyWorld(d), plan.Options{})).wantBefore(t, [][2]string{
		{"east: put node agents", "east: put node proxies"},
		{"east: prove istiod", "east: put node proxies"}, // it signs for them
		{"east: put node proxies", "east: prove node proxies"},
		{"east: prove node proxies", "east: put enrolled namespaces"},
		{"east: put CRDs", "east: put ambient gateway"},
		{"east: put CRDs", "east: prove ambient gateway"},
		{"east: prove istiod", "east: prove ambient gateway"},
		{"east: prove ambient gateway", "east: put ambient gateway"}, // or peers find an address that leads nowhere
		{"east: put ambient gateway", "west: put remote secret east"},
		{"west: prove ambient gateway", "east: put remote secret west"},
		{"east: put gateway of peer west", "east: put remote secret west"},
		{"east: put remote secret west", "east: prove discovery"},
	}...)
}

// TestAmbientModes: each gateway goes after the other one is reached, and what runs on
// nodes after no pod needs it.
func TestAmbientModes(t *testing.T) {
	sidecars := strings.Replace(ambientMesh, "ambient: {namespaces: [shop]}\n", "", 1)
	theirs := func(w *world.World) *world.World {
		for _, l := range w.Clusters {
			l.Remains.Foreign = map[string][]object.Ref{"shop": {{Kind: "ConfigMap", Namespace: "shop", Name: "theirs"}}}
		}
		return w
	}
	d := wantedAmbient(t, ambientMesh, ambientBase)
	graphOf(t, NewPlan(d, theirs(appliedWorld(t, wantedAmbient(t, sidecars, TestBase))), plan.Options{})).wantBefore(t, [][2]string{
		{"east: prove ambient gateway", "east: remove mesh configuration"},
		{"east: prove ambient gateway", "east: remove gateways"},
		{"east: prove node proxies", "east: put enrolled namespaces"},
		{"west: prove ambient gateway", "west: put ambient gateway"}, // east's istiod reads west already
		{"west: put ambient gateway", "east: put enrolled namespaces"},
	}...)
	back := wantedAmbient(t, sidecars, TestBase)
	graphOf(t, NewPlan(back, theirs(appliedWorld(t, d)), plan.Options{})).wantBefore(t, [][2]string{
		{"east: prove gateway", "east: remove ambient gateway"},
		{"east: remove ambient gateway", "east: remove node proxies"},
		{"east: remove enrolment labels", "east: remove node proxies"},
		{"east: remove node proxies", "east: remove node agents"},
	}...)
}

// TestGatewayOfANetworkMoves: the one gateway of a network goes from a cluster after that in
// another one is reached.
func TestGatewayOfANetworkMoves(t *testing.T) {
	const head = "mesh_id: m\nambient: {experimental: [shared-networks]}\ncontexts:\n  west: {network: west}\n"
	w := appliedWorld(t, wantedAmbient(t, head+"  a: {network: n}\n  b: {network: n}\n", ambientBase))
	w.Clusters[1], w.Clusters[2] = w.Clusters[2], w.Clusters[1]
	graphOf(t, NewPlan(wantedAmbient(t, head+"  b: {network: n}\n  a: {network: n}\n", ambientBase), w, plan.Options{})).wantBefore(t,
		[2]string{"b: prove ambient gateway", "b: put ambient gateway"}, [2]string{"b: put ambient gateway", "a: remove ambient gateway"})
}

// TestGatewayMoves: an ambient gateway is known in the new way before it is not in the old
// one.
func TestGatewayMoves(t *testing.T) {
	before, after := wantedAmbient(t, ambientMesh, ambientBase), wantedAmbient(t, natted, ambientBase)
	relabelled := func(d *desired.Desired, w *world.World) *world.World {
		ref := object.AmbientGatewayRef("istio-system")
		live := w.Clusters[1].Objects[ref]
		for _, it := range d.Clusters[1].Items {
			if it.Ref == ref {
				live.Dry = fixture.ManagedBy(it.Object, string(live.Object.GetUID()), object.FieldManager)
			}
		}
		w.Clusters[1].Objects[ref] = live
		return w
	}
	graphOf(t, NewPlan(after, relabelled(after, appliedWorld(t, before)), plan.Options{})).wantBefore(t,
		[2]string{"east: put gateway of peer west", "west: put ambient gateway"})
	graphOf(t, NewPlan(before, relabelled(before, appliedWorld(t, after)), plan.Options{})).wantBefore(t,
		[2]string{"west: prove ambient gateway", "west: put ambient gateway"}, [2]string{"west: put ambient gateway", "east: remove gateway of peer west"})
}

// A namespace of which it is not known whether it goes keeps the proxies that its pods are
// sent to.
func TestAmbientEndWaitsForNamespaces(t *testing.T) {
	sidecars := strings.Replace(ambientMesh, "ambient: {namespaces: [shop]}\n", "", 1)
	w := appliedWorld(t, wantedAmbient(t, ambientMesh, ambientBase))
	w.Clusters[0].Remains.Err = errors.New("may not list ResourceQuotas")
	var got []string
	for _, ch := range NewPlan(wantedAmbient(t, sidecars, TestBase), w, plan.Options{}).Clusters[0].Changes {
		if ch.Part == order.NodeProxies || ch.Part == order.NodeAgents || ch.Part == order.EnrolledSpaces {
			got = append(got, changeLine(ch))
		}
	}
	const why = " blocked: may not list ResourceQuotas"
	want := []string{"delete DaemonSet istio-system/istio-cni-node" + why, "delete DaemonSet istio-system/ztunnel" + why, "unknown Namespace shop (no longer in ambient.namespaces)" + why}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAmbientTeardown(t *testing.T) {
	m, err := topology.ParseMesh("topology.yaml", []byte(ambientMesh), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := appliedWorld(t, wantedAmbient(t, ambientMesh, ambientBase))
	for _, l := range w.Clusters {
		l.Leaving = true
		l.Remains.Foreign = map[string][]object.Ref{"shop": {{Kind: "ConfigMap", Namespace: "shop", Name: "theirs"}}}
	}
	p := NewPlan(desired.Departing(m), w, plan.Options{})
	graphOf(t, p).wantBefore(t, [][2]string{
		{"east: remove enrolment labels", "east: remove ambient gateway"},
		{"east: remove ambient gateway", "east: remove node proxies"},
		{"east: remove node proxies", "east: remove node agents"},
		{"east: remove node agents", "east: remove control plane"},
		{"east: remove control plane", "east: remove configuration"},
		{"east: remove configuration", "east: remove CRDs"},
	}...)

	t.Run("is refused while others are enrolled", func(t *testing.T) {
		shop, other := object.NamespaceRef("shop"), object.NamespaceRef("other")
		pod := object.Ref{Kind: "Pod", Namespace: "x", Name: "y"}
		var got []string
		for _, f := range check.Preflight(p, check.Inspection{"east": {Enrolled: []object.Ref{shop, other, pod}}, "west": {Enrolled: []object.Ref{shop}}}) {
			if f.ID == "ambient/enrolled" {
				got = append(got, f.Cluster+": "+f.Message)
			}
		}
		want := []string{"east: Namespace other and 1 more object are enrolled in the ambient mesh, and the proxies of their nodes are to go: they would lose their network"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("leaves the CRDs that others use", func(t *testing.T) {
		for _, l := range w.Clusters {
			l.Remains.InUse = []object.Ref{{Group: object.GatewayAPIGroup, Kind: "Gateway", Namespace: "shop", Name: "theirs"}}
		}
		for _, crds := range []bool{false, true} {
			p := NewPlan(desired.Departing(m), w, plan.Options{CRDs: crds})
			gone := map[bool]int{}
			for _, ch := range p.Clusters[0].Changes {
				if object.IsCRD(ch.Object) && ch.Action == plan.Delete {
					gone[object.IsGatewayAPI(ch.Object)]++
				}
			}
			if gone[true] != 0 || gone[false] == 0 {
				t.Errorf("--crds=%t: CRDs that are deleted: %d of the Gateway API, %d of Istio", crds, gone[true], gone[false])
			}
		}
	})
}

// TestGatewayAPIIsShared: CRDs of the Gateway API are made where there are none, and never
// taken over.
func TestGatewayAPIIsShared(t *testing.T) {
	d := wantedAmbient(t, ambientMesh, ambientBase)
	crds, err := desired.GatewayAPICRDs()
	if err != nil {
		t.Fatal(err)
	}
	crd := crds[0]
	with := func(bundle, channel string, managers ...string) *unstructured.Unstructured {
		o := fixture.ManagedBy(crd, "u", managers...)
		o.SetLabels(map[string]string{object.LabelMesh: "m"})
		o.SetAnnotations(map[string]string{desired.AnnotationBundle: bundle, desired.AnnotationChannel: channel})
		return o
	}
	tests := map[string]struct {
		live *unstructured.Unstructured
		want string
	}{
		"none":                               {nil, "create"},
		"one of somebody else, however old":  {with("v1.2.0", "standard", "kubectl"), "keep kubectl"},
		"ours":                               {with(desired.GatewayAPIVersion, "standard", object.FieldManager), "keep"},
		"ours, and older":                    {with("v1.5.1", "standard", object.FieldManager), "update"},
		"ours, and somebody has put a newer": {with("v1.7.0", "standard", object.FieldManager, "helm"), "keep helm"},
		"ours, and somebody has moved it":    {with(desired.GatewayAPIVersion, "experimental", object.FieldManager, "helm"), "keep helm"},
	}
	for name, tt := range tests {
		for _, adopt := range []bool{false, true} {
			w := EmptyWorld(d)
			ref := object.RefOf(crd)
			seen := world.Observed{Object: tt.live}
			if tt.live != nil {
				seen.Dry = with(desired.GatewayAPIVersion, "standard", object.FieldManager)
			}
			w.Clusters[0].Objects[ref] = seen
			p := NewPlan(d, w, plan.Options{Adopt: adopt})
			ch := p.Clusters[0].Planned(ref)
			if got := strings.TrimSpace(string(ch.Action) + " " + ch.Theirs); got != tt.want {
				t.Errorf("%s, adopt %t: got %q, want %q", name, adopt, got, tt.want)
			}
			for _, f := range check.Preflight(p, nil) {
				if f.Object == ref {
					t.Errorf("%s, adopt %t: %s: %s", name, adopt, f.ID, f.Message)
				}
			}
		}
	}
}

func TestAmbientChecks(t *testing.T) {
	d := wantedAmbient(t, ambientMesh, ambientBase)
	east := func(name, class, network string) *unstructured.Unstructured {
		return fixture.ManagedBy(object.New(object.GatewayAPIGroup+"/v1", "Gateway", "x", name, map[string]any{"labels": map[string]any{object.LabelNetwork: network}},
			map[string]any{"spec": map[string]any{"gatewayClassName": class}}), "u", "kubectl")
	}
	w := EmptyWorld(d)
	for _, l := range w.Clusters {
		shop := object.New("v1", "Namespace", "", "shop", map[string]any{"labels": map[string]any{object.LabelDataplane: "none"}}, nil)
		l.Objects[object.NamespaceRef("shop")] = world.Observed{Object: fixture.ManagedBy(shop, "s", "kubectl")}
	}
	old := crdWithout(t, "v1")
	w.Clusters[1].Objects[object.RefOf(old)] = world.Observed{Object: old}
	var got []string
	for _, f := range check.Preflight(NewPlan(d, w, plan.Options{}), check.Inspection{"east": {Gateways: []*unstructured.Unstructured{
		east("second-of-east", "istio-east-west", "east"), east("of-another-mesh", "istio-east-west", "north"),
		east("of-the-user", "istio", "east"), east("told-of-west", "istio-remote", "west"), east("told-of-itself", "istio-remote", "east"),
	}}, "west": {}}) {
		if strings.HasPrefix(f.ID, "ambient") || strings.HasPrefix(f.ID, "gateway-api") {
			got = append(got, f.Cluster+" "+f.ID+": "+f.Message)
		}
	}
	const claimed = " ambient/claimed: namespace shop is listed in ambient, but somebody has labelled it istio.io/dataplane-mode=none"
	want := []string{
		"east" + claimed,
		"east ambient-gateway/candidates: Gateway x/second-of-east is a second gateway of network east, beside that of east: an arbitrary one is used",
		"east ambient-gateway/candidates: Gateway x/told-of-west is a second gateway of network west, beside that of west: an arbitrary one is used",
		"west" + claimed,
		"west gateway-api/served: " + object.RefOf(old).String() + ", managed by kubectl, does not serve v1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAmbientRotation: from the step on for which ztunnels have to be restarted, topology.yaml
// has to ask for a rotation.
func TestAmbientRotation(t *testing.T) {
	const asked = "ambient: {experimental: [root-rotation]}\n"
	tests := map[string]struct {
		base, mode string
		phase      certs.Phase
		want       []string
	}{
		"led back":              {ambientBase, "", certs.OldOnly, nil},
		"both are trusted":      {ambientBase, "", certs.TrustBoth, []string{"east ambient/restart", "west ambient/restart"}},
		"the new one signs":     {ambientBase, "", certs.SignNew, []string{"east ambient/rotation", "west ambient/rotation"}},
		"asked for":             {ambientBase, asked, certs.SignNew, nil},
		"asked for, both":       {ambientBase, asked, certs.TrustBoth, []string{"east ambient/restart", "west ambient/restart"}},
		"sidecars":              {TestBase, "", certs.SignNew, nil},
		"the old one goes":      {ambientBase, "", certs.NewOnly, []string{"east ambient/rotation", "west ambient/rotation"}},
		"asked for, to the end": {ambientBase, asked, certs.NewOnly, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := wantedAmbient(t, strings.Replace(ambientMesh, "ambient: {namespaces: [shop]}\n", tt.mode, 1), tt.base)
			r, err := certs.NewRotation(tt.phase, testRoot(), otherRoot())
			if err != nil {
				t.Fatal(err)
			}
			d.Rotation, d.Root = r, r.Root()
			p := NewPlan(d, EmptyWorld(d), plan.Options{})
			var got []string
			for _, f := range check.Preflight(p, nil) {
				if strings.HasPrefix(f.ID, "ambient/r") {
					got = append(got, f.Cluster+" "+f.ID)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAmbientTokens: some istiods tell ztunnels what they knew of a cluster before they got a
// new token for it.
func TestAmbientTokens(t *testing.T) {
	tests := map[string]struct {
		tag, base string
		want      int
	}{
		"the first that does not":   {"1.30.4", ambientBase, 0},
		"the next minor":            {"1.31.0", ambientBase, 0},
		"its first candidate":       {"1.31.0-rc.0", ambientBase, 1},
		"its second candidate":      {"1.31.0-rc.1", ambientBase, 0},
		"another image of it":       {"1.31.0-distroless", ambientBase, 0},
		"one before":                {"1.30.3", ambientBase, 1},
		"one before, with sidecars": {"1.30.3", TestBase, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := wantedAmbient(t, "mesh_id: m\n"+strings.SplitN(ambientMesh, "\n", 3)[2], tt.base)
			w := appliedWorld(t, d)
			edit(w.Cluster("east"), object.IstiodRef("istio-system"), func(o map[string]any) {
				_ = unstructured.SetNestedSlice(o, []any{map[string]any{"name": "discovery", "image": "docker.io/istio/pilot:" + tt.tag}}, "spec", "template", "spec", "containers")
			})
			p := NewPlan(d, w, plan.Options{Access: &plan.Access{Change: plan.RenewTokens, Consumer: "east"}})
			if got := len(p.Refusals); got != tt.want {
				t.Errorf("got %v, want %d refusals", p.Refusals, tt.want)
			}
		})
	}
}

// crdWithout is a CRD of somebody else that does not serve a version.
func crdWithout(t *testing.T, version string) *unstructured.Unstructured {
	t.Helper()
	crds, err := desired.GatewayAPICRDs()
	if err != nil {
		t.Fatal(err)
	}
	out := fixture.ManagedBy(crds[0], "u", "kubectl")
	versions, _, _ := unstructured.NestedSlice(out.Object, "spec", "versions")
	versions = slices.DeleteFunc(versions, func(v any) bool { return v.(map[string]any)["name"] == version })
	if err := unstructured.SetNestedSlice(out.Object, versions, "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	return out
}
