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

// istiodDebugPort serves /debug/clusterz to callers on the pod's loopback, as
// a port-forward is: https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const istiodDebugPort = 15014

// An IstiodView is what one istiod says of the clusters it reads.
type IstiodView struct {
	Pod      string
	Clusters map[string]string // cluster name to state; "synced" is good
	Err      error
}

// Synced is what istiod calls a cluster that it reads whole.
const Synced = "synced"

// istiodAnswers is how long a port-forward to an istiod and its answer may
// take: both are a matter of milliseconds, unless the node is gone.
const istiodAnswers = 10 * time.Second

// ReadIstiods asks every running istiod of l, through a port-forward.
func ReadIstiods(ctx context.Context, l *world.Connected) ([]IstiodView, error) {
	pods, err := l.Cluster.List(ctx, schema.GroupKind{Kind: "Pod"}, l.Namespace, "app=istiod")
	if err != nil {
		return nil, err
	}
	pods = slices.DeleteFunc(pods, func(p *unstructured.Unstructured) bool {
		phase, _, _ := unstructured.NestedString(p.Object, "status", "phase")
		return phase != "Running" || p.GetDeletionTimestamp() != nil
	})
	views := make([]IstiodView, len(pods))
	var g errgroup.Group
	for i, p := range pods {
		g.Go(func() error {
			views[i].Pod = p.GetName()
			ctx, cancel := context.WithTimeout(ctx, istiodAnswers)
			defer cancel()
			body, err := l.Cluster.PodGet(ctx, l.Namespace, p.GetName(), istiodDebugPort, "/debug/clusterz")
			if err == nil {
				views[i].Clusters, err = parseClusterz(body)
			}
			views[i].Err = err
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	return views, nil
}

// parseClusterz reads istiod's list of the clusters it knows:
// https://github.com/istio/istio/blob/master/pkg/cluster/debug.go
func parseClusterz(body []byte) (map[string]string, error) {
	var list []struct {
		ID         string `json:"id"`
		SyncStatus string `json:"syncStatus"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, errors.New("read debug/clusterz: it is not the list of clusters that istiod serves")
	}
	out := make(map[string]string, len(list))
	for _, c := range list {
		out[c.ID] = c.SyncStatus
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
