package dataplane

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"
	"istio.io/istio/pkg/workloadapi"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

func TestTunnelRole(t *testing.T) {
	for label, want := range map[string]role{"istio.io-eastwest-controller": {tunnel: true, proxy: "waypoint"}, "istio.io-mesh-controller": {proxy: "waypoint"}} {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"gateway.istio.io/managed": label}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy", Args: []string{"proxy", "waypoint"}}}},
		}
		if got := roleOf(pod); got != want {
			t.Errorf("%s: %+v", label, got)
		}
	}
}

// TestChoose: a workload counts for as many pods as it stands for, and a gateway sends nothing on to another one.
func TestChoose(t *testing.T) {
	ports := map[string]*workloadapi.PortList{"v/hello": {Ports: []*workloadapi.Port{{ServicePort: 80, TargetPort: 8080}}}}
	workload := func(uid string, capacity uint32, addresses ...[]byte) *workloadapi.Address {
		w := &workloadapi.Workload{Uid: uid, Addresses: addresses, Services: ports, Capacity: wrapperspb.UInt32(capacity)}
		return &workloadapi.Address{Type: &workloadapi.Address_Workload{Workload: w}}
	}
	all := xds.Addresses{"a": workload("near", 1, []byte{10, 0, 0, 1}), "b": workload("far", 3)}
	counts := map[string]int{}
	for range 4000 {
		w, port := choose(all, "v/hello", 80, true)
		if port != 8080 {
			t.Fatalf("port %d", port)
		}
		counts[w.Uid]++
	}
	if n := counts["far"]; n < 2700 || n > 3300 {
		t.Errorf("%v of 4000, and far stands for 3 pods of 4", counts)
	}
	for range 100 {
		if w, _ := choose(all, "v/hello", 80, false); w.Uid != "near" {
			t.Fatalf("a gateway chose %s", w.Uid)
		}
	}
	if w, _ := choose(all, "v/hello", 81, true); w != nil {
		t.Errorf("%s is behind a port that the service does not have", w.Uid)
	}
}

// TestConnect: what comes after the header is for whoever calls.
func TestConnect(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		defer there.Close()
		r, err := http.ReadRequest(bufio.NewReader(there))
		if err != nil || r.Host != "hello.v.svc.cluster.local:80" {
			t.Errorf("%v, %v", r, err)
		}
		_, _ = io.WriteString(there, "HTTP/1.1 200 OK\r\n\r\nhello")
	}()
	if err := connect(here, "hello.v.svc.cluster.local:80"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(here); string(text) != "hello" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
