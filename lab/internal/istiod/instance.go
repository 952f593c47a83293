package istiod

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/downward"
	"github.com/setup-mesh/setup-mesh/lab/internal/probe"
	"github.com/setup-mesh/setup-mesh/lab/internal/proc"
)

// An instance is the istiod of one pod.
type instance struct {
	runner *Runner
	pod    *corev1.Pod
	ip     string

	mu       sync.Mutex
	process  *proc.Process
	ports    []int
	ready    bool
	restarts int
	mounting sync.Mutex
}

// podPorts are istiod's, in the order of instance.ports.
var podPorts = [...]string{"8080", "15010", "15012", "15014", "15017"}

// grace is what an istiod gets to give up its leases.
const grace = 2 * time.Second

// run keeps a process for the pod until ctx is done.
func (i *instance) run(ctx context.Context) {
	defer i.finish()
	const first, longest = 100 * time.Millisecond, 5 * time.Second
	for delay := first; ctx.Err() == nil; delay = min(2*delay, longest) {
		start := time.Now()
		if err := i.attempt(ctx); err != nil && ctx.Err() == nil {
			i.note(err)
			i.report(ctx, err.Error())
		}
		if time.Since(start) > longest {
			delay = first
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
		i.mu.Lock()
		i.restarts++
		i.mu.Unlock()
	}
}

// attempt runs one process from its start to its end.
func (i *instance) attempt(ctx context.Context) error {
	spec, err := i.spec(ctx)
	if err != nil {
		return err
	}
	p, err := i.runner.spawner.Start(spec)
	if err != nil {
		return err
	}
	i.mu.Lock()
	i.process = p
	i.mu.Unlock()
	defer i.end(p)
	i.runner.cluster.Table.Set(i.routes())
	defer i.unready()
	i.report(ctx, "")
	if err := p.Until(ctx, 50*time.Millisecond, i.probe); err != nil {
		return err
	}
	i.setReady(true)
	i.report(ctx, "")
	select {
	case <-ctx.Done():
		return nil
	case <-p.Done():
		return p.Err()
	}
}

// end lets the istiod of a pod that goes give up its leases. With a lab that ends nothing is left to give them up to.
func (i *instance) end(p *proc.Process) {
	if i.runner.ends.Err() != nil {
		p.Kill()
		return
	}
	p.Stop(grace)
}

func (i *instance) finish() {
	i.runner.cluster.Table.Remove(i.routes())
	i.mu.Lock()
	defer i.mu.Unlock()
	i.runner.pool.Release(i.ports...)
}

func (i *instance) unready() { i.setReady(false) }

func (i *instance) setReady(ready bool) {
	i.mu.Lock()
	i.ready = ready
	i.mu.Unlock()
	i.runner.changed()
}

// probe is the readiness probe of Istio's chart.
func (i *instance) probe(ctx context.Context) error {
	return probe.Get(ctx, "http://"+i.address(0)+"/ready")
}

// spec is the process: the container's own arguments and environment, with addresses and files of this machine.
func (i *instance) spec(ctx context.Context) (proc.Spec, error) {
	if err := i.prepare(ctx); err != nil {
		return proc.Spec{}, err
	}
	c := discovery(i.pod)
	env, err := downward.Environment(ctx, i.runner.cluster.Client(), i.pod, c, i.ip)
	if err != nil {
		return proc.Spec{}, err
	}
	args := c.Args
	if len(args) == 0 {
		args = []string{"discovery"}
	}
	// The last of several equal flags wins.
	args = append(args[:len(args):len(args)], "--kubeconfig="+i.path("kubeconfig"), "--ctrlz_port=0",
		"--httpAddr="+i.address(0), "--grpcAddr="+i.address(1), "--secureGRPCAddr="+i.address(2),
		"--monitoringAddr="+i.address(3), "--httpsAddr="+i.address(4))
	return proc.Spec{
		Name: "istiod " + i.pod.Namespace + "/" + i.pod.Name,
		Path: filepath.Join(i.runner.cluster.Spec().Bin, "istiod"),
		Args: args, Dir: i.path(""), Log: i.path("log"),
		Env: append(env, "HOME="+i.path(""), "TMPDIR="+os.TempDir(), "ROOT_CA_DIR="+i.path(caSecret),
			"LAB_DNS_SERVER="+i.runner.cluster.Spec().DNS), // read by parts/istio/istiod
	}, nil
}

// discovery is the container of pod that runs istiod: the one of that name, or else the first.
func discovery(pod *corev1.Pod) corev1.Container {
	for _, c := range pod.Spec.Containers {
		if c.Name == "discovery" {
			return c
		}
	}
	return pod.Spec.Containers[0]
}

// prepare takes ports and writes the files that the process reads.
func (i *instance) prepare(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ports == nil {
		p, err := i.runner.pool.Take(len(podPorts))
		if err != nil {
			return err
		}
		i.ports = p
	}
	if err := os.MkdirAll(i.path(""), 0o700); err != nil {
		return err
	}
	config := i.runner.cluster.ImpersonatingKubeconfig(i.pod.Namespace, i.pod.Spec.ServiceAccountName)
	if err := os.WriteFile(i.path("kubeconfig"), []byte(config), 0o600); err != nil {
		return err
	}
	s, err := i.runner.cluster.Client().CoreV1().Secrets(i.pod.Namespace).Get(ctx, caSecret, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	i.mounting.Lock()
	defer i.mounting.Unlock()
	return mount(i.path(caSecret), s.Data)
}

// mount follows the Secret. What goes wrong is in the log: a kubelet, too, would go on and try again.
func (i *instance) mount(data map[string][]byte) {
	i.mounting.Lock()
	defer i.mounting.Unlock()
	if err := mount(i.path(caSecret), data); err != nil {
		i.note(err)
	}
}

// note adds a line of the lab's own to the istiod's log.
func (i *instance) note(err error) {
	if f, openErr := os.OpenFile(i.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); openErr == nil {
		defer f.Close()
		fmt.Fprintf(f, "lab: %v\n", err)
	}
}

func (i *instance) path(name string) string {
	return filepath.Join(i.runner.cluster.Spec().Dir, "istiod", i.pod.Namespace+"_"+i.pod.Name, name)
}

func (i *instance) address(n int) string { return fmt.Sprintf("127.0.0.1:%d", i.ports[n]) }

func (i *instance) state() lab.Istiod {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := lab.Istiod{
		Namespace: i.pod.Namespace, Pod: i.pod.Name, PodIP: i.ip, Ready: i.ready, Restarts: i.restarts, Log: i.path("log"),
	}
	if i.process != nil && i.process.Err() == nil {
		s.PID = i.process.PID()
	}
	if i.ports != nil {
		s.Addresses = lab.Ports{
			HTTP: i.address(0), XDS: i.address(1), SecureXDS: i.address(2), Monitoring: i.address(3), Webhook: i.address(4),
		}
	}
	return s
}
