package execute

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/observe"
	"github.com/setup-mesh/setup-mesh/pkg/apply/plan"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A ztunnel that was there before the next root was may know its istiod by the old one only.
func TestUntold(t *testing.T) {
	given := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	cert, key, err := certs.NewRoot(rand.Reader, given, "demo", "example.com")
	if err != nil {
		t.Fatal(err)
	}
	root, err := certs.ParseRoot(cert, &key)
	if err != nil {
		t.Fatal(err)
	}
	ztunnel := func(name string, after time.Duration) observe.Started {
		return observe.Started{
			Pod:   object.Ref{Kind: "Pod", Namespace: "istio-system", Name: name},
			Owner: object.Ref{Group: "apps", Kind: "DaemonSet", Namespace: "istio-system", Name: "ztunnel"}, At: given.Add(after),
		}
	}
	const remedy = ": kubectl --context east -n istio-system rollout restart daemonset ztunnel"
	before := "ztunnel istio-system/a was started before root " + root.Short() + " was there"
	tests := map[string]struct {
		given observe.Given
		want  string
	}{
		"there is none":         {observe.Given{}, ""},
		"restarted":             {observe.Given{PEM: string(cert), Since: given, Pods: []observe.Started{ztunnel("a", time.Second)}}, ""},
		"started before":        {observe.Given{PEM: string(cert), Since: given, Pods: []observe.Started{ztunnel("a", -time.Hour)}}, before + remedy},
		"in the same second":    {observe.Given{PEM: string(cert), Since: given, Pods: []observe.Started{ztunnel("a", 0)}}, before + remedy},
		"one node of three":     {observe.Given{PEM: string(cert), Since: given, Pods: []observe.Started{ztunnel("b", time.Minute), ztunnel("a", 0), ztunnel("c", 0)}}, before + ", and 1 more" + remedy},
		"not even the root yet": {observe.Given{Since: given, Pods: []observe.Started{ztunnel("a", time.Second)}}, "namespace istio-system is not given root " + root.Short() + " yet"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := &plan.Cluster{Member: record.Member{Name: "east", Context: "east"}}
			if got := untold(c, tt.given, root); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
