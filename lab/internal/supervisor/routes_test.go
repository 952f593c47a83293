package supervisor

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab"
	"github.com/setup-mesh/setup-mesh/lab/internal/balancer"
)

func TestThrough(t *testing.T) {
	front := func(port uint16) map[string]balancer.Front {
		return map[string]balancer.Front{"203.0.113.1:1": {Port: port, Pods: []balancer.Pod{{UID: "1", IP: "10.129.0.1"}, {UID: "2", IP: "10.129.0.2"}}}}
	}
	istiod := lab.Ports{SecureXDS: "127.0.0.1:12", Webhook: "127.0.0.1:17"}
	second := map[string]string{"10.129.0.2:15012": "127.0.0.1:99", "10.129.0.2:15443": "127.0.0.1:98"}
	tests := map[string]struct {
		fronts map[string]balancer.Front
		played bool
		want   map[string]string
	}{
		"a gateway that listens":                  {front(15443), true, map[string]string{"203.0.113.1:1": "127.0.0.1:98"}},
		"what is for istiod, too":                 {front(15012), true, map[string]string{"203.0.113.1:1": "127.0.0.1:99"}},
		"nobody tells the gateways to listen":     {front(15017), true, map[string]string{}},
		"pods without a proxy, for istiod":        {front(15012), false, map[string]string{"203.0.113.1:1": "127.0.0.1:12"}},
		"pods without a proxy, for the webhook":   {front(15017), false, map[string]string{"203.0.113.1:1": "127.0.0.1:17"}},
		"pods without a proxy, for the workloads": {front(15443), false, map[string]string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := through(tt.fronts, second, func(types.UID) bool { return tt.played }, istiod)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("through (-want +got):\n%s", diff)
			}
		})
	}
}
