package dataplane

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/setup-mesh/setup-mesh/lab/internal/agent"
)

// isTunnel says whether a pod is that of a Gateway between networks of an ambient mesh.
// https://github.com/istio/istio/blob/1.31.0/pkg/config/constants/constants.go (ManagedGatewayEastWestControllerLabel)
func isTunnel(pod *corev1.Pod) bool {
	return pod.Labels["gateway.istio.io/managed"] == "istio.io-eastwest-controller"
}

// passOn takes what a ztunnel of another network sends for a service to a pod of this one.
func (i *instance) passOn(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	asked, err := http.ReadRequest(bufio.NewReaderSize(oneByOne{conn}, 16))
	if err != nil {
		return // a probe
	}
	to, err := i.behind(ctx, asked.Host)
	if err != nil {
		i.note(err)
		_, _ = io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n") // who has gone does not read it
		return
	}
	defer to.Close()
	stop := context.AfterFunc(ctx, func() { _, _ = conn.Close(), to.Close() })
	defer stop()
	if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(to, conn)
		_ = to.Close()
		close(done)
	}()
	_, _ = io.Copy(conn, to)
	_ = conn.Close()
	<-done
}

// behind connects to a pod of a service, which has a name as istiod gives it, and a port.
func (i *instance) behind(ctx context.Context, service string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(service)
	if err != nil {
		return nil, fmt.Errorf("pass on what is for %s: %w", service, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("pass on what is for %s: %w", service, err)
	}
	all, err := i.network.told(ctx)
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(host, ".", 3)
	if len(parts) < 3 {
		return nil, fmt.Errorf("pass on what is for %s: it is not the name of a Service", service)
	}
	return i.network.toService(ctx, all, parts[1]+"/"+host, host, uint16(number), false)
}

// enroll takes the pod into the mesh as the agent of its node does, where its namespace says so, and says whether it did.
// https://github.com/istio/istio/blob/1.31.0/cni/pkg/util/podutil.go (AnnotateEnrolledPod)
func (i *instance) enroll(ctx context.Context) bool {
	if _, _, sidecar := agent.ProxyContainer(i.pod); sidecar {
		return false
	}
	api := i.runner.cluster.Client().CoreV1()
	ns, err := api.Namespaces().Get(ctx, i.pod.Namespace, metav1.GetOptions{})
	if err != nil || ns.Labels["istio.io/dataplane-mode"] != "ambient" {
		return false
	}
	patch := []byte(`{"metadata":{"annotations":{"ambient.istio.io/redirection":"enabled"}}}`)
	if _, err := api.Pods(i.pod.Namespace).Patch(ctx, i.pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		i.note(fmt.Errorf("enroll pod %s/%s: %w", i.pod.Namespace, i.pod.Name, err))
		return false
	}
	return true
}
