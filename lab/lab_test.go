package lab_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/setup-mesh/setup-mesh/lab"
)

// ownerVariable makes the test program the owner of a lab in the directory that it names.
const ownerVariable = "LAB_TEST_OWNER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerVariable); dir != "" {
		own(dir)
		return
	}
	os.Exit(m.Run())
}

// own starts a lab, prints its state, and waits to be killed.
func own(dir string) {
	l, err := lab.Up(context.Background(), lab.Options{Dir: dir, NoIstiods: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := l.State(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = json.NewEncoder(os.Stdout).Encode(s)
	time.Sleep(time.Hour)
}

// up starts a lab that ends with the test. Where the parts are not built the test is skipped, or fails if
// SETUP_MESH_REQUIRE_LAB is set, so that nobody takes a skipped run for a passed one.
func up(t *testing.T, o lab.Options) *lab.Lab {
	t.Helper()
	l, err := lab.Up(t.Context(), o)
	needParts(t, err)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return l
}

func needParts(t *testing.T, err error) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no lab")
	}
	if errors.Is(err, lab.ErrNotBuilt) && os.Getenv("SETUP_MESH_REQUIRE_LAB") == "" {
		t.Skip(err)
	}
}

func TestNothingOutlivesAKilledOwner(t *testing.T) {
	killed(t, func(owner *exec.Cmd, _ lab.State) error { return owner.Process.Kill() })
}

func TestNothingOutlivesAKilledSupervisor(t *testing.T) {
	killed(t, func(_ *exec.Cmd, s lab.State) error { return syscall.Kill(s.PID, syscall.SIGKILL) })
}

// killed starts a lab in another process, kills something of it, and expects all processes of the lab to end.
func killed(t *testing.T, kill func(*exec.Cmd, lab.State) error) {
	needLab(t)
	dir := filepath.Join(t.TempDir(), "lab")
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerVariable+"="+dir)
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Process.Kill(); _ = owner.Wait() }()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var s lab.State
	if err := json.Unmarshal(line, &s); err != nil {
		t.Fatalf("the owner says %q", line)
	}
	pids := map[string]int{"supervisor": s.PID}
	for name, pid := range s.Clusters[0].Processes {
		pids[name] = pid
	}
	if len(pids) != 6 {
		t.Fatalf("processes %v, want a supervisor, etcd, API server, controllers, scheduler and KWOK", pids)
	}
	for name, pid := range pids {
		if !running(pid) {
			t.Fatalf("%s does not run", name)
		}
	}
	if err := kill(owner, s); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		for name, pid := range pids {
			if running(pid) {
				return fmt.Errorf("%s (%d) runs", name, pid)
			}
		}
		return nil
	})
	if err := lab.Clean(dir); err != nil {
		t.Errorf("clean up after the lab: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lab's directory is there after Clean: %v", err)
	}
}

func needLab(t *testing.T) {
	t.Helper()
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	source, err := lab.Source(cwd)
	if err != nil {
		t.Fatal(err)
	}
	needParts(t, lab.Check(source, lab.DefaultParts(source)))
}

// running is false for a zombie, too: its parent is the test's own environment, which may never wait for it.
func running(pid int) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", fmt.Sprint(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

func TestLab(t *testing.T) {
	needLab(t)
	ctx := t.Context()
	l := up(t, lab.Options{Contexts: []string{"one"}, NoIstiods: true, Gateways: []lab.Gateway{lab.GatewayHostname}})

	t.Run("a viewer may look and not touch", func(t *testing.T) {
		viewer := client(t, l.ViewerKubeconfig(), "one-viewer")
		if _, err := viewer.CoreV1().ConfigMaps("default").List(ctx, metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
		if _, err := viewer.CoreV1().Secrets("default").List(ctx, metav1.ListOptions{}); err == nil {
			t.Error("the viewer can read Secrets")
		}
		if err := viewer.CoreV1().ConfigMaps("default").Delete(ctx, "kube-root-ca.crt", metav1.DeleteOptions{}); err == nil {
			t.Error("the viewer can delete")
		}
	})
	t.Run("another lab is refused in the same place", func(t *testing.T) {
		if _, err := lab.Up(ctx, lab.Options{Dir: l.Dir()}); !errors.Is(err, os.ErrExist) {
			t.Errorf("Up = %v", err)
		}
	})
	t.Run("a cluster goes and comes back", func(t *testing.T) {
		admin := client(t, l.Kubeconfig(), "one")
		held := func() map[string]string {
			leases, err := admin.CoordinationV1().Leases(corev1.NamespaceNodeLease).List(ctx, metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			by := map[string]string{}
			for _, lease := range leases.Items {
				by[lease.Name] = *lease.Spec.HolderIdentity
			}
			return by
		}
		before := held()
		if len(before) == 0 {
			t.Fatal("nobody holds a node")
		}
		if err := l.StopAPI(ctx, "one"); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.Discovery().ServerVersion(); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("a stopped API server answers: %v", err)
		}
		if err := l.StartAPI(ctx, "one"); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.CoreV1().Namespaces().Get(ctx, "kube-system", metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
		for node, by := range held() {
			if by == before[node] {
				t.Errorf("%s waits for %s, which has ended", node, by)
			}
		}
	})
	t.Run("a cluster is added", func(t *testing.T) {
		if err := l.AddCluster(ctx, "two", "network-two", lab.GatewayPending); err != nil {
			t.Fatal(err)
		}
		if _, err := client(t, l.Kubeconfig(), "two").CoreV1().Namespaces().Get(ctx, "default", metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
		clusters, err := l.Clusters(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range clusters {
			got = append(got, strings.Join([]string{c.Context, c.Name, c.Network, c.Gateway}, " "))
		}
		if diff := cmp.Diff([]string{"one one network-east one.elb.example.com", "two two network-two "}, got); diff != "" {
			t.Errorf("clusters (-want +got):\n%s", diff)
		}
	})
	t.Run("nothing listens after the end", func(t *testing.T) {
		clusters, err := l.Clusters(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Down(ctx); err != nil {
			t.Fatal(err)
		}
		for _, c := range clusters {
			u, err := url.Parse(c.Server)
			if err != nil {
				t.Fatal(err)
			}
			if conn, err := net.Dial("tcp", u.Host); err == nil {
				conn.Close()
				t.Errorf("somebody listens on %s", u.Host)
			}
		}
		if _, err := lab.Attach(l.Dir()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Attach = %v", err)
		}
	})
}

func client(t *testing.T, kubeconfig, context string) *kubernetes.Clientset {
	t.Helper()
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context}).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func eventually(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}
