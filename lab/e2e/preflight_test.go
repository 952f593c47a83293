package e2e

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/lab"
)

// TestE2EPreflight has two clusters, and one thing after the other that speaks against an apply: it is told before the
// first write, and nothing is written. Then a user with few permissions asks for those that are missing, and takes the
// mesh from its beginning to its end with them.
func TestE2EPreflight(t *testing.T) {
	needsLab(t)
	p := &preflight{journey: newJourney(t, lab.Options{Clusters: 2, Networks: []string{"network-a", "network-b"}})}
	p.inOrder(t, []step{
		{"Before", p.takeStock},
		{"LoopbackAddressOfANode", p.loopback},
		{"RangesOverlap", p.overlap},
		{"IstioOfSomebodyElse", p.foreignIstio},
		{"MayNotEvenLook", p.mayNotLook},
		{"PermissionsForAnApply", p.mayApply},
		{"PermissionsForAChange", p.mayChange},
		{"NothingToChangeIsNotAsked", p.notAsked},
		{"PermissionsForATeardown", p.mayTearDown},
		{"RolesOfWhoHoldsThemAll", p.holdsAll},
	})
}

type preflight struct {
	*journey
	rules []rbacv1.PolicyRule // of Istio's roles in east-1
}

const (
	onTwoNetworks = east1 + ": {network: network-a}\n  " + east2 + ": {network: network-b}"
	onOneNetwork  = east1 + ": {network: flat}\n  " + east2 + ": {network: flat}"
)

// refused wants an apply to be refused for reasons with these words, all at once, and to write nothing.
func (p *preflight) refused(t *testing.T, args []string, words ...string) {
	t.Helper()
	before := p.versions(t)
	wantWords(t, p.run(t, 1, append([]string{"apply", "--yes"}, args...)...), append(words, "nothing was applied")...)
	wantSame(t, before, p.versions(t))
}

func (p *preflight) loopback(t *testing.T) {
	p.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	p.topology(t, onTwoNetworks)
	r := wantCode(t, 1, p.do(t, with(p.command(t.Context(), "plan"), "SETUP_MESH_ALLOW_LOOPBACK=")))
	wantWords(t, r, "fix these 2 problems first", "contexts."+east1+".apiServer.server: https://10.0.0.1:6443", "contexts."+east2+".apiServer.server: https://10.0.0.2:6443")
	p.run(t, 0, "plan")
}

// overlap gives the clusters ranges in common, and then one network.
func (p *preflight) overlap(t *testing.T) {
	ctx, first, second := context.Background(), p.clusters[east1], p.clusters[east2]
	nodes, err := first.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods := nodes.Items[0].Spec.PodCIDR
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "borrowed"}, Spec: corev1.NodeSpec{PodCIDR: pods, PodCIDRs: []string{pods}}}
	if _, err := second.kube.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	services := &networkingv1.ServiceCIDR{ObjectMeta: metav1.ObjectMeta{Name: "borrowed"}, Spec: networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.97.128.0/24"}}}
	if _, err := second.kube.NetworkingV1().ServiceCIDRs().Create(ctx, services, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	wantWords(t, p.run(t, 0, "plan"), "2 networks") // which have no addresses in common

	p.topology(t, onOneNetwork)
	p.refused(t, nil, "fix this problem first", "east-2 shares network flat with east-1, and the IP ranges of their pods overlap: "+pods+" and "+pods, "--allow-overlap",
		"the IP ranges of their Services overlap: 10.97.128.0/24 and 10.97.0.0/16")
	r := p.run(t, 0, "plan", "--allow-overlap")
	wantWords(t, r, "the IP ranges of their Services overlap")
	if strings.Contains(r.stdout+r.stderr, "their pods") {
		t.Errorf("it was allowed, and is told all the same:\n%s", r)
	}
	if err := second.kube.CoreV1().Nodes().Delete(ctx, node.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := second.kube.NetworkingV1().ServiceCIDRs().Delete(ctx, services.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	wantWords(t, p.run(t, 0, "plan"), "1 network,")
	p.topology(t, onTwoNetworks)
}

// istiodOf is an istiod as helm installs it, with nobody to run it.
func istiodOf(name, release string, labels map[string]string) *appsv1.Deployment {
	none := int32(0)
	labels["app"] = "istiod"
	selector := map[string]string{"istio": "pilot"} // as in Istio's chart: it cannot be changed
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: map[string]string{"meta.helm.sh/release-name": release}},
		Spec: appsv1.DeploymentSpec{
			Replicas: &none, Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: selector}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "discovery", Image: "docker.io/istio/pilot:1.30.2"}}}},
		},
	}
}

// foreignIstio has helm install an Istio into east-1, and one of a revision into a namespace of its own.
func (p *preflight) foreignIstio(t *testing.T) {
	ctx, c := context.Background(), p.clusters[east1]
	helm := metav1.CreateOptions{FieldManager: "helm"}
	for _, ns := range []string{"istio-system", "istio-canary"} {
		if _, err := c.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, helm); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.kube.AppsV1().Deployments("istio-system").Create(ctx, istiodOf("istiod", "istiod", map[string]string{"istio.io/rev": "default"}), helm); err != nil {
		t.Fatal(err)
	}
	if _, err := c.kube.AppsV1().Deployments("istio-canary").Create(ctx, istiodOf("istiod-canary", "canary", map[string]string{"istio.io/rev": "canary"}), helm); err != nil {
		t.Fatal(err)
	}
	settings := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "istio"}, Data: map[string]string{"mesh": "{}"}}
	if _, err := c.kube.CoreV1().ConfigMaps("istio-system").Create(ctx, settings, helm); err != nil {
		t.Fatal(err)
	}
	p.refused(t, nil, "fix this problem first",
		"east-1: found an Istio 1.30.2: Deployment istio-system/istiod and 1 more object, installed by helm (release istiod)", "--adopt",
		"found an Istio 1.30.2: Deployment istio-canary/istiod-canary (revision canary), installed by helm (release canary)")
	wantWords(t, p.run(t, 0, "plan", "--adopt"), "an Istio 1.30.2 is taken over: Deployment istio-system/istiod, installed by helm (release istiod)")
	for _, ns := range []string{"istio-system", "istio-canary"} {
		if err := c.kube.CoreV1().Namespaces().Delete(ctx, ns, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	p.wantAsBefore(t, east1)
}

// mayNotLook makes the user of east-1 an account that may do nothing, and then lets it read all but what is for us to
// ask for.
func (p *preflight) mayNotLook(t *testing.T) {
	ctx, c := context.Background(), p.clusters[east1]
	if _, err := c.kube.CoreV1().ServiceAccounts("default").Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "mia"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	hours := int64(3600)
	token, err := c.kube.CoreV1().ServiceAccounts("default").CreateToken(ctx, "mia", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hours}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.editKubeconfig(t, func(k *api.Config) { k.AuthInfos[k.Contexts[east1].AuthInfo].Token = token.Status.Token })
	before := p.versions(t)
	r := p.run(t, 3, "plan")
	wantWords(t, r, "east-1", "not reached", "is forbidden", "fix:", "get and list", "kind: ClusterRole", "name: mia")
	p.grant(t, yamlIn(t, r.stdout))
	eventually(t, "mia may look", func(ctx context.Context) error {
		r := p.do(t, p.command(ctx, "plan"))
		return errorIf(!strings.Contains(r.stderr, "lacks permissions"), "%s", r)
	})
	wantSame(t, before, p.versions(t))
}

// mayApply wants one list of what is missing for an apply; with it, the apply goes to its end.
func (p *preflight) mayApply(t *testing.T) {
	p.refused(t, nil, "fix this problem first", "east-1: the user of context "+east1+" lacks permissions for these changes", "kubectl apply -f", "escalate and bind roles")
	p.granted(t, "plan")
	wantWords(t, p.run(t, 0, "apply", "--yes"), "2 of 2 clusters discover each other")
	wantWords(t, p.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
	// Whether pods are injected is not known to a user who may not make any.
	wantWords(t, p.run(t, 2, "status"), "control-plane/injection")
}

// mayChange takes the leave to patch away again: an update is refused without it, once, and not object by object.
func (p *preflight) mayChange(t *testing.T) {
	p.editRoles(t, func(r rbacv1.PolicyRule, verb string) bool {
		return verb == "patch" && slices.Contains(r.Resources, "configmaps")
	})
	base := p.read(t, "base.yaml")
	p.write(t, "base.yaml", strings.Replace(base, "spec:\n  profile:", "spec:\n  meshConfig:\n    accessLogFile: /dev/stdout\n  profile:", 1))
	eventually(t, "mia may not patch any more", func(ctx context.Context) error {
		r := p.do(t, p.command(ctx, "plan"))
		return errorIf(!strings.Contains(r.stderr, "fix this problem first"), "%s", r)
	})
	detail := p.granted(t, "plan")
	for _, want := range []string{"kind: Role\n", "namespace: istio-system", "configmaps", "patch"} {
		if !strings.Contains(detail, want) {
			t.Errorf("%q is missing in\n%s", want, detail)
		}
	}
	if strings.Contains(detail, "ClusterRole") {
		t.Errorf("what is missing is in a namespace that is there, and granted for all of them:\n%s", detail)
	}
	wantWords(t, p.run(t, 0, "apply", "--yes"), "Applied:")
}

// notAsked: a plan with nothing to change asks nobody for permissions.
func (p *preflight) notAsked(t *testing.T) {
	for name, c := range p.clusters {
		before := reviews(t, c)
		wantWords(t, p.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
		if after := reviews(t, c); before == 0 || after != before {
			t.Errorf("%s: %d reviews of permissions, and %d after a plan with nothing to change", name, before, after)
		}
	}
}

// reviews counts how often the API server of c was asked what its caller may do.
func reviews(t *testing.T, c *cluster) int {
	t.Helper()
	b, err := c.kube.RESTClient().Get().AbsPath("/metrics").DoRaw(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, "apiserver_request_total{") || !strings.Contains(line, `resource="selfsubjectaccessreviews"`) {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]))
		if err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		sum += n
	}
	return sum
}

// mayTearDown: a teardown has to look for what others made of Istio's kinds, and to delete, which nothing before did.
func (p *preflight) mayTearDown(t *testing.T) {
	p.keepRules(t)
	before := p.versions(t)
	r := p.run(t, 1, "teardown") // which nobody is there to confirm
	wantWords(t, r, "the user of the context may not read", "VirtualService", "get and list", "--yes applies without asking")
	p.grant(t, yamlIn(t, r.stdout))
	eventually(t, "mia may look", func(ctx context.Context) error {
		r := p.do(t, p.command(ctx, "teardown"))
		return errorIf(r.code != 1 || !strings.Contains(r.stderr, "lacks permissions") || !strings.Contains(r.stderr, "delete"), "%s", r)
	})
	wantSame(t, before, p.versions(t))
	p.granted(t, "teardown", "--yes")
	for _, c := range p.clusters {
		eventually(t, "Istio has left", func(ctx context.Context) error {
			_, err := c.kube.CoreV1().Namespaces().Get(ctx, "istio-system", metav1.GetOptions{})
			return errorIf(!apierrors.IsNotFound(err), "namespace istio-system: %v", err)
		})
	}
}

// keepRules notes what is in the roles that setup-mesh has put into east-1.
func (p *preflight) keepRules(t *testing.T) {
	ctx, rbac := context.Background(), p.clusters[east1].kube.RbacV1()
	ours := metav1.ListOptions{LabelSelector: "setup-mesh.io/mesh"}
	wide, err := rbac.ClusterRoles().List(ctx, ours)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range wide.Items {
		p.rules = append(p.rules, r.Rules...)
	}
	narrow, err := rbac.Roles("istio-system").List(ctx, ours)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range narrow.Items {
		p.rules = append(p.rules, r.Rules...)
	}
	if len(wide.Items) < 2 || len(narrow.Items) < 1 {
		t.Fatalf("%d ClusterRoles and %d Roles are less than Istio has", len(wide.Items), len(narrow.Items))
	}
}

// holdsAll: who holds all that is in Istio's roles needs no leave to escalate, and a plan knows that. To bind them is
// another thing, since they are not there yet.
func (p *preflight) holdsAll(t *testing.T) {
	ctx, rbac := context.Background(), p.clusters[east1].kube.RbacV1()
	p.editRoles(t, func(_ rbacv1.PolicyRule, verb string) bool { return verb == "escalate" || verb == "bind" })
	eventually(t, "mia may not escalate any more", func(ctx context.Context) error {
		r := p.do(t, p.command(ctx, "plan"))
		return errorIf(!strings.Contains(r.stderr, "verbs: [bind, escalate]"), "%s", r)
	})
	istio := metav1.ObjectMeta{Name: "as-istio"}
	if _, err := rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: istio, Rules: p.rules}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.ClusterRoleBinding{ObjectMeta: istio, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: istio.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "mia", Namespace: "default"}}}
	if _, err := rbac.ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "mia needs not to escalate", func(ctx context.Context) error {
		r := p.do(t, p.command(ctx, "plan"))
		return errorIf(r.code != 1 || strings.Contains(r.stderr, "escalate"), "%s", r)
	})
	wantWords(t, p.run(t, 1, "plan"), "verbs: [bind]")
	p.granted(t, "plan")
	wantWords(t, p.run(t, 0, "apply", "--yes"), "2 of 2 clusters discover each other")
}

// editRoles takes verbs out of what mia was granted for the whole cluster.
func (p *preflight) editRoles(t *testing.T, out func(r rbacv1.PolicyRule, verb string) bool) {
	t.Helper()
	ctx, roles := context.Background(), p.clusters[east1].kube.RbacV1().ClusterRoles()
	list, err := roles.List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range list.Items {
		if !strings.HasPrefix(role.Name, "setup-mesh-") {
			continue
		}
		for i, rule := range role.Rules {
			role.Rules[i].Verbs = slices.DeleteFunc(rule.Verbs, func(v string) bool { return out(rule, v) })
		}
		if _, err := roles.Update(ctx, &role, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// granted has an administrator of east-1 apply what a command prints for the user to be granted, and runs the command
// again. It returns what was printed.
func (p *preflight) granted(t *testing.T, command ...string) string {
	t.Helper()
	detail := yamlIn(t, p.run(t, 1, command...).stderr)
	p.grant(t, detail)
	eventually(t, "the permissions are there", func(ctx context.Context) error {
		r := p.do(t, p.command(ctx, command...))
		return errorIf(r.code != 0, "%s", r)
	})
	return detail
}

// grant applies printed YAML as it is, indentation and all.
func (p *preflight) grant(t *testing.T, text string) {
	t.Helper()
	var list unstructured.UnstructuredList
	var content map[string]any
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	list.SetUnstructuredContent(content)
	if list.GetKind() != "List" || len(list.Items) == 0 {
		t.Fatalf("no list of objects:\n%s", text)
	}
	for _, o := range list.Items {
		gvr := schema.GroupVersionResource{Group: rbacv1.GroupName, Version: "v1", Resource: strings.ToLower(o.GetKind()) + "s"}
		if _, err := p.clusters[east1].dynamic.Resource(gvr).Namespace(o.GetNamespace()).Create(context.Background(), &o, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
}

// yamlIn cuts the list of objects out of what was printed.
func yamlIn(t *testing.T, text string) string {
	t.Helper()
	const first = "apiVersion: v1\n"
	at := strings.Index(text, first)
	if at < 0 {
		t.Fatalf("no YAML in\n%s", text)
	}
	start := strings.LastIndexByte(text[:at], '\n') + 1
	indent := text[start:at]
	var b strings.Builder
	for line := range strings.Lines(text[start:]) {
		if !strings.HasPrefix(line, indent) {
			break
		}
		b.WriteString(line)
	}
	return b.String()
}
