package verify

import (
	"context"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An upstream is what the client's proxy says of one address of the service.
type upstream struct{ sent, failed int } // requests, and connections that came to nothing

// upstreams asks the client's proxy which addresses of the service it knows.
// https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters
func (p *place) upstreams(ctx context.Context, o Options) (map[string]upstream, error) {
	out, err := p.proxySays(ctx, o.Namespace, p.client.name, "clusters")
	if err != nil {
		return nil, err
	}
	return upstreamsOf(out, service+"."+o.Namespace+".svc."), nil
}

// proxySays is what the admin endpoint of a pod's proxy answers.
func (p *place) proxySays(ctx context.Context, namespace, pod, path string) (string, error) {
	out, err := p.Exec(ctx, namespace, pod, proxy, "pilot-agent", "request", "GET", path)
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("the proxy of pod %s/%s does not say its %s: exit code %d: %s", namespace, pod, path, out.Code, strings.TrimSpace(string(out.Stderr)))
	}
	return string(out.Stdout), err
}

// upstreamsOf are the addresses of a service on all its ports, by the beginning of its
// name.
func upstreamsOf(clusters, service string) map[string]upstream {
	out := map[string]upstream{}
	for line := range strings.Lines(clusters) {
		if address, what, n, ok := counterIn(strings.TrimSpace(line), service); ok {
			one := out[address]
			switch what {
			case "rq_total":
				one.sent += n
			case "cx_connect_fail":
				one.failed += n
			}
			out[address] = one
		}
	}
	return out
}

// counterIn reads outbound|PORT|SUBSET|HOST::ADDRESS::NAME::NUMBER of the hosts that begin
// with the name of a service. An address of IPv6 has colons too.
func counterIn(line, service string) (address, name string, n int, ok bool) {
	cluster, rest, _ := strings.Cut(line, "::")
	parts := strings.SplitN(cluster, "|", 4)
	i := strings.LastIndex(rest, "::")
	if i < 0 || len(parts) != 4 || parts[0] != "outbound" || !strings.HasPrefix(parts[3], service) {
		return "", "", 0, false
	}
	n, err := strconv.Atoi(rest[i+2:])
	j := strings.LastIndex(rest[:i], "::")
	if err != nil || j < 0 {
		return "", "", 0, false
	}
	_, _, err = net.SplitHostPort(rest[:j])
	return rest[:j], rest[j+2 : i], n, err == nil
}

// A served is one kind of request that the proxy of a server has let in, or of connection
// that the ztunnel of its node has.
type served struct {
	cluster        string // of the caller
	client, server string // SPIFFE identities
	security       string // mutual_tls or none
}

// requests asks the proxies of the servers of p who has called them.
// https://istio.io/latest/docs/reference/config/metrics/
func (p *place) requests(ctx context.Context, o Options) (map[served]int, error) {
	out := map[served]int{}
	for _, server := range p.servers {
		text, err := p.proxySays(ctx, o.Namespace, server.name, "stats/prometheus")
		if err != nil {
			return nil, err
		}
		for k, n := range requestsIn(text) {
			out[k] += n
		}
	}
	return out, nil
}

var label = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// requestsIn are the requests that a proxy has let in, from its metrics as Prometheus
// reads them.
func requestsIn(metrics string) map[served]int {
	out := map[served]int{}
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, "istio_requests_total{") {
			continue
		}
		labels, n, ok := sample(line)
		if ok && labels["reporter"] == "destination" && labels["response_code"] == "200" {
			out[servedBy(labels)] += n
		}
	}
	return out
}

// sample reads a line of a counter.
func sample(line string) (labels map[string]string, value int, ok bool) {
	labels = map[string]string{}
	for _, m := range label.FindAllStringSubmatch(line, -1) {
		labels[m[1]] = m[2]
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, '}')+1:]), 64)
	return labels, int(n), err == nil
}

func servedBy(labels map[string]string) served {
	return served{labels["source_cluster"], labels["source_principal"], labels["destination_principal"], labels["connection_security_policy"]}
}

// kindsOf are the requests that were counted, in a fixed order.
func kindsOf(counted map[served]int) []served {
	return slices.SortedFunc(maps.Keys(counted), func(a, b served) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
}
