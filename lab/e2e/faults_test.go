package e2e

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/lab"
)

// The contexts of the faults' lab. The gateway of prod has a host name, that of late has no address.
const (
	alpha = "alpha"
	prod  = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
	late  = "late"

	inAlpha = alpha + ": {network: network-a, namespace: istio-mesh}"
	inProd  = `"` + prod + `": {network: network-b, name: prod, namespace: istio-mesh}`
	inLate  = late + ": {network: network-c, namespace: istio-mesh}"
)

// TestE2EFaults has two clusters, of which one was not empty, and all that may go wrong with them. Steps named after a
// Defect are about what the setup-mesh script of Istio 1.4 did wrong.
func TestE2EFaults(t *testing.T) {
	needsLab(t)
	f := &faults{newJourney(t, lab.Options{
		Contexts: []string{alpha, prod}, Networks: []string{"network-a", "network-b"},
		Gateways: []lab.Gateway{lab.GatewayIP, lab.GatewayHostname},
	})}
	f.inOrder(t, []step{
		{"Defect02PrepHasTwoNames", f.prepNames},
		{"Defect09RootKeyIsPrivate", f.rootKey},
		{"Defect08ContextsMayBeARNs", f.arn},
		{"Defect11RenderedManifest", f.rendered},
		{"UsageError", f.usageError},
		{"LoopbackIsRefused", f.loopback},
		{"TwoContextsOneCluster", f.twoContexts},
		{"PermissionIsDenied", f.permission},
		{"Before", f.occupied},
		{"Defect06NamespaceIsNoInstallation", f.namespaceAlone},
		{"ObjectOfSomebodyElse", f.conflict},
		{"SavedPlanRuns", f.firstApply},
		{"SavedPlanIsRefusedOnceTheWorldMoved", f.stalePlan},
		{"Defect01GatewayAddressMayBeAName", f.gatewayName},
		{"Defect04NoTokenSecretOfAnAccount", f.noTokenSecrets},
		{"Defect07IntermediatesCarryTheOrganization", f.organization},
		{"Defect03RemoteSecretsAreUpdated", f.remoteSecrets},
		{"ContextLeadsElsewhere", f.elsewhere},
		{"Defect05And12UnreadableCluster", f.unreadable},
		{"LockedCluster", f.locked},
		{"Defect01GatewayWithoutAddressIsWaitedFor", f.pendingGateway},
		{"Defect10Teardown", f.takeOut},
	})
}

type faults struct{ *journey }

func (f *faults) usageError(t *testing.T) {
	wantWords(t, f.run(t, 1, "plan", "--no-such-flag"), "no-such-flag", "--help")
	wantWords(t, f.run(t, 1, "aply"), "aply")
	wantWords(t, f.run(t, 1, "plan", "--kubeconfig", "/nonexistent"), "/nonexistent")
}

// loopback: the lab is reached on loopback, as kind is, and the environment of all other tests says that this is fine.
func (f *faults) loopback(t *testing.T) {
	f.topology(t, inAlpha, inProd)
	r := wantCode(t, 1, f.do(t, with(f.command(t.Context(), "plan"), "SETUP_MESH_ALLOW_LOOPBACK=")))
	wantWords(t, r, "127.0.0.1", "no other cluster can reach it", "--allow-loopback", "alpha", "prod")
	f.run(t, 2, "plan", "--detailed-exitcode")
}

func (f *faults) twoContexts(t *testing.T) {
	f.editKubeconfig(t, func(c *api.Config) { c.Contexts["copy"] = c.Contexts[alpha] })
	f.topology(t, inAlpha, "copy: {network: network-b, namespace: istio-mesh}")
	wantWords(t, f.run(t, 1, "plan"), "alpha", "copy", "same cluster")
	f.topology(t, inAlpha, inProd)
}

// permission gives the user in prod no more than a look at it, and not at Secrets.
func (f *faults) permission(t *testing.T) {
	viewer, admin := loadKubeconfig(t, f.lab.ViewerKubeconfig()), ""
	f.editKubeconfig(t, func(c *api.Config) {
		user := c.AuthInfos[c.Contexts[prod].AuthInfo]
		admin, user.Token = user.Token, viewer.AuthInfos[viewer.Contexts[prod+"-viewer"].AuthInfo].Token
	})
	wantWords(t, f.run(t, 3, "plan"), "prod", "may not read", "CustomResourceDefinition", "fix:", "get and list")
	f.editKubeconfig(t, func(c *api.Config) { c.AuthInfos[c.Contexts[prod].AuthInfo].Token = admin })
}

// occupied gives alpha a namespace of Istio's name with things in it that somebody else put there.
func (f *faults) occupied(t *testing.T) {
	ctx, c := context.Background(), f.clusters[alpha]
	if _, err := c.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "istio-mesh"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, labels := range map[string]map[string]string{"istiod": {"heritage": "Helm"}, "istio-reader-service-account": nil} {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
		if _, err := c.kube.CoreV1().ServiceAccounts("istio-mesh").Create(ctx, account, metav1.CreateOptions{FieldManager: "helm"}); err != nil {
			t.Fatal(err)
		}
	}
	foreign := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "istio-remote-secret-theirs", Labels: map[string]string{"istio/multiCluster": "true"}},
		StringData: map[string]string{"theirs": "no kubeconfig"},
	}
	if _, err := c.kube.CoreV1().Secrets("istio-mesh").Create(ctx, foreign, metav1.CreateOptions{FieldManager: "istioctl"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "namespace istio-mesh is complete", func(ctx context.Context) error {
		_, err := c.kube.CoreV1().ConfigMaps("istio-mesh").Get(ctx, "kube-root-ca.crt", metav1.GetOptions{})
		if err == nil {
			_, err = c.kube.CoreV1().ServiceAccounts("istio-mesh").Get(ctx, "default", metav1.GetOptions{})
		}
		return err
	})
	for name, c := range f.clusters {
		var err error
		if f.before[name], err = c.snapshot(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// conflict: what somebody else manages is taken over only when the user says so.
func (f *faults) conflict(t *testing.T) {
	r := f.run(t, 1, "apply", "--yes")
	wantWords(t, r, "alpha", "ServiceAccount istio-mesh/istiod: managed by helm", "--adopt",
		"ServiceAccount istio-mesh/istio-reader-service-account: managed by an unknown tool") // it has no fields
	for name, c := range f.clusters {
		if n := len(c.versions(t)); n > 0 {
			t.Errorf("%s: a refused apply wrote %d objects", name, n)
		}
	}
	got := f.planJSON(t, 2, "--adopt", "--detailed-exitcode").changes()["alpha"]
	if want := "update ServiceAccount istio-mesh/istiod"; !strings.Contains(strings.Join(got, "\n"), want) {
		t.Errorf("%q is missing in the plan to adopt:\n%s", want, strings.Join(got, "\n"))
	}
}

// firstApply runs a saved plan, of the files that it was made from.
func (f *faults) firstApply(t *testing.T) {
	saved := f.home + "/plan.json"
	f.run(t, 0, "plan", "--adopt", "--out", saved)
	base := f.read(t, "base.yaml")
	f.write(t, "base.yaml", strings.Replace(base, "profile: default", "profile: minimal", 1))
	wantWords(t, f.run(t, 1, "apply", "--adopt", "--plan", saved), "is out of date", "files in the work directory")
	f.write(t, "base.yaml", base)

	wantWords(t, f.run(t, 0, "apply", "--adopt", "--plan", saved), "2 of 2 clusters discover each other")
	f.collectSecrets(t)
}

// stalePlan: the plan was carried out, so that it is not what would be done now.
func (f *faults) stalePlan(t *testing.T) {
	before := f.versions(t)
	wantWords(t, f.run(t, 1, "apply", "--adopt", "--plan", f.home+"/plan.json"), "is out of date", "alpha", "prod")
	wantSame(t, before, f.versions(t))
	wantWords(t, f.run(t, 0, "plan", "--detailed-exitcode"), "Nothing to change.")
}

// elsewhere lets two contexts change places, and then one lead to a cluster that was never a member.
func (f *faults) elsewhere(t *testing.T) {
	ctx := context.Background()
	if err := f.lab.AddCluster(ctx, late, "network-c", lab.GatewayPending); err != nil {
		t.Fatal(err)
	}
	f.clusters[late] = openCluster(t, f.lab, late)
	var err error
	if f.before[late], err = f.clusters[late].snapshot(ctx); err != nil {
		t.Fatal(err)
	}
	before := f.versions(t)
	f.editKubeconfig(t, func(c *api.Config) { c.Contexts[alpha], c.Contexts[prod] = c.Contexts[prod], c.Contexts[alpha] })
	wantWords(t, f.run(t, 1, "apply", "--yes"), "to a different cluster", "--accept-new-cluster")
	f.useLabKubeconfig(t)
	f.editKubeconfig(t, func(c *api.Config) { c.Contexts[prod] = c.Contexts[late] })
	wantWords(t, f.run(t, 1, "apply", "--yes"), "prod", "to a different cluster", "--accept-new-cluster")
	f.useLabKubeconfig(t)
	wantSame(t, before, f.versions(t))
}

func (f *faults) useLabKubeconfig(t *testing.T) {
	t.Helper()
	if err := copyFile(f.kubeconfig, f.lab.Kubeconfig(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// locked has somebody else apply to alpha at the same time. The other cluster is done.
func (f *faults) locked(t *testing.T) {
	ctx, leases := context.Background(), f.clusters[alpha].kube.CoordinationV1().Leases("istio-mesh")
	holder, seconds, now := "mallory@elsewhere, process 7", int32(3600), metav1.NowMicro()
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "setup-mesh"}, Spec: coordinationv1.LeaseSpec{
		HolderIdentity: &holder, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now}}
	if _, err := leases.Create(ctx, lease, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	base := f.read(t, "base.yaml")
	f.write(t, "base.yaml", strings.Replace(base, "\n    accessLogFile: /dev/stdout", "\n    accessLogFile: /dev/stderr", 1))
	before := f.clusters[alpha].versions(t)
	wantWords(t, f.run(t, 3, "apply", "--yes"), "alpha", "locked by "+holder)
	if diff := cmp.Diff(before, f.clusters[alpha].versions(t)); diff != "" {
		t.Errorf("alpha, while it was locked (-before +after):\n%s", diff)
	}
	if err := leases.Delete(ctx, "setup-mesh", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	update := []string{"update ConfigMap istio-mesh/istio", "update ConfigMap istio-mesh/setup-mesh", "update ConfigMap istio-mesh/values"}
	f.edited(t, map[string][]string{"alpha": {"spec.meshConfig.accessLogFile: /dev/stdout -> /dev/stderr"}}, map[string][]string{"alpha": update})
}

// pendingGateway adds a cluster whose gateway gets no address. The others are done; an interrupt ends the waiting, and
// the next apply goes on where this one ended.
func (f *faults) pendingGateway(t *testing.T) {
	f.topology(t, inAlpha, inProd, inLate)
	run := f.start(t, "apply", "--yes")
	run.waitFor(t, "late", "istio-eastwestgateway", "no address")
	if err := run.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	wantWords(t, wantCode(t, 130, run.end(t)), "late", "has no address yet")
	f.collectSecrets(t)
	wantWords(t, f.run(t, 2, "status"), "gateway/address", "late", "pending")
	// Nothing is left to change, and the mesh is not yet as it should be: the next apply waits where that one did.
	f.givesUp(t, "apply --yes", 3*time.Second, 3, "Nothing to change.", "late", "has no address yet")
	services := f.clusters[late].kube.CoreV1().Services("istio-mesh")
	patch := []byte(`{"status":{"loadBalancer":{"ingress":[{"hostname":"late.elb.example.com"}]}}}`)
	if _, err := services.Patch(context.Background(), "istio-eastwestgateway", types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	f.run(t, 0, "apply", "--yes")
	wantWords(t, f.run(t, 0, "status"), "late.elb.example.com:15443", "3 of 3 clusters discover each other")
	f.collectSecrets(t)
}

// wantSame wants nothing of ours to have changed in any cluster.
func wantSame(t testing.TB, before, after map[string]map[string]string) {
	t.Helper()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the clusters (-before +after):\n%s", diff)
	}
}
