package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A Cluster is what a verification needs of one: [*kube.Cluster] is one.
type Cluster interface {
	object.Reader
	Apply(ctx context.Context, o *unstructured.Unstructured, opts object.ApplyOptions) (*unstructured.Unstructured, error)
	Delete(ctx context.Context, ref object.Ref, opts object.DeleteOptions) error
	PodGet(ctx context.Context, namespace, pod string, port int, path string) ([]byte, error)
	Exec(ctx context.Context, namespace, pod, container string, command ...string) (kube.Output, error)
}

// A pod is one that was put into a cluster.
type pod struct {
	name, ip string
	injected bool // or enrolled
}

// A place is one cluster, and what is in it for the verification.
type place struct {
	Cluster
	name    string // of the cluster, in the mesh
	home    string // the namespace of Istio
	remote  bool
	alone   bool // there is no other
	servers []pod
	nodes   map[string]bool // of the servers
	client  pod
}

var namespaces = schema.GroupKind{Kind: "Namespace"}

// put makes everything that o wants in the i-th cluster, and waits for the pods.
func (p *place) put(ctx context.Context, o Options, mesh string, i int) error {
	if err := p.own(ctx, o, mesh); err != nil {
		return err
	}
	if o.Ambient && !p.alone {
		if err := p.scoped(ctx, o); err != nil {
			return err
		}
	}
	objects := o.objects(i, p.remote)
	if o.PullSecret != "" {
		secret, err := p.pullSecret(ctx, o)
		if err != nil {
			return err
		}
		objects = append([]*unstructured.Unstructured{secret}, objects...)
	}
	for _, one := range append([]*unstructured.Unstructured{o.namespace(mesh)}, objects...) {
		if _, err := p.Apply(ctx, one, object.ApplyOptions{Force: true}); err != nil {
			return err
		}
	}
	for _, one := range objects {
		if ref := object.RefOf(one); ref.Kind == "Deployment" {
			if err := p.runs(ctx, ref); err != nil {
				return admission(p.because(ctx, o, ref, err))
			}
		}
	}
	if o.Ambient {
		if err := p.awaitEnrolment(ctx, o); err != nil {
			return err
		}
	}
	return p.locate(ctx, o)
}

// own waits for what an earlier verification leaves behind to be gone, and refuses a
// namespace that is somebody else's.
func (p *place) own(ctx context.Context, o Options, mesh string) error {
	ref := object.NamespaceRef(o.Namespace)
	live, err := p.Get(ctx, ref)
	switch {
	case errors.Is(err, object.ErrNotFound):
		return nil
	case err != nil:
		return err
	case live.GetLabels()[LabelMesh] != mesh:
		return &foreignError{o.Namespace}
	case live.GetDeletionTimestamp() != nil:
		return p.Wait(ctx, ref, gone)
	}
	return nil
}

// A foreignError is a namespace that no verification of this mesh has made.
type foreignError struct{ namespace string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("the namespace %s exists, and is not one of a verification of this mesh", e.namespace)
}

// Remedy is to take another.
func (*foreignError) Remedy() string { return "choose another with --namespace" }

func available(o *unstructured.Unstructured) (bool, string) {
	if o == nil {
		return false, "it is gone"
	}
	n, _, _ := unstructured.NestedInt64(o.Object, "status", "availableReplicas")
	if why := world.ReplicaFailure(o); why != "" {
		return false, why
	}
	return n > 0 && world.Settled(o), "its pod does not run yet"
}

func gone(o *unstructured.Unstructured) (bool, string) { return o == nil, "it is still there" }

// pullSecret is the user's, to be in the namespace too.
func (p *place) pullSecret(ctx context.Context, o Options) (*unstructured.Unstructured, error) {
	namespace, name, _ := strings.Cut(o.PullSecret, "/")
	have, err := p.Get(ctx, object.SecretRef(namespace, name))
	if object.Absent(err) {
		return nil, &noPullSecret{err, p.name, o.PullSecret}
	}
	if err != nil {
		return nil, err
	}
	return object.New("v1", "Secret", o.Namespace, pullName, nil, map[string]any{"type": have.Object["type"], "data": have.Object["data"]}), nil
}

// A noPullSecret is that a cluster does not have the Secret that images are pulled with.
type noPullSecret struct {
	error
	cluster, name string
}

func (e *noPullSecret) Unwrap() error { return e.error }

// Remedy is to put it there: a verification copies it within a cluster only.
func (e *noPullSecret) Remedy() string {
	return fmt.Sprintf("create Secret %s in %s, as in the other clusters, or leave out --pull-secret", e.name, e.cluster)
}

// becauseTime is how long a cluster may take to say why its pods do not run.
const becauseTime = 5 * time.Second

// because is err with what the pods of a Deployment wait for, where they say it.
func (p *place) because(ctx context.Context, o Options, ref object.Ref, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), becauseTime) // the end of ctx is why we ask
	defer cancel()
	pods, listErr := p.List(ctx, schema.GroupKind{Kind: "Pod"}, o.Namespace, "")
	if listErr != nil {
		return err
	}
	for _, one := range pods {
		if why := waiting(one); strings.HasPrefix(one.GetName(), ref.Name+"-") && why != "" {
			return fmt.Errorf("%w: pod %s: %s", err, one.GetName(), why)
		}
	}
	return err
}

// waiting is what a pod waits for, "" where it does not say.
func waiting(p *unstructured.Unstructured) string {
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		all, _, _ := unstructured.NestedSlice(p.Object, "status", list)
		for _, e := range all {
			m, _ := e.(map[string]any)
			reason, _, _ := unstructured.NestedString(m, "state", "waiting", "reason")
			if reason != "" && reason != "PodInitializing" && reason != "ContainerCreating" {
				return fmt.Sprintf("container %v: %s (image %v)", m["name"], reason, m["image"])
			}
		}
	}
	conditions, _, _ := unstructured.NestedSlice(p.Object, "status", "conditions")
	for _, e := range conditions {
		if m, _ := e.(map[string]any); m["status"] == "False" && m["type"] == "PodScheduled" {
			return fmt.Sprint(m["message"])
		}
	}
	return ""
}

// locate notes the pods that run.
func (p *place) locate(ctx context.Context, o Options) error {
	pods, err := p.List(ctx, schema.GroupKind{Kind: "Pod"}, o.Namespace, "")
	if err != nil {
		return err
	}
	p.servers, p.client, p.nodes = nil, pod{}, map[string]bool{}
	for _, one := range pods {
		ip, _, _ := unstructured.NestedString(one.Object, "status", "podIP")
		phase, _, _ := unstructured.NestedString(one.Object, "status", "phase")
		if one.GetDeletionTimestamp() != nil || phase != "Running" {
			continue
		}
		found := pod{one.GetName(), ip, hasProxy(one) || o.Ambient && enrolled(one)}
		switch one.GetLabels()["app"] {
		case service:
			p.servers = append(p.servers, found)
			node, _, _ := unstructured.NestedString(one.Object, "spec", "nodeName")
			p.nodes[node] = true
		case client:
			p.client = found
		}
	}
	if len(p.servers) == 0 || p.client.name == "" {
		return errors.New("the pods that became ready are gone")
	}
	return nil
}

// hasProxy says whether a pod was injected: the proxy is a container, or a native sidecar.
func hasProxy(p *unstructured.Unstructured) bool {
	for _, list := range []string{"initContainers", "containers"} {
		all, _, _ := unstructured.NestedSlice(p.Object, "spec", list)
		if slices.ContainsFunc(all, func(e any) bool { m, _ := e.(map[string]any); return m["name"] == proxy }) {
			return true
		}
	}
	return false
}

// remove takes out what verifications of a mesh have put into a namespace of the cluster,
// "" for all of them, and returns when it is gone. Another verification may be under way
// in another namespace, or have been told to leave it.
func (p *place) remove(ctx context.Context, mesh, namespace string) error {
	all, err := p.List(ctx, namespaces, "", LabelMesh+"="+mesh)
	if err != nil {
		return err
	}
	for _, ns := range all {
		ref := object.RefOf(ns)
		if namespace != "" && ref.Name != namespace {
			continue
		}
		if err := p.Delete(ctx, ref, object.DeleteOptions{UID: string(ns.GetUID())}); err != nil {
			return err
		}
		if err := p.Wait(ctx, ref, gone); err != nil {
			return err
		}
	}
	return nil
}
