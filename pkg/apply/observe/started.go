package observe

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// A Given is what the proxies of nodes are given when they start, to know istiods by.
type Given struct {
	PEM   string    // root certificates, "" for none yet
	Since time.Time // of its last change, in whole seconds
	Pods  []Started // those with the proxy of a node
}

// A Started is a pod, and when it was made, in whole seconds.
type Started struct {
	Pod, Owner object.Ref
	At         time.Time
}

// ReadGiven reads it in the namespace of node proxies.
func ReadGiven(ctx context.Context, l *world.Connected, namespace string) (Given, error) {
	pods, err := l.Cluster.List(ctx, schema.GroupKind{Kind: "Pod"}, namespace, "")
	if err != nil {
		return Given{}, err
	}
	var g Given
	for _, pod := range pods {
		if isZtunnel(pod) && pod.GetDeletionTimestamp() == nil {
			g.Pods = append(g.Pods, Started{object.RefOf(pod), ownerOf(pod), pod.GetCreationTimestamp().Time})
		}
	}
	m, err := l.Cluster.Get(ctx, object.RootConfigMapRef(namespace))
	if object.Absent(err) {
		return g, nil
	}
	if err != nil {
		return Given{}, err
	}
	g.PEM, _, _ = unstructured.NestedString(m.Object, "data", "root-cert.pem")
	g.Since = changed(m)
	return g, nil
}

// changed is when somebody changed an object last.
func changed(o *unstructured.Unstructured) time.Time {
	last := o.GetCreationTimestamp().Time
	for _, m := range o.GetManagedFields() {
		if m.Time != nil && m.Time.After(last) {
			last = m.Time.Time
		}
	}
	return last
}
