package inject

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/topology"
)

// The ConfigMaps of a control plane, named as the charts do.
const (
	injectorConfig = "istio-sidecar-injector"
	meshConfigMap  = "istio"
)

// Read reads what decides about the sidecars of c, which is a cluster of m. A remote
// cluster has its control plane in a primary: the first that can be read. One that is to
// become remote has its own until that is applied. Errors are an [*object.Error] each,
// joined where there are several primaries.
func Read(ctx context.Context, o object.Opener, m *topology.Mesh, c topology.Cluster) (*Live, error) {
	own, err := reading(o, c)
	if err != nil {
		return nil, err
	}
	path, err := own.path(ctx)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, primary := range serving(m, c, path) {
		control, err := reading(o, primary)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		l, mode, err := control.controlPlane(ctx)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		l.Path = path
		l.Native, err = own.native(ctx, mode)
		return l, err
	}
	return nil, errors.Join(failed...)
}

// serving are the clusters whose control planes inject for c at path, which may be c
// itself: without a word about another cluster, a path is of one's own.
func serving(m *topology.Mesh, c topology.Cluster, path string) []topology.Cluster {
	if !c.Remote() || path == object.DefaultInjectionPath {
		return []topology.Cluster{c}
	}
	var out []topology.Cluster
	for _, name := range c.Primaries {
		for _, p := range m.Clusters {
			if p.Name == name {
				out = append(out, p)
			}
		}
	}
	return out
}

// A reader reads one cluster.
type reader struct {
	topology.Cluster
	client object.Cluster
}

func reading(o object.Opener, c topology.Cluster) (*reader, error) {
	client, err := o.Open(c.Context)
	return &reader{c, client}, err
}

// path is where the webhook of the cluster calls its control plane. A control plane of
// one's own may do without a webhook: its values say which cluster it is.
func (r *reader) path(ctx context.Context) (string, error) {
	hook, err := r.client.Get(ctx, object.InjectorRef(r.Namespace))
	if object.Absent(err) && !r.Remote() {
		return object.DefaultInjectionPath, nil
	}
	if err != nil {
		return "", r.missing(object.InjectorRef(r.Namespace), err)
	}
	return object.InjectionPath(hook), nil
}

// controlPlane reads all but the path, and what the control plane says of native
// sidecars.
func (r *reader) controlPlane(ctx context.Context) (l *Live, nativeMode string, err error) {
	l = &Live{}
	if err := r.keys(ctx, injectorConfig, map[string]*string{"config": &l.Config, "values": &l.Values}); err != nil {
		return nil, "", err
	}
	if err := r.keys(ctx, meshConfigMap, map[string]*string{"mesh": &l.Mesh}); err != nil {
		return nil, "", err
	}
	istiod, err := r.client.Get(ctx, object.IstiodRef(r.Namespace))
	if err != nil {
		return nil, "", r.missing(object.IstiodRef(r.Namespace), err)
	}
	l.Revision, nativeMode = variable(istiod, "REVISION"), variable(istiod, "ENABLE_NATIVE_SIDECARS")
	l.ProxyConfigs, err = r.client.List(ctx, schema.GroupKind{Group: "networking.istio.io", Kind: "ProxyConfig"}, "", "")
	if err != nil && !errors.Is(err, object.ErrNoKind) {
		return nil, "", err
	}
	return l, nativeMode, nil
}

// keys reads keys of a ConfigMap of the control plane.
func (r *reader) keys(ctx context.Context, name string, into map[string]*string) error {
	ref := object.Ref{Kind: "ConfigMap", Namespace: r.Namespace, Name: name}
	o, err := r.client.Get(ctx, ref)
	if err != nil {
		return r.missing(ref, err)
	}
	for key, text := range into {
		var ok bool
		if *text, ok, _ = unstructured.NestedString(o.Object, "data", key); !ok {
			return r.incomplete(fmt.Sprintf("%s of cluster %s has no key %s", ref, r.Name, key), nil)
		}
	}
	return nil
}

// missing is err, with what to do where ref is absent.
func (r *reader) missing(ref object.Ref, err error) error {
	if !object.Absent(err) {
		return err
	}
	return r.incomplete(fmt.Sprintf("cluster %s has no %s", r.Name, ref), err)
}

func (r *reader) incomplete(what string, err error) error {
	return &object.Error{
		Class: object.NotFound, Context: r.Context, Op: "read the injector", Message: what, Err: err,
		Hint: "setup-mesh apply installs it",
	}
}

// variable is the value of one in the environment of istiod.
func variable(istiod *unstructured.Unstructured, name string) string {
	containers, _, _ := unstructured.NestedSlice(istiod.Object, "spec", "template", "spec", "containers")
	for _, c := range containers {
		m, _ := c.(map[string]any)
		env, _ := m["env"].([]any)
		for _, e := range env {
			if v, _ := e.(map[string]any); v["name"] == name {
				value, _ := v["value"].(string)
				return value
			}
		}
	}
	return ""
}

// native says whether sidecars are init containers: as mode says or, if that is "" or
// auto, where every node can have those.
// https://github.com/istio/istio/blob/release-1.31/pkg/kube/inject/webhook.go (DetectNativeSidecar)
func (r *reader) native(ctx context.Context, mode string) (bool, error) {
	if mode != "" && mode != "auto" {
		return mode == "true", nil
	}
	nodes, err := r.client.List(ctx, schema.GroupKind{Kind: "Node"}, "", "")
	if err != nil {
		return false, err
	}
	for _, n := range nodes {
		kubelet, _, _ := unstructured.NestedString(n.Object, "status", "nodeInfo", "kubeletVersion")
		if v, err := version.ParseGeneric(kubelet); err != nil || v.Minor() < nativeSince {
			return false, nil
		}
	}
	return true, nil
}

// nativeSince is the minor version of the Kubernetes 1 in which sidecar containers are
// stable: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
const nativeSince = 33
