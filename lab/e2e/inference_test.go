package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
)

// inferences are about what Kubernetes and Istio do, which setup-mesh relies on and no document of theirs promises. A
// version in which one of them does not hold any more fails here, and not in a user's mesh.
type inferences struct {
	*journey
	primary, remote *cluster
	path            int // of the webhooks in remote, the last one's number
}

// TestE2EInferences has two clusters on two networks. The second is made remote by hand in the end: its istiod goes, and
// that of the first takes its place.
func TestE2EInferences(t *testing.T) {
	needsLab(t)
	j := newJourney(t, lab.Options{Contexts: []string{"primary", "remote"}, Networks: []string{"network-p", "network-r"}})
	i := &inferences{journey: j, primary: j.clusters["primary"], remote: j.clusters["remote"]}
	i.inOrder(t, []step{
		{"Before", i.takeStock},
		{"Install", i.install},
		{"MeshNetworksAreNotUsedBesideALabel", i.labelWins},
		{"MeshNetworksDeclareGateways", i.meshNetworks},
		{"NetworkWithoutGatewayIsReachedDirectly", i.noGateway},
		{"GatewayOfClassIstioRemoteDeclaresGateways", i.remoteGateway},
		{"GatewayOfClassIstioRemoteIsNotUsedBesideALabel", i.labelWinsAgain},
		{"RemoteLosesItsIstiod", i.loseIstiod},
		{"WebhookWithSeveralAddresses", i.severalAddresses},
		{"WebhookWithADeadAddress", i.deadAddress},
		{"AnnotationIsReadOnce", i.annotationIsReadOnce},
		{"AnnotationIsReadWithTheSecret", i.annotationIsReadWithSecret},
		{"LabHasTheGatewayThatTheClusterHas", i.gatewayOfTheLab},
	})
}

func (i *inferences) install(t *testing.T) {
	i.run(t, 0, "prep", "--mesh-id", "mymeshname", "--org", "example.com")
	i.topology(t,
		`primary: {network: network-p, overlay: {values: {pilot: {env: {EXTERNAL_ISTIOD: "true"}}}}}`,
		"remote: {network: network-r}",
	)
	wantWords(t, i.run(t, 0, "apply", "--yes"), "2 of 2 clusters discover each other")
	i.primary.exposeIstiod(t)
	i.injection(t)
}

// loseIstiod leaves in remote what a remote cluster has.
func (i *inferences) loseIstiod(t *testing.T) {
	ctx := context.Background()
	services := i.remote.kube.CoreV1().Services("istio-system")
	if err := errors.Join(
		i.remote.kube.AppsV1().Deployments("istio-system").Delete(ctx, "istiod", metav1.DeleteOptions{}),
		services.Delete(ctx, "istiod", metav1.DeleteOptions{}),
	); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no istiod in remote", func(ctx context.Context) error {
		members, err := i.lab.Clusters(ctx)
		if err != nil {
			return err
		}
		return errorIf(len(members[1].Istiods) > 0, "istiods are %+v", members[1].Istiods)
	})
	if _, err := services.Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "istiod"},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{
			{Name: "tcp-istiod", Port: 15012}, {Name: "tcp-webhook", Port: 443},
		}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	i.grantLeading(t)
}

// grantLeading gives those who read remote the rights that profile remote gives them beside.
// https://github.com/istio/istio/blob/1.31.0/manifests/charts/istio-control/istio-discovery/templates/reader-clusterrole.yaml
func (i *inferences) grantLeading(t *testing.T) {
	t.Helper()
	ctx, rbac := context.Background(), i.remote.kube.RbacV1()
	meta := metav1.ObjectMeta{Name: "leading"}
	_, err := rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create", "get", "list", "watch", "update"}},
		{APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"mutatingwebhookconfigurations"},
			Verbs: []string{"get", "list", "watch", "update", "patch"}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "leading"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "istio-system", Name: "istio-reader-service-account"}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// annotationIsReadOnce: that an istiod with EXTERNAL_ISTIOD is to lead in a cluster, it decides once, when it begins to
// read the cluster. Then the annotation topology.istio.io/controlPlaneClusters must be there already.
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/multicluster.go (initializeCluster, checkShouldLead)
func (i *inferences) annotationIsReadOnce(t *testing.T) {
	ctx := context.Background()
	i.wantDecisions(t, "false")
	i.forgetCABundle(t)
	namespaces := i.remote.kube.CoreV1().Namespaces()
	annotation := []byte(`{"metadata":{"annotations":{"topology.istio.io/controlPlaneClusters":"primary"}}}`)
	if _, err := namespaces.Patch(ctx, "istio-system", types.MergePatchType, annotation, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}

	// Once istiod has seen a Service that is younger than the annotation, it had the time to see that as well.
	if _, err := namespaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "late"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := i.remote.kube.CoreV1().Services("late").Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "late"},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "istiod of primary knows Service late/late", func(ctx context.Context) error {
		var known []struct {
			Hostname string `json:"hostname"`
		}
		if err := getJSON(ctx, "http://"+i.primary.mustIstiod(t).Addresses.Monitoring+"/debug/registryz", &known); err != nil {
			return err
		}
		for _, s := range known {
			if s.Hostname == "late.late.svc.cluster.local" {
				return nil
			}
		}
		return fmt.Errorf("it knows %d others", len(known))
	})
	i.wantDecisions(t, "false")
	if root, err := i.remote.kube.CoreV1().ConfigMaps("late").Get(ctx, "istio-ca-root-cert", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("namespace late of remote has a root certificate: %v %v", root.Data, err)
	}
	if bundles := i.caBundles(t); len(strings.Join(bundles, "")) > 0 {
		t.Errorf("the webhooks of remote have the CA bundles %q", bundles)
	}
}

// annotationIsReadWithSecret: a remote secret that changes makes istiod read the cluster anew, and the annotation with it.
// https://github.com/istio/istio/blob/1.31.0/pkg/kube/multicluster/secretcontroller.go (addSecret)
func (i *inferences) annotationIsReadWithSecret(t *testing.T) {
	ctx := context.Background()
	s := i.primary.secret(t, "istio-system", "istio-remote-secret-remote")
	s.Data["remote"] = append(s.Data["remote"], "\n# again\n"...)
	if _, err := i.primary.kube.CoreV1().Secrets("istio-system").Update(ctx, s, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "root certificate in remote", func(ctx context.Context) error {
		_, err := i.remote.kube.CoreV1().ConfigMaps("late").Get(ctx, "istio-ca-root-cert", metav1.GetOptions{})
		return err
	})
	eventually(t, "CA bundles in remote", func(context.Context) error {
		for _, b := range i.caBundles(t) {
			if b == "" {
				return errors.New("a webhook of remote has no CA bundle")
			}
		}
		return nil
	})
	i.wantDecisions(t, "false", "true")
}

// gatewayOfTheLab: what the steps before have seen is worth something because the lab's gateways are there only while the
// clusters' are.
func (i *inferences) gatewayOfTheLab(t *testing.T) {
	ctx, services := context.Background(), i.primary.kube.CoreV1().Services("istio-system")
	gateway, err := services.Get(ctx, "istio-eastwestgateway", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fronts := []string{"203.0.113.1:15012", "198.51.100.1:15017"}
	for _, p := range gateway.Spec.Ports {
		if p.Port == 15017 {
			fronts = append(fronts, fmt.Sprintf("10.0.0.1:%d", p.NodePort), fmt.Sprintf("192.0.2.1:%d", p.NodePort))
		}
	}
	if len(fronts) != 4 {
		t.Errorf("the gateway's ports are %+v", gateway.Spec.Ports)
	}
	for _, address := range fronts {
		if _, err := i.lab.Address(ctx, "remote", address); err != nil {
			t.Error(err)
		}
	}
	if err := services.Delete(ctx, gateway.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no gateway of primary", func(ctx context.Context) error {
		for _, address := range fronts {
			if to, err := i.lab.Address(ctx, "remote", address); err == nil {
				return fmt.Errorf("%s leads to %s", address, to)
			}
		}
		return nil
	})
}

// wantDecisions wants the istiod of primary to have decided so often, and so, whether it is to lead in remote.
func (i *inferences) wantDecisions(t *testing.T, want ...string) {
	t.Helper()
	log, err := os.ReadFile(i.primary.mustIstiod(t).Log)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(log)) {
		if _, decision, ok := strings.Cut(line, "should join leader-election for cluster remote: "); ok {
			got = append(got, strings.TrimSpace(decision))
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("istiod decided %q, want %q", got, want)
	}
}
