package e2e

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EShared keeps the Services of namespace shop, which run in east-1, present in east-2, and those of billing,
// which both have.
func TestE2EShared(t *testing.T) {
	needsLab(t)
	s := &shared{newJourney(t, lab.Options{Clusters: 2, Networks: []string{"flat", "flat"}})}
	s.inOrder(t, []step{
		{"Before", s.occupied},
		{"Apply", s.firstApply},
		{"ServicesAreThere", s.copies},
		{"EndpointsOfTheOtherCluster", s.endpoints},
		{"OriginalChanges", s.originalChanges},
		{"OriginalEnds", s.originalEnds},
		{"OriginalIsOutOfSight", s.outOfSight},
		{"NamespaceIsSharedNoMore", s.sharedNoMore},
		{"NamespaceIsSharedAgain", s.sharedAgain},
		{"CopyBecomesSomebodys", s.takenOver},
		{"NamespaceHoldsMore", s.holdsMore},
		{"ClusterLeaves", s.leaves},
		{"Teardown", s.teardown},
	})
}

type shared struct{ *journey }

// share writes topology.yaml.
func (s *shared) share(t *testing.T, namespaces string, contexts ...string) {
	t.Helper()
	if contexts == nil {
		contexts = []string{east1, east2}
	}
	text := "mesh_id: mymeshname\nsharedServices: [" + namespaces + "]\ncontexts:\n"
	for _, c := range contexts {
		text += "  " + c + ": {network: flat}\n"
	}
	s.write(t, "topology.yaml", text)
}

func newService(name string, spec corev1.ServiceSpec) *corev1.Service {
	spec.Selector = map[string]string{"app": name}
	if spec.Ports == nil {
		spec.Ports = []corev1.ServicePort{{Name: "http", Port: 80}}
	}
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}}, Spec: spec}
}

// create makes a Service of somebody's own.
func (c *cluster) create(t *testing.T, namespace string, service *corev1.Service) {
	t.Helper()
	if _, err := c.kube.CoreV1().Services(namespace).Create(context.Background(), service, metav1.CreateOptions{FieldManager: "helm"}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) service(t *testing.T, namespace, name string) *corev1.Service {
	t.Helper()
	service, err := c.kube.CoreV1().Services(namespace).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("%s: %v", c.context, err)
	}
	return service
}

// occupied gives each cluster what its users want in it.
func (s *shared) occupied(t *testing.T) {
	ctx := context.Background()
	for context, namespaces := range map[string][]string{east1: {"shop", "billing"}, east2: {"billing"}} {
		for _, name := range namespaces {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"istio-injection": "enabled"}}}
			if _, err := s.clusters[context].kube.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{FieldManager: "helm"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	east, other := s.clusters[east1], s.clusters[east2]
	hello := newService("hello", corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer})
	hello.Annotations = map[string]string{"networking.istio.io/exportTo": "*", "example.com/note": "of east-1"}
	east.create(t, "shop", hello)
	east.create(t, "shop", newService("db", corev1.ServiceSpec{ClusterIP: "None"}))
	east.create(t, "shop", newService("old", corev1.ServiceSpec{}))
	east.create(t, "billing", newService("invoice", corev1.ServiceSpec{}))
	other.create(t, "billing", newService("invoice", corev1.ServiceSpec{Type: corev1.ServiceTypeNodePort}))
	other.create(t, "billing", newService("tax", corev1.ServiceSpec{}))
	for name, c := range s.clusters {
		eventually(t, c.context+": namespaces are complete", func(ctx context.Context) error {
			if _, err := c.kube.CoreV1().ConfigMaps("billing").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{}); err != nil {
				return err
			}
			if _, err := c.kube.CoreV1().ServiceAccounts("billing").Get(ctx, "default", metav1.GetOptions{}); err != nil || c == other {
				return err
			}
			if _, err := c.kube.CoreV1().ConfigMaps("shop").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{}); err != nil {
				return err
			}
			_, err := c.kube.CoreV1().ServiceAccounts("shop").Get(ctx, "default", metav1.GetOptions{})
			return err
		})
		var err error
		if s.before[name], err = c.snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// shareChanges leaves out what a plan says about anything but Services and namespaces that are shared.
func shareChanges(p plan) map[string][]string {
	out := map[string][]string{}
	for _, c := range p.Clusters {
		for _, ch := range c.Changes {
			if ch.Component == "shared services" && ch.Action != "keep" {
				out[c.Name] = append(out[c.Name], ch.Action+" "+ch.Object.String())
			}
		}
		slices.Sort(out[c.Name])
	}
	return out
}

func (s *shared) wantPlan(t *testing.T, code int, want map[string][]string) plan {
	t.Helper()
	p := s.planJSON(t, code, "--detailed-exitcode")
	if diff := cmp.Diff(want, shareChanges(p)); diff != "" {
		t.Errorf("planned changes of shared Services (-want +got):\n%s", diff)
	}
	return p
}

func (s *shared) firstApply(t *testing.T) {
	s.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	s.share(t, "shop, billing")
	s.wantPlan(t, 2, map[string][]string{
		"east-1": {"create Service billing/tax"},
		"east-2": {"create Namespace shop", "create Service shop/db", "create Service shop/hello", "create Service shop/old"},
	})
	wantWords(t, s.run(t, 2, "plan", "--detailed-exitcode"), "+ shared services    shop: db, hello, old (from east-1)", "+ shared services    billing: tax (from east-2)")
	wantWords(t, s.run(t, 0, "apply", "--yes"), "2 of 2 clusters discover each other")
	s.settled(t)
	before := s.versions(t)
	wantWords(t, s.run(t, 0, "apply", "--yes"), "Nothing to change.")
	if diff := cmp.Diff(before, s.versions(t)); diff != "" {
		t.Errorf("an apply with nothing to change wrote (-before +after):\n%s", diff)
	}
	wantWords(t, s.run(t, 0, "status"), "The mesh is one")
}

// settled wants nothing to change after an apply.
func (s *shared) settled(t *testing.T) {
	t.Helper()
	wantWords(t, s.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
}

// copies are the Services of the other cluster, without what that cluster gave them; what somebody has is not touched.
func (s *shared) copies(t *testing.T) {
	for name, c := range s.clusters {
		after, err := c.snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"/Namespace//shop", "/Service/shop/hello", "/Service/shop/db", "/Service/billing/invoice", "/Namespace//billing", "/Service/billing/tax"} {
			if was := s.before[name][key]; was != "" && after[key] != was {
				t.Errorf("%s: %s was changed:\n%s\n%s", name, key, was, after[key])
			}
		}
	}
	other := s.clusters[east2]
	hello, db := other.service(t, "shop", "hello"), other.service(t, "shop", "db")
	if hello.Spec.Type != corev1.ServiceTypeClusterIP || hello.Spec.ClusterIP == "" || hello.Spec.Ports[0].NodePort != 0 || hello.Spec.Ports[0].Port != 80 {
		t.Errorf("the copy of hello, which is a load balancer: %+v", hello.Spec)
	}
	if hello.Annotations["networking.istio.io/exportTo"] != "*" || hello.Annotations["example.com/note"] != "" {
		t.Errorf("the copy of hello has annotations %v", hello.Annotations)
	}
	if db.Spec.ClusterIP != "None" {
		t.Errorf("the copy of db, which is headless: %+v", db.Spec)
	}
}

// endpoints: a proxy in east-2 is told where the pods of east-1 are, and one that moved, too.
func (s *shared) endpoints(t *testing.T) {
	ctx := context.Background()
	ip := map[string]string{}
	for _, name := range []string{east1, east2} {
		c := s.clusters[name]
		if _, err := c.makePod(ctx, "shop"); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ip[name] = podIP(t, c)
		want := []string{pod(ip[east1])}
		if name == east2 {
			want = append(want, pod(ip[east2]))
		}
		slices.Sort(want)
		proxy := sidecar{cluster: "east-2", network: "flat", namespace: "client", pod: "client", ip: "10.200.0.9"}
		proxy.wantEndpoints(t, s.clusters[east2].mustIstiod(t).Addresses.XDS, helloService, want)
	}
	s.settled(t)
	for name, c := range s.clusters {
		if err := c.kube.CoreV1().Pods("shop").DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+": no pods", func(ctx context.Context) error {
			pods, err := c.kube.CoreV1().Pods("shop").List(ctx, metav1.ListOptions{})
			if err == nil {
				err = errorIf(len(pods.Items) > 0, "%d pods", len(pods.Items))
			}
			return err
		})
	}
}

// originalChanges: a port more, and no cluster IP any more.
func (s *shared) originalChanges(t *testing.T) {
	ctx, services := context.Background(), s.clusters[east1].kube.CoreV1().Services("shop")
	hello := s.clusters[east1].service(t, "shop", "hello")
	hello.Spec.Ports = append(hello.Spec.Ports, corev1.ServicePort{Name: "grpc", Port: 90})
	if _, err := services.Update(ctx, hello, metav1.UpdateOptions{FieldManager: "helm"}); err != nil {
		t.Fatal(err)
	}
	if err := services.Delete(ctx, "db", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.clusters[east1].create(t, "shop", newService("db", corev1.ServiceSpec{}))
	s.wantPlan(t, 2, map[string][]string{"east-2": {"update Service shop/db", "update Service shop/hello"}})
	s.run(t, 0, "apply", "--yes")
	if ports := s.clusters[east2].service(t, "shop", "hello").Spec.Ports; len(ports) != 2 {
		t.Errorf("the copy of hello has ports %v", ports)
	}
	if ip := s.clusters[east2].service(t, "shop", "db").Spec.ClusterIP; ip == "None" || ip == "" {
		t.Errorf("the copy of db has the cluster IP %q", ip)
	}
	s.settled(t)
	s.keepShop(t)
}

// keepShop notes what the users of east-1 have changed in namespace shop.
func (s *shared) keepShop(t *testing.T) {
	t.Helper()
	inShop := func(key, content string) bool {
		return strings.HasPrefix(key, "/Service/shop/") || strings.Contains(key, "/IPAddress/") && strings.Contains(content, `"namespace":"shop"`)
	}
	now, err := s.clusters[east1].snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(s.before[east1], inShop)
	for key, content := range now {
		if inShop(key, content) {
			s.before[east1][key] = content
		}
	}
}

func (s *shared) originalEnds(t *testing.T) {
	if err := s.clusters[east1].kube.CoreV1().Services("shop").Delete(context.Background(), "old", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.keepShop(t)
	s.wantPlan(t, 2, map[string][]string{"east-2": {"delete Service shop/old"}})
	s.run(t, 0, "apply", "--yes")
	s.settled(t)
}

// outOfSight: what cannot be seen is not absent.
func (s *shared) outOfSight(t *testing.T) {
	server := ""
	s.editKubeconfig(t, func(c *api.Config) {
		cluster := c.Clusters[c.Contexts[east1].Cluster]
		server, cluster.Server = cluster.Server, "https://127.0.0.1:9"
	})
	s.wantPlan(t, 3, map[string][]string{})
	s.editKubeconfig(t, func(c *api.Config) { c.Clusters[c.Contexts[east1].Cluster].Server = server })
	s.settled(t)
}

// sharedNoMore: copies go, and with them a namespace in which nothing else is, whatever its kind.
func (s *shared) sharedNoMore(t *testing.T) {
	s.share(t, "billing")
	ctx, policies := context.Background(), s.clusters[east2].kube.NetworkingV1().NetworkPolicies("shop")
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "theirs"}}
	if _, err := policies.Create(ctx, policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.wantPlan(t, 2, map[string][]string{"east-2": {"delete Service shop/db", "delete Service shop/hello", "update Namespace shop"}})
	if err := policies.Delete(ctx, "theirs", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.wantPlan(t, 2, map[string][]string{"east-2": {"delete Namespace shop", "delete Service shop/db", "delete Service shop/hello"}})
	s.run(t, 0, "apply", "--yes")
	if _, err := s.clusters[east2].kube.CoreV1().Namespaces().Get(ctx, "shop", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("namespace shop in east-2: %v, want not found", err)
	}
	s.settled(t)
}

func (s *shared) sharedAgain(t *testing.T) {
	s.share(t, "shop, billing")
	s.wantPlan(t, 2, map[string][]string{"east-2": {"create Namespace shop", "create Service shop/db", "create Service shop/hello"}})
	s.run(t, 0, "apply", "--yes")
	s.settled(t)
}

// takenOver: somebody in east-2 applies a Service of their own over a copy. It is theirs from then on, as it is then.
func (s *shared) takenOver(t *testing.T) {
	ctx, services := context.Background(), s.clusters[east2].kube.CoreV1().Services("shop")
	theirs := applycorev1.Service("hello", "shop").WithSpec(applycorev1.ServiceSpec().
		WithSelector(map[string]string{"app": "hello"}).WithPorts(applycorev1.ServicePort().WithName("web").WithPort(8080)))
	if _, err := services.Apply(ctx, theirs, metav1.ApplyOptions{FieldManager: "kubectl", Force: true}); err != nil {
		t.Fatal(err)
	}
	was := s.clusters[east2].service(t, "shop", "hello")
	s.wantPlan(t, 2, map[string][]string{"east-2": {"update Service shop/hello"}})
	wantWords(t, s.run(t, 2, "plan", "--detailed-exitcode"), "~ shared services    shop: hello   let go: now managed by kubectl",
		"Service shop/hello has different ports than in east-1")
	s.run(t, 0, "apply", "--yes")
	now := s.clusters[east2].service(t, "shop", "hello")
	if diff := cmp.Diff(was.Spec, now.Spec); diff != "" {
		t.Errorf("what setup-mesh let go of (-before +after):\n%s", diff)
	}
	for key := range now.Annotations {
		if strings.HasPrefix(key, "setup-mesh.io/") {
			t.Errorf("it has our annotation %s still", key)
		}
	}
	for _, m := range now.ManagedFields {
		if m.Manager == fieldManager || now.Labels["setup-mesh.io/mesh"] != "" {
			t.Errorf("it is ours still: %s, labels %v", m.Manager, now.Labels)
		}
	}
	wantWords(t, s.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.", "Service shop/hello has different ports than in east-1")
}

// holdsMore: a namespace in which somebody put something stays when it is shared no more.
func (s *shared) holdsMore(t *testing.T) {
	s.share(t, "billing")
	s.wantPlan(t, 2, map[string][]string{"east-2": {"delete Service shop/db", "update Namespace shop"}})
	wantWords(t, s.run(t, 0, "apply", "--yes"), "namespace shop stays: Service shop/hello exists")
	s.settled(t)
	namespace, err := s.clusters[east2].kube.CoreV1().Namespaces().Get(context.Background(), "shop", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if namespace.Annotations["setup-mesh.io/created"] != "" || namespace.Labels["setup-mesh.io/mesh"] != "" {
		t.Errorf("it is marked as ours still: %v, %v", namespace.Labels, namespace.Annotations)
	}
	s.clusters[east2].service(t, "shop", "hello")
	// It is a namespace of theirs now, and no business of ours when it is shared again.
	s.share(t, "shop, billing")
	s.wantPlan(t, 2, map[string][]string{"east-2": {"create Service shop/db"}})
	s.run(t, 0, "apply", "--yes")
	s.deleteNamespace(t, east2, "shop")
	s.wantPlan(t, 2, map[string][]string{"east-2": {"create Namespace shop", "create Service shop/db", "create Service shop/hello"}})
	s.run(t, 0, "apply", "--yes")
	s.settled(t)
}

func (j *journey) deleteNamespace(t *testing.T, in, name string) {
	t.Helper()
	namespaces := j.clusters[in].kube.CoreV1().Namespaces()
	if err := namespaces.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "namespace "+name+" ends", func(ctx context.Context) error {
		_, err := namespaces.Get(ctx, name, metav1.GetOptions{})
		return errorIf(!apierrors.IsNotFound(err), "%v", err)
	})
}

// leaves takes east-2 out: it loses its copies, and east-1 the copy of what only east-2 had.
func (s *shared) leaves(t *testing.T) {
	s.share(t, "shop, billing", east1)
	s.wantPlan(t, 2, map[string][]string{
		"east-1": {"delete Service billing/tax"},
		"east-2": {"delete Namespace shop", "delete Service shop/db", "delete Service shop/hello"},
	})
	s.run(t, 0, "apply", "--yes")
	s.wantAsBefore(t, east2)
	s.settled(t)
	s.share(t, "shop, billing")
	s.run(t, 0, "apply", "--yes")
	s.settled(t)
}

func (s *shared) teardown(t *testing.T) {
	s.run(t, 0, "teardown", "--yes")
	for name := range s.clusters {
		s.wantAsBefore(t, name)
	}
	wantWords(t, s.run(t, 0, "teardown", "--yes"), "Nothing to change.")
}
