package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/lab/internal/pki"
	"github.com/setup-mesh/setup-mesh/lab/internal/ports"
	"github.com/setup-mesh/setup-mesh/lab/internal/probe"
	"github.com/setup-mesh/setup-mesh/lab/internal/proc"
	"github.com/setup-mesh/setup-mesh/lab/internal/tunnel"
)

// A Cluster is one control plane. Its methods are safe for concurrent use.
type Cluster struct {
	spec    Spec
	spawner *proc.Spawner
	pool    *ports.Pool
	ports   portSet
	files   files
	tokens  tokens
	tunnel  *tunnel.Server
	client  *kubernetes.Clientset

	// Table is the cluster's pod network.
	Table tunnel.Table

	mu        sync.Mutex
	processes map[string]*proc.Process
}

type portSet struct{ etcd, etcdPeer, api, tunnel, kubelet int }

// New prepares a cluster: ports, certificates, files, tunnel. Nothing runs before Start. Close it in any case.
func New(spec Spec, spawner *proc.Spawner, pool *ports.Pool) (*Cluster, error) {
	if spec.Index < 1 || spec.Index > MaxIndex {
		return nil, fmt.Errorf("cluster %s: its number is %d, not within 1 to %d", spec.Name, spec.Index, MaxIndex)
	}
	p, err := pool.Take(5)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", spec.Name, err)
	}
	c := &Cluster{
		spec: spec, spawner: spawner, pool: pool, ports: portSet{p[0], p[1], p[2], p[3], p[4]},
		processes: map[string]*proc.Process{},
	}
	if err := c.prepare(time.Now()); err != nil {
		return c, fmt.Errorf("cluster %s: %w", spec.Name, err)
	}
	return c, nil
}

func (c *Cluster) prepare(now time.Time) error {
	if err := c.writeFiles(now); err != nil {
		return err
	}
	var err error
	if c.tunnel, err = tunnel.Serve(c.ports.tunnel, &c.Table, c.files.server, c.files.ca); err != nil {
		return err
	}
	c.Table.Set(map[string]string{
		fmt.Sprintf("%s:%d", c.spec.nodeIP(), kubeletPort): fmt.Sprintf("127.0.0.1:%d", c.ports.kubelet),
	})
	c.client, err = kubernetes.NewForConfig(c.Config())
	return err
}

// Start runs the control plane and returns when it is ready: API served, controllers at work, the node ready.
func (c *Cluster) Start(ctx context.Context) error {
	if err := c.start(ctx); err != nil {
		return fmt.Errorf("cluster %s: %w", c.spec.Name, err)
	}
	return nil
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.run("etcd", c.etcd()); err != nil {
		return err
	}
	// An API server that is refused once tries again only after a second.
	if err := c.process("etcd").Until(ctx, 10*time.Millisecond, c.etcdHealthy); err != nil {
		return err
	}
	if err := c.StartAPI(ctx); err != nil {
		return err
	}
	return c.settle(ctx)
}

// StartAPI runs the API server, and once it is ready the controllers. It is meant for after [Cluster.StopAPI] too.
func (c *Cluster) StartAPI(ctx context.Context) error {
	if err := waitFree(ctx, c.ports.api); err != nil {
		return err
	}
	if err := c.run("kube-apiserver", c.apiServer()); err != nil {
		return err
	}
	if err := c.process("kube-apiserver").Until(ctx, 20*time.Millisecond, c.ready); err != nil {
		return err
	}
	if err := c.freeNodes(ctx); err != nil {
		return err
	}
	for name, args := range map[string][]string{
		"kube-controller-manager": c.controllerManager(), "kube-scheduler": c.scheduler(), "kwok": c.kwok(),
	} {
		if err := c.run(name, args); err != nil {
			return err
		}
	}
	return nil
}

// StopAPI kills the API server: nobody listens on its port any more. The controllers end with it. Left running, they
// would need more than a minute to believe that it is back.
func (c *Cluster) StopAPI() {
	for _, name := range []string{"kube-controller-manager", "kube-scheduler", "kwok", "kube-apiserver"} {
		if p := c.process(name); p != nil {
			p.Kill()
		}
	}
}

// Close ends all processes and gives the ports back. It is fine to call it twice.
func (c *Cluster) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range c.processes {
		wg.Go(p.Kill) // nothing of a lab is worth a graceful end
	}
	wg.Wait()
	clear(c.processes)
	if c.tunnel != nil {
		_ = c.tunnel.Close()
	}
	c.pool.Release(c.ports.etcd, c.ports.etcdPeer, c.ports.api, c.ports.tunnel, c.ports.kubelet)
}

// Spec returns what the cluster was made from.
func (c *Cluster) Spec() Spec { return c.spec }

// Server is the URL of the API server.
func (c *Cluster) Server() string { return fmt.Sprintf("https://127.0.0.1:%d", c.ports.api) }

// CA is the certificate that signed the API server's, PEM.
func (c *Cluster) CA() []byte { return c.files.caPEM }

// AdminToken is of a user in group system:masters.
func (c *Cluster) AdminToken() string { return c.tokens.admin }

// ViewerToken is of a user that ClusterRole view is bound to, and nothing else.
func (c *Cluster) ViewerToken() string { return c.tokens.viewer }

// Client is an administrator's.
func (c *Cluster) Client() *kubernetes.Clientset { return c.client }

// Config is an administrator's, without a limit on requests.
func (c *Cluster) Config() *rest.Config {
	return &rest.Config{
		Host: c.Server(), BearerToken: c.tokens.admin, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.files.caPEM},
	}
}

// Kubelet is where the lab answers what the API server asks of the cluster's kubelet, and the certificate for it.
func (c *Cluster) Kubelet() (port int, pair pki.Pair) { return c.ports.kubelet, c.files.server }

// ImpersonatingKubeconfig is for a client that is to have the rights of a service account, and no more.
func (c *Cluster) ImpersonatingKubeconfig(namespace, serviceAccount string) string {
	user := fmt.Sprintf("token: %q, as: %q, as-groups: [%q, %q, %q]", c.tokens.admin,
		"system:serviceaccount:"+namespace+":"+serviceAccount,
		"system:serviceaccounts", "system:serviceaccounts:"+namespace, "system:authenticated")
	return c.kubeconfig(user)
}

// PIDs are the running processes, by name.
func (c *Cluster) PIDs() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	pids := map[string]int{}
	for name, p := range c.processes {
		if p.Err() == nil {
			pids[name] = p.PID()
		}
	}
	return pids
}

func (c *Cluster) run(name string, args []string) error {
	p, err := c.spawner.Start(proc.Spec{
		Name: name, Path: filepath.Join(c.spec.Bin, name), Args: args, Env: environment(name), Dir: c.spec.Dir,
		Log: c.spec.dir(name + ".log"),
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes[name] = p
	return nil
}

func (c *Cluster) process(name string) *proc.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.processes[name]
}

func (c *Cluster) ready(ctx context.Context) error {
	return c.client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
}

func (c *Cluster) etcdHealthy(ctx context.Context) error {
	return probe.Get(ctx, loopback("http", c.ports.etcd)+"/health")
}

func waitFree(ctx context.Context, port int) error {
	for !ports.Free(port) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for port %d to be free: %w", port, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// environment is the same for all users of a lab: proxies, for one, are no business of it. An API server collects
// garbage less often than it would, up to a size: that saves a quarter of a cluster's processor time until Istio is
// installed.
func environment(name string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "TMPDIR=" + os.TempDir()}
	if name == "kube-apiserver" {
		env = append(env, "GOGC=400", "GOMEMLIMIT=768MiB")
	}
	return env
}
