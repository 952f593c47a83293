package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

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
func waitServing(ctx context.Context, x *execution, c *plan.Cluster, primaries []string, r *reporter) (err error) {
	l := x.at(c)
	pr := &servingProbe{l: l, c: c, mesh: x.plan.Mesh, port: firstProbePort(x.plan.World.Now), primaries: primaries}
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
func (p *servingProbe) put(ctx context.Context, x *execution) error {
	service, err := p.freeName(ctx)
	if err != nil {
		return err
	}
	objects := []*unstructured.Unstructured{p.service(service)}
	for i, name := range p.primaries {
		reach := world.ReadReach(ctx, x.clients.Connect(x.plan.Cluster(name).Live))
		if reach.Err != nil {
			return reach.Err
		}
		if !reach.Known() {
			return &object.Error{
				Context: p.c.Context, Op: "prove that " + name + " serves " + p.c.Name, Message: "the gateway of " + name + " has no address",
				Hint: "setup-mesh status says what it waits for",
			}
		}
		objects = append(objects, p.slice(service, name, i, reach.Endpoints()))
	}
	hooks, err := p.webhooks(service, x.plan.Wanted.Root.Cert().Raw)
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
	return "", &object.Error{
		Context: p.c.Context, Op: fmt.Sprintf("prove that %s serves %s", strings.Join(p.primaries, ", "), p.c.Name),
		Message: fmt.Sprintf("Services %s belong to others, and istiod's certificate has no other names", strings.Join(probeServices, " and ")),
		Hint:    fmt.Sprintf("delete or rename one of them in namespace %s for this apply", p.c.Namespace),
	}
}

// wait waits until one primary injects the pod that only its webhook matches.
func (p *servingProbe) wait(ctx context.Context, primary string, r *reporter) error {
	pod := observe.ProbePod(p.c.Namespace, p.c.ProbeAccount())
	labels := withLabel(pod.GetLabels(), probeLabel, primary)
	labels[object.LabelRevision] = desired.ProbeName // which no injector has, so that none but the probe matches
	pod.SetLabels(labels)
	return pollInjection(ctx, p.l, pod, "injection by "+primary, r)
}

// remove takes the objects of the probe out again, the webhook first. Those that
// are gone count as gone.
func (p *servingProbe) remove(ctx context.Context, x *execution) error {
	var all error
	for i := len(p.made) - 1; i >= 0; i-- {
		if err := x.held(p.c.Name); err != nil {
			return errors.Join(all, err)
		}
		err := p.l.Cluster.Delete(ctx, p.made[i], object.DeleteOptions{})
		if err == nil {
			x.finished(p.c.Name, p.made[i], "")
		}
		all = errors.Join(all, err)
	}
	if all == nil { // those that were not made are not there either
		for _, one := range probeRefs(p.c) {
			x.finished(p.c.Name, one.Ref, "")
		}
	}
	return all
}
