package verify

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// upstreams asks the client's proxy how many requests it has sent to each address of the
// service.
// https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters
func (p *place) upstreams(ctx context.Context, o Options) (map[string]int, error) {
	out, err := p.proxySays(ctx, o, p.client, "clusters")
	if err != nil {
		return nil, err
	}
	return upstreamsIn(out, fmt.Sprintf("outbound|%d||%s.%s.svc.", port, service, o.Namespace)), nil
}

func (p *place) proxySays(ctx context.Context, o Options, of pod, path string) (string, error) {
	out, err := p.Exec(ctx, o.Namespace, of.name, proxy, "pilot-agent", "request", "GET", path)
	if err == nil && out.Code != 0 {
		err = fmt.Errorf("the proxy of pod %s does not say its %s: exit code %d: %s", of.name, path, out.Code, strings.TrimSpace(string(out.Stderr)))
	}
	return string(out.Stdout), err
}

// upstreamsIn are the requests to each address, of the cluster with a prefix.
func upstreamsIn(clusters, prefix string) map[string]int {
	out := map[string]int{}
	for line := range strings.Lines(clusters) {
		fields := strings.Split(strings.TrimSpace(line), "::")
		if len(fields) != 4 || !strings.HasPrefix(fields[0], prefix) || fields[2] != "rq_total" {
			continue
		}
		if n, err := strconv.Atoi(fields[3]); err == nil && n > 0 {
			out[fields[1]] += n
		}
	}
	return out
}

// A served is one kind of request that the proxy of a server has let in.
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
		text, err := p.proxySays(ctx, o, server, "stats/prometheus")
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
		labels := map[string]string{}
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			labels[m[1]] = m[2]
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, '}')+1:]), 64)
		if err == nil && labels["reporter"] == "destination" && labels["response_code"] == "200" {
			out[served{labels["source_cluster"], labels["source_principal"], labels["destination_principal"], labels["connection_security_policy"]}] += int(value)
		}
	}
	return out
}

// kindsOf are the requests that were counted, in a fixed order.
func kindsOf(counted map[served]int) []served {
	return slices.SortedFunc(maps.Keys(counted), func(a, b served) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
}
