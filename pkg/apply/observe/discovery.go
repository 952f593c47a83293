package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

// IstiodDebugPort serves /debug/clusterz to callers on the pod's loopback, as
// a port-forward is: https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const IstiodDebugPort = 15014

// An IstiodView is what one istiod says of the clusters it reads and, where it was
// asked, of the gateways and the proxies it knows, and of what it tells node proxies.
type IstiodView struct {
	Pod      string
	Self     string            // the name of its own cluster, "" where it does not say
	Clusters map[string]string // cluster name to state, its own too; "synced" is good
	Err      error

	Gateways    []NetworkGateway // sorted, nil where it was not asked
	GatewaysErr error
	Proxies     []Proxy // that are connected to it, sorted
	ProxiesErr  error
	Tunnels     []Tunnel // of which it tells node proxies, sorted; nil where it was not asked
	TunnelsErr  error
}

// Synced is what istiod calls a cluster that it reads whole.
const Synced = "synced"

// istiodAnswers is how long a port-forward to an istiod and its answer may
// take: both are a matter of milliseconds, unless the node is gone.
const istiodAnswers = 10 * time.Second

// ReadPods lists the pods of Istio's namespace.
func ReadPods(ctx context.Context, l *world.Connected) ([]*unstructured.Unstructured, error) {
	return l.Cluster.List(ctx, schema.GroupKind{Kind: "Pod"}, l.Namespace, "")
}

// More is what istiods are asked beside the clusters that they read.
type More struct{ Gateways, Proxies, Tunnels bool }

// AskIstiods asks every istiod that runs among the pods of Istio's namespace, all
// at once, through port-forwards.
func AskIstiods(ctx context.Context, l *world.Connected, pods []*unstructured.Unstructured, more More) []IstiodView {
	views := []IstiodView{}
	for _, name := range Istiods(pods) {
		views = append(views, IstiodView{Pod: name})
	}
	ctx, cancel := context.WithTimeout(ctx, istiodAnswers)
	defer cancel()
	var g errgroup.Group
	for i := range views {
		v := &views[i]
		g.Go(func() error {
			var known clusters
			known, v.Err = ask(ctx, l, v.Pod, "/debug/clusterz", parseClusterz)
			v.Self, v.Clusters = known.self, known.states
			return nil
		})
		if more.Gateways {
			g.Go(func() error {
				v.Gateways, v.GatewaysErr = ask(ctx, l, v.Pod, "/debug/networkz", parseNetworkz)
				return nil
			})
		}
		if more.Proxies {
			g.Go(func() error {
				v.Proxies, v.ProxiesErr = ask(ctx, l, v.Pod, "/debug/syncz", parseSyncz)
				return nil
			})
		}
		if more.Tunnels {
			g.Go(func() error {
				v.Tunnels, v.TunnelsErr = ask(ctx, l, v.Pod, "/debug/ambientz", parseAmbientz)
				return nil
			})
		}
	}
	_ = g.Wait() // the functions return nil
	return views
}

// Istiods are the names of those that run among pods.
func Istiods(pods []*unstructured.Unstructured) []string {
	var out []string
	for _, p := range pods {
		phase, _, _ := unstructured.NestedString(p.Object, "status", "phase")
		if p.GetLabels()["app"] == "istiod" && phase == "Running" && p.GetDeletionTimestamp() == nil {
			out = append(out, p.GetName())
		}
	}
	return out
}

// ask reads a page of an istiod.
func ask[T any](ctx context.Context, l *world.Connected, pod, path string, parse func([]byte) (T, error)) (T, error) {
	body, err := l.Cluster.PodGet(ctx, l.Namespace, pod, IstiodDebugPort, path)
	if err != nil {
		var none T
		return none, err
	}
	return parse(body)
}

// clusters are those that an istiod knows: its own, "" where it does not say, and the
// states of all by name.
type clusters struct {
	self   string
	states map[string]string
}

// parseClusterz reads istiod's list of the clusters it knows. Its own is the one that no
// Secret tells of.
// https://github.com/istio/istio/blob/1.31.0/pkg/cluster/debug.go
func parseClusterz(body []byte) (clusters, error) {
	var list []struct {
		ID         string `json:"id"`
		Secret     string `json:"secretName"`
		SyncStatus string `json:"syncStatus"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return clusters{}, errors.New("read debug/clusterz: it is not the list of clusters that istiod serves")
	}
	out := clusters{states: make(map[string]string, len(list))}
	for _, c := range list {
		out.states[c.ID] = c.SyncStatus
		if c.Secret == "" {
			out.self = c.ID
		}
	}
	return out, nil
}

// Undiscovered says why the istiods of self, whose views these are, do not discover
// all of reads, or discover what is not in allowed: a reason for each cluster.
func Undiscovered(self string, reads, allowed []string, views []IstiodView) map[string]string {
	out := map[string]string{}
	for _, v := range views {
		if v.Err != nil {
			for _, name := range reads {
				out[name] = v.Err.Error()
			}
			continue
		}
		for _, name := range reads {
			switch state, known := v.Clusters[name]; {
			case !known:
				out[name] = "not known to " + v.Pod
			case state != Synced:
				out[name] = fmt.Sprintf("%s in %s", state, v.Pod)
			}
		}
		for name := range v.Clusters {
			if name != self && !slices.Contains(allowed, name) {
				out[name] = "still known to " + v.Pod
			}
		}
	}
	if len(views) == 0 {
		for _, name := range reads {
			out[name] = "no istiod runs"
		}
	}
	return out
}
