package apply

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/component"
	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/internal/fixture"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
	"github.com/setup-mesh/setup-mesh/pkg/topology/manifest"
)

// The tests of what decides need no API server: a desired mesh of a few
// objects, and a world in memory in which an apply went well.

var testNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// twoClusters is a mesh of two networks, so that each cluster has a gateway.
const twoClusters = "mesh_id: m\ncontexts: {kind-east: {network: n1, name: east}, kind-west: {network: n2, name: west}}\n"

// OneNetwork has no gateways, and a cluster that takes no part in discovery.
const OneNetwork = "mesh_id: m\ncontexts: {kind-a: {network: n, name: a}, kind-b: {network: n, name: b}, kind-c: {network: n, name: c, disableRegistryJoin: true}}\n"

// sharedControlPlane is a primary that serves a remote cluster of another
// network, and one that is on its own.
const sharedControlPlane = `mesh_id: m
contexts:
  kind-east: {network: n1, name: east}
  kind-west: {network: n2, name: west, primaries: [kind-east]}
  kind-north: {network: n1, name: north}
`

const TestBase = "apiVersion: install.istio.io/v1alpha2\nkind: IstioControlPlane\nspec:\n  profile: default\n"

// newTestRoot makes a root; newTestRoots makes one that all tests share, and
// another.
func newTestRoot() *certs.Root {
	cert, key, err := certs.NewRoot(rand.Reader, testNow.Add(-time.Hour), "m", "example.com")
	if err != nil {
		panic(err)
	}
	root, err := certs.ParseRoot(cert, &key)
	if err != nil {
		panic(err)
	}
	return root
}

var testRoot, otherRoot = sync.OnceValue(newTestRoot), sync.OnceValue(newTestRoot)

// withoutKey is the root as a machine has it that must not sign.
func withoutKey(t *testing.T, r *certs.Root) *certs.Root {
	t.Helper()
	public, err := certs.ParseRoot(r.PEM(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// WantedMesh is what the files ask for, with a handful of objects in the place
// of what the charts render.
func WantedMesh(t *testing.T, mesh, base string) *desired.Desired {
	t.Helper()
	m, err := topology.ParseMesh("topology.yaml", []byte(mesh), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := manifest.ParseBase("base.yaml", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	d := &desired.Desired{MeshID: m.ID, TrustDomain: m.TrustDomain, Root: testRoot(), InjectedNamespaces: m.InjectedNamespaces}
	for _, c := range m.Clusters {
		manifest, _ := manifest.New(m, b, c, manifest.Release{Hub: "docker.io/istio", Tag: "1.31.0"})
		d.Clusters = append(d.Clusters, desired.ClusterOf(m, c, manifest))
	}
	for _, c := range d.Clusters {
		c.Items = chartItems(t, d.MeshID, c)
		w := &desired.Wants{Desired: d, Cluster: c}
		if component.Wants(w); w.Err != nil {
			t.Fatal(w.Err)
		}
	}
	return d
}

func chartItems(t *testing.T, mesh string, c *desired.Cluster) []*desired.Item {
	t.Helper()
	ns := c.Member.Namespace
	var items []*desired.Item
	add := func(comp order.Component, gateway bool, o *unstructured.Unstructured) {
		about := desired.GatewaySubject(object.RefOf(o))
		if comp != order.Gateway {
			about = order.Subject{Component: comp, Part: desired.PartOf(object.RefOf(o), gateway)}
		}
		it, err := desired.NewItem(about, mesh, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
	if !c.Member.Remote() {
		add(order.ControlPlane, false, object.New("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "gateways.networking.istio.io", nil, nil))
		add(order.ControlPlane, false, object.New("v1", "ServiceAccount", ns, "istiod", nil, nil))
		add(order.ControlPlane, false, object.New("v1", "ServiceAccount", ns, topology.DefaultServiceAccountReader, nil, nil))
		add(order.ControlPlane, false, object.New("v1", "Service", ns, "istiod", nil, map[string]any{"spec": map[string]any{
			"type": "ClusterIP", "selector": map[string]any{"app": "istiod"},
		}}))
		add(order.ControlPlane, false, object.New("apps/v1", "Deployment", ns, "istiod", nil, map[string]any{"spec": map[string]any{
			"template": map[string]any{"spec": map[string]any{"containers": []any{
				map[string]any{"name": "discovery", "image": "docker.io/istio/pilot:1.31.0"},
			}}},
		}}))
		add(order.ControlPlane, false, object.New("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "", "istio-validator-"+ns, nil, nil))
	}
	// Any istiod injects for the cluster that the path names, and for its own one
	// where there is none.
	path := "/inject"
	if c.Member.Remote() {
		path += "/cluster/" + c.Member.Name + "/net/" + c.Member.Network
	}
	add(order.ControlPlane, false, object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", object.InjectorRef(ns).Name, nil, map[string]any{
		"webhooks": []any{map[string]any{"name": "namespace.sidecar-injector.istio.io", "clientConfig": map[string]any{
			"service": map[string]any{"name": "istiod", "namespace": ns, "path": path, "port": int64(443)},
		}}},
	}))
	if c.Gateway {
		add(order.Gateway, true, object.New("v1", "Service", ns, object.EastWestGateway, nil, map[string]any{"spec": map[string]any{"type": "LoadBalancer"}}))
		add(order.Gateway, true, object.New("apps/v1", "Deployment", ns, object.EastWestGateway, nil, nil))
	}
	return items
}

// EmptyWorld is what is read where nobody installed anything.
func EmptyWorld(d *desired.Desired) *world.World {
	w := &world.World{Now: testNow}
	for _, c := range d.Clusters {
		w.Clusters = append(w.Clusters, emptyLive(c.Member))
	}
	return w
}

func emptyLive(m record.Member) *world.Live {
	m.UID = "uid-" + m.Name
	return &world.Live{
		Member: m, Kubernetes: "v1.36.0", Objects: map[object.Ref]world.Observed{},
		Endpoint: object.Endpoint{Server: "https://" + m.Name + ".example.com:6443", CA: []byte("CA of " + m.Name)},
	}
}

// appliedWorld is the world after an apply of d that went well, gateways with
// addresses and istiods running.
func appliedWorld(t *testing.T, d *desired.Desired) *world.World {
	t.Helper()
	w := EmptyWorld(d)
	for i, c := range d.Clusters {
		if c.Gateway {
			w.Clusters[i].Reach = reachedAt("192.0.2.7")
		}
	}
	for i, c := range d.Clusters {
		for _, it := range c.Items {
			uid := fmt.Sprintf("uid-%s-%s", c.Member.Name, it.Ref)
			w.Clusters[i].Objects[it.Ref] = world.Observed{Object: fixture.ManagedBy(mintedFor(t, w, it), uid, object.FieldManager)}
		}
		l := w.Clusters[i]
		for _, ref := range []object.Ref{object.IstiodRef(l.Namespace), object.GatewayRef(l.Namespace)} {
			if l.Object(ref) != nil {
				edit(l, ref, func(o map[string]any) { o["status"] = map[string]any{"availableReplicas": int64(1)} })
			}
		}
		if c.Gateway {
			giveAddress(l)
		}
	}
	remember(t, d, w)
	return w
}

// reachedAt is where a gateway with these IP addresses is reached.
func reachedAt(ips ...string) world.Reach {
	r := world.Reach{Hosts: ips}
	for _, ip := range ips {
		r.IPs = append(r.IPs, netip.MustParseAddr(ip))
	}
	return r
}

func giveAddress(l *world.Live) {
	l.Reach = reachedAt("192.0.2.7")
	edit(l, object.GatewayServiceRef(l.Namespace), func(o map[string]any) {
		o["status"] = map[string]any{"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": "192.0.2.7"}}}}
	})
}

// remember writes every record as an apply does that did all of it.
func remember(t *testing.T, d *desired.Desired, w *world.World) {
	t.Helper()
	p := NewPlan(d, w, plan.Options{})
	members := p.Members((*plan.Cluster).WillGo)
	for i, c := range p.Clusters {
		if c.Unreached != "" || c.Leaving {
			continue
		}
		o, err := c.RecordAfter(d.MeshID, members, func(plan.Change) bool { return true }).Object(c.Namespace)
		if err != nil {
			t.Fatal(err)
		}
		if w.Clusters[i].Record, err = record.Parse(o); err != nil {
			t.Fatal(err)
		}
		w.Clusters[i].RecordVersion = "1"
	}
}

// mintedFor is what an apply sends for it.
func mintedFor(t *testing.T, w *world.World, it *desired.Item) *unstructured.Unstructured {
	t.Helper()
	switch late := it.Late.(type) {
	case *desired.Intermediate:
		c, err := late.Mint(t.Context(), desired.Minter{World: w, Random: rand.Reader, Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		return c.Put(it.Object)
	case *desired.RemoteAccess:
		source := w.Cluster(late.From.Name)
		b, err := desired.EncodeRemoteKubeconfig(source.Name, source.Endpoint, certs.NewSecret([]byte("token of "+late.Consumer)))
		if err != nil {
			t.Fatal(err)
		}
		grant := object.SecretRef(late.From.Namespace, object.GrantPrefix+late.Consumer)
		account := desired.AccountRef(late.From.Namespace, late.Account)
		notes := map[string]string{
			desired.AnnotationGrant:   fmt.Sprintf("uid-%s-%s", source.Name, grant),
			desired.AnnotationAccount: fmt.Sprintf("uid-%s-%s", source.Name, account),
			desired.AnnotationIssued:  testNow.Format(time.RFC3339),
			desired.AnnotationExpires: testNow.Add(desired.TokenLifetime).Format(time.RFC3339),
		}
		if late.Serves {
			notes[desired.AnnotationServes] = "true"
		}
		return desired.SecretContent(map[string][]byte{source.Name: b}, notes).Put(it.Object)
	case *desired.PrimaryEndpoints:
		return desired.Content{Fields: w.Cluster(late.Primary).Reach.Endpoints().Fields()}.Put(it.Object)
	}
	return it.Object
}

// edit changes an object that is there.
func edit(l *world.Live, ref object.Ref, change func(o map[string]any)) {
	seen := l.Objects[ref]
	seen.Object = seen.Object.DeepCopy()
	change(seen.Object.Object)
	l.Objects[ref] = seen
}

// drift changes an object as manager would with kubectl, who then owns the
// fields under spec; the dry run says what an apply makes of it.
func drift(l *world.Live, ref object.Ref, manager string, change func(spec map[string]any)) {
	was := l.Objects[ref].Object
	edit(l, ref, func(o map[string]any) {
		spec, _ := o["spec"].(map[string]any)
		spec = maps.Clone(spec)
		change(spec)
		o["spec"] = spec
	})
	seen := l.Objects[ref]
	owned := metav1.ManagedFieldsEntry{Manager: manager, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)}
	seen.Object.SetManagedFields(append(seen.Object.GetManagedFields(), owned))
	seen.Dry = was
	l.Objects[ref] = seen
}

// setData replaces one value of a Secret.
func setData(o map[string]any, key string, value []byte) {
	data := map[string]any{}
	if old, ok := o["data"].(map[string]any); ok {
		data = maps.Clone(old)
	}
	data[key] = base64.StdEncoding.EncodeToString(value)
	o["data"] = data
}
