package transport

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

// A ProxyRefusal is a proxy's answer to CONNECT, whose text net/http would take
// for the error.
type ProxyRefusal struct{ status int }

func (e *ProxyRefusal) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", e.status, http.StatusText(e.status)))
}

// For is [rest.TransportFor] with refusals of a proxy that can be told
// from those of the API server.
func For(config *rest.Config) (http.RoundTripper, error) {
	rt, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	for next := rt; next != nil; {
		switch n := next.(type) {
		case *http.Transport:
			n.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
				if resp.StatusCode != http.StatusOK {
					return &ProxyRefusal{resp.StatusCode}
				}
				return nil
			}
			return rt, nil
		case utilnet.RoundTripperWrapper:
			next = n.WrappedRoundTripper()
		default:
			return rt, nil
		}
	}
	return rt, nil
}
