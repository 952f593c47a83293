package desired

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
)

func TestJudgeEndpoints(t *testing.T) {
	usual := world.Reach{Hosts: []string{"192.0.2.1"}, IPs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	live := Content{Fields: usual.Endpoints().Fields()}.Put(EndpointsObject("ns", "east"))
	moved := usual
	moved.IPs = []netip.Addr{netip.MustParseAddr("192.0.2.8"), netip.MustParseAddr("192.0.2.9")}
	ports := usual
	ports.Ports = map[int]int{15012: 31012, 15017: 31017}
	broken := moved
	broken.Err = errors.New("no answer")
	tests := map[string]struct {
		east *world.Live
		want string
	}{
		"the same":                 {&world.Live{Reach: usual}, ""},
		"other addresses":          {&world.Live{Reach: moved}, "gateway of east: 192.0.2.1 -> 192.0.2.8, 192.0.2.9"},
		"other ports":              {&world.Live{Reach: ports}, "gateway of east: 192.0.2.1 -> 192.0.2.1 ports 31012 and 31017"},
		"no address for now":       {&world.Live{}, ""},
		"a name that is not known": {&world.Live{Reach: broken}, ""},
		"a primary that is down":   {&world.Live{Reach: moved, Unreached: errors.New("down")}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.east.Name = "east"
			w := &world.World{Clusters: []*world.Live{tt.east}}
			if got := (&PrimaryEndpoints{Primary: "east"}).Judge(w, live); got != tt.want {
				t.Errorf("judged %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAPIServerOver(t *testing.T) {
	kubeconfig := object.Endpoint{Server: "https://127.0.0.1:1", TLSServerName: "kind", CA: []byte("A"), ProxyURL: "http://p"}
	insecure := object.Endpoint{Server: "https://a", Insecure: true}
	tests := map[string]struct {
		in   object.Endpoint
		over APIServer
		want object.Endpoint
	}{
		"nothing":                               {kubeconfig, APIServer{}, kubeconfig},
		"a server, whose name is its own":       {kubeconfig, APIServer{Server: "https://10.0.0.5:6443/"}, object.Endpoint{Server: "https://10.0.0.5:6443", CA: []byte("A"), ProxyURL: "http://p"}},
		"a server with a name":                  {kubeconfig, APIServer{Server: "https://x", TLSServerName: "y"}, object.Endpoint{Server: "https://x", TLSServerName: "y", CA: []byte("A"), ProxyURL: "http://p"}},
		"a CA where the kubeconfig checks none": {insecure, APIServer{CA: []byte("B")}, object.Endpoint{Server: "https://a", CA: []byte("B")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.over.Over(tt.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
