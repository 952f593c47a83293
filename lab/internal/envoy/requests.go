package envoy

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// peerMetadata is the header in which Istio's proxies tell each other where they are.
// https://github.com/istio/proxy/tree/1.31.0/source/extensions/filters/http/peer_metadata
const peerMetadata = "X-Envoy-Peer-Metadata"

// introduce tells the proxy of the other side in which cluster the application is.
func introduce(h http.Header, cluster string) {
	metadata := &structpb.Struct{Fields: map[string]*structpb.Value{"CLUSTER_ID": structpb.NewStringValue(cluster)}}
	if data, err := (proto.MarshalOptions{Deterministic: true}).Marshal(metadata); err == nil {
		h.Set(peerMetadata, base64.StdEncoding.EncodeToString(data))
	}
}

// introduced takes out of a request what [introduce] put in, and returns the cluster, "unknown" where there is none.
func introduced(h http.Header) string {
	defer h.Del(peerMetadata)
	var metadata structpb.Struct
	data, err := base64.StdEncoding.DecodeString(h.Get(peerMetadata))
	if err != nil || proto.Unmarshal(data, &metadata) != nil || metadata.Fields["CLUSTER_ID"].GetStringValue() == "" {
		return "unknown"
	}
	return metadata.Fields["CLUSTER_ID"].GetStringValue()
}

// A request is what Istio's metrics tell apart of those that a proxy let in.
// https://istio.io/latest/docs/reference/config/metrics/
type request struct {
	cluster, source, destination string
	mutual                       bool
	code                         int
}

// letIn counts a request, and passes it on to the application.
func (p *Proxy) letIn(w http.ResponseWriter, r *http.Request, app http.Handler, id *identity, peer *x509.Certificate) {
	one := request{cluster: introduced(r.Header), source: "unknown", destination: "unknown", mutual: peer != nil, code: http.StatusOK}
	if peer != nil && id != nil {
		one.source, one.destination = uri(peer), uri(id.Certificate.Leaf)
	}
	app.ServeHTTP(&coded{w, &one.code}, r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests[one]++
}

func uri(c *x509.Certificate) string {
	if len(c.URIs) == 0 {
		return "unknown"
	}
	return c.URIs[0].String()
}

// coded notes the status of an answer.
type coded struct {
	http.ResponseWriter
	code *int
}

func (c *coded) WriteHeader(code int) {
	*c.code = code
	c.ResponseWriter.WriteHeader(code)
}

// Metrics is what Envoy's admin endpoint says at /stats/prometheus of the requests that it let in.
func (p *Proxy) Metrics() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	b.WriteString("# TYPE istio_requests_total counter\n")
	for _, r := range slices.SortedFunc(maps.Keys(p.requests), func(a, b request) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) }) {
		security := "none"
		if r.mutual {
			security = "mutual_tls"
		}
		fmt.Fprintf(&b, "istio_requests_total{reporter=\"destination\",source_principal=%q,destination_principal=%q,source_cluster=%q,"+
			"request_protocol=\"http\",response_code=\"%d\",connection_security_policy=%q} %d\n", r.source, r.destination, r.cluster, r.code, security, p.requests[r])
	}
	return b.String()
}
