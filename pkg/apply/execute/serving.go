package execute

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/setup-mesh/setup-mesh/pkg/apply/desired"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// What the proof of serving puts into a cluster, and takes out again: a Service,
// an EndpointSlice for each primary, and a webhook for each that only its own
// probe pods match. The Service has a name that istiod's certificate has too:
// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/bootstrap/server.go (getDNSNames)
const probeLabel = "setup-mesh.io/probe"

// firstProbePort is that of the first primary in a proof of that time; the others
// have the next ones. An API server keeps the connections of a webhook by the name
// and port of its Service: by a port that is used again, the primary of an earlier
// proof would answer in the place of one that cannot be reached.
// https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apiserver/pkg/util/webhook/client.go (HookClient)
func firstProbePort(now time.Time) int64 {
	const lowest, each, proofs = 10000, 32, 1500 // of primaries in one proof, and of proofs until the first port again
	return lowest + now.Unix()%proofs*each
}

var probeServices = []string{"istio-pilot", "istiod-remote"}

var probeSubject = order.Subject{Component: order.Primaries, Part: order.Probe}

func probeSliceRef(namespace, primary string) object.Ref {
	return object.Ref{Group: "discovery.k8s.io", Kind: "EndpointSlice", Namespace: namespace, Name: desired.ProbeName + "-" + primary}
}

// probeRefs are the objects that the proof makes, for the record: a run that
// dies leaves nothing that nobody knows of.
func probeRefs(c *plan.Cluster) []record.Recorded {
	refs := []object.Ref{desired.ProbeWebhookRef(c.Namespace)}
	for _, name := range probeServices {
		refs = append(refs, object.ServiceRef(c.Namespace, name))
	}
	for _, p := range c.Primaries {
		refs = append(refs, probeSliceRef(c.Namespace, p))
	}
	out := make([]record.Recorded, len(refs))
	for i, ref := range refs {
		out[i] = record.Recorded{Ref: ref, Subject: probeSubject}
	}
	return out
}

// waitServing waits until each primary of c that is reached and new to it injects
// a pod by itself. What serves c now is not touched.
func waitServing(ctx context.Context, x *Execution, c *plan.Cluster, primaries []string, r *reporter) (err error) {
	l := x.at(c)
	pr := &servingProbe{l: l, c: c, mesh: x.Plan.Mesh, port: firstProbePort(x.Plan.World.Now), primaries: primaries}
	if err := x.held(c.Name); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, pr.remove(context.WithoutCancel(ctx), x))
	}()
	if err := pr.put(ctx, x); err != nil {
		return err
	}
	for _, name := range pr.primaries {
		if err := pr.wait(ctx, name, r); err != nil {
			return err
		}
	}
	return nil
}

// A servingProbe tries the primaries of a cluster one by one.
type servingProbe struct {
	l         *world.Connected
	c         *plan.Cluster
	mesh      string
	port      int64 // of the first primary
	primaries []string
	made      []object.Ref
}

// put makes the objects of the probe, the webhook last.
func (p *servingProbe) put(ctx context.Context, x *Execution) error {
	service, err := p.freeName(ctx)
	if err != nil {
		return err
	}
	objects := []*unstructured.Unstructured{p.service(service)}
	for i, name := range p.primaries {
		reach := world.ReadReach(ctx, x.clients.Connect(x.Plan.Cluster(name).Live))
		if reach.Err != nil {
			return reach.Err
		}
		if !reach.Known() {
			return fmt.Errorf("the gateway of %s has no address", name)
		}
		objects = append(objects, p.slice(service, name, i, reach.Endpoints()))
	}
	hooks, err := p.webhooks(service, x.Plan.Wanted.Root.Cert().Raw)
	if err != nil {
		return err
	}
	for _, o := range append(objects, hooks) {
		if err := x.held(p.c.Name); err != nil {
			return err
		}
		o.SetLabels(withLabel(o.GetLabels(), object.LabelMesh, p.mesh))
		p.made = append(p.made, object.RefOf(o))
		if _, err := p.l.Cluster.Apply(ctx, o, object.ApplyOptions{Force: true}); err != nil {
			return err
		}
	}
	return nil
}

func withLabel(labels map[string]string, key, value string) map[string]string {
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	return labels
}

// freeName is a name for the probe's Service that nobody else uses.
func (p *servingProbe) freeName(ctx context.Context) (string, error) {
	for _, name := range probeServices {
		live, err := p.l.Cluster.Get(ctx, object.ServiceRef(p.c.Namespace, name))
		if err != nil && !object.Absent(err) {
			return "", err
		}
		if live == nil || object.Ours(live) {
			return name, nil
		}
	}
	return "", fmt.Errorf("prove that %s serves %s: Services %s are somebody else's, and istiod's certificate has no other names",
		strings.Join(p.primaries, ", "), p.c.Name, strings.Join(probeServices, " and "))
}

func probePort(i int) string { return fmt.Sprintf("probe-%d", i) }

func (p *servingProbe) service(name string) *unstructured.Unstructured {
	var ports []any
	for i := range p.primaries {
		ports = append(ports, map[string]any{"name": probePort(i), "port": p.port + int64(i), "targetPort": int64(object.WebhookPort), "protocol": "TCP"})
	}
	return object.New("v1", "Service", p.c.Namespace, name, nil, map[string]any{"spec": map[string]any{"ports": ports}})
}

// slice is where one primary is reached: only its own port of the Service leads
// there.
func (p *servingProbe) slice(service, primary string, i int, e world.Endpoints) *unstructured.Unstructured {
	content := e.Fields()
	content["ports"] = []any{map[string]any{"name": probePort(i), "port": int64(e.Webhook), "protocol": "TCP"}}
	return object.New("discovery.k8s.io/v1", "EndpointSlice", p.c.Namespace, probeSliceRef(p.c.Namespace, primary).Name, map[string]any{
		"labels": map[string]any{"kubernetes.io/service-name": service, "endpointslice.kubernetes.io/managed-by": object.FieldManager},
	}, content)
}

// webhooks call istiod as the cluster's own injector does, each through the port
// of one primary.
func (p *servingProbe) webhooks(service string, root []byte) (*unstructured.Unstructured, error) {
	injector := p.c.Item(object.InjectorRef(p.c.Namespace))
	if injector == nil {
		return nil, fmt.Errorf("prove that %s serves %s: the IstioControlPlane has no injection webhook", strings.Join(p.primaries, ", "), p.c.Name)
	}
	path := injectionPath(injector.Object)
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}))
	var hooks []any
	for i, primary := range p.primaries {
		hooks = append(hooks, map[string]any{
			"name":                    fmt.Sprintf("probe-%d.setup-mesh.io", i),
			"admissionReviewVersions": []any{"v1"}, "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": int64(10),
			"clientConfig": map[string]any{"caBundle": ca, "service": map[string]any{
				"name": service, "namespace": p.c.Namespace, "path": path, "port": p.port + int64(i),
			}},
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": p.c.Namespace}},
			"objectSelector":    map[string]any{"matchLabels": map[string]any{probeLabel: primary}},
			"rules": []any{map[string]any{
				"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE"}, "resources": []any{"pods"},
			}},
		})
	}
	return object.New("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", desired.ProbeWebhookRef(p.c.Namespace).Name, nil,
		map[string]any{"webhooks": hooks}), nil
}

// injectionPath is where istiod injects for the cluster of a webhook.
func injectionPath(injector *unstructured.Unstructured) string {
	hooks, _, _ := unstructured.NestedSlice(injector.Object, "webhooks")
	for _, h := range hooks {
		if m, ok := h.(map[string]any); ok {
			if path, _, _ := unstructured.NestedString(m, "clientConfig", "service", "path"); path != "" {
				return path
			}
		}
	}
	return "/inject"
}

// wait waits until one primary injects the pod that only its webhook matches.
func (p *servingProbe) wait(ctx context.Context, primary string, r *reporter) error {
	pod := observe.ProbePod(p.c.Namespace, p.c.ProbeAccount())
	labels := withLabel(pod.GetLabels(), probeLabel, primary)
	labels["istio.io/rev"] = desired.ProbeName // which no injector has, so that none but the probe matches
	pod.SetLabels(labels)
	return pollInjection(ctx, p.l, pod, "injection by "+primary, r)
}

// remove takes the objects of the probe out again, the webhook first. Those that
// are gone count as gone.
func (p *servingProbe) remove(ctx context.Context, x *Execution) error {
	var all error
	for i := len(p.made) - 1; i >= 0; i-- {
		if err := x.held(p.c.Name); err != nil {
			return errors.Join(all, err)
		}
		err := p.l.Cluster.Delete(ctx, p.made[i], object.DeleteOptions{})
		if err == nil {
			x.cleared(p.c.Name, p.made[i])
		}
		all = errors.Join(all, err)
	}
	if all == nil { // those that were not made are not there either
		for _, one := range probeRefs(p.c) {
			x.cleared(p.c.Name, one.Ref)
		}
	}
	return all
}

// waitOwnEndpoints waits until a cluster's own istiod stands behind its Service.
func waitOwnEndpoints(ctx context.Context, l *world.Connected, r *reporter) error {
	return poll(ctx, r, func(ctx context.Context) (string, error) {
		slices, err := ownSlices(ctx, l)
		if err != nil {
			return err.Error(), nil
		}
		for _, s := range slices {
			if hasReadyEndpoint(s) {
				return "", nil
			}
		}
		return "istiod: waiting for its endpoints", nil
	})
}

// ownSlices are the EndpointSlices that Kubernetes made for istiod's Service.
func ownSlices(ctx context.Context, l *world.Connected) ([]*unstructured.Unstructured, error) {
	all, err := l.Cluster.List(ctx, schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}, l.Namespace, "kubernetes.io/service-name="+object.IstiodService)
	var out []*unstructured.Unstructured
	for _, s := range all {
		if by := s.GetLabels()["endpointslice.kubernetes.io/managed-by"]; strings.HasSuffix(by, ".k8s.io") {
			out = append(out, s)
		}
	}
	return out, err
}

func hasReadyEndpoint(slice *unstructured.Unstructured) bool {
	list, _, _ := unstructured.NestedSlice(slice.Object, "endpoints")
	for _, e := range list {
		m, _ := e.(map[string]any)
		if ready, found, _ := unstructured.NestedBool(m, "conditions", "ready"); ready || !found {
			return true
		}
	}
	return false
}

// dropOwnEndpoints takes the endpoints away that Kubernetes made for a Service
// which has lost its selector: it leaves them, and copies Endpoints without one.
// https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors
func dropOwnEndpoints(ctx context.Context, l *world.Connected) error {
	legacy := object.Ref{Kind: "Endpoints", Namespace: l.Namespace, Name: object.IstiodService}
	return wait.PollUntilContextCancel(ctx, probeInterval, true, func(ctx context.Context) (bool, error) {
		if err := l.Cluster.Delete(ctx, legacy, object.DeleteOptions{}); err != nil {
			return false, err
		}
		slices, err := ownSlices(ctx, l)
		if err != nil {
			return false, err
		}
		for _, s := range slices {
			if err := l.Cluster.Delete(ctx, object.RefOf(s), object.DeleteOptions{UID: string(s.GetUID())}); err != nil {
				return false, err
			}
		}
		return len(slices) == 0, nil
	})
}
