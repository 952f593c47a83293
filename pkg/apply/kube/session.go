package kube

import (
	"context"
	"net/http"
	"sync"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

// A session sends the requests of one cluster with the credentials that its
// login has at the moment.
type session struct {
	login   *login
	timeout time.Duration // of a login
	config  *rest.Config  // without credentials

	mu   sync.Mutex
	cred *credential // of next
	next http.RoundTripper
}

// authorized is how the cluster is reached with credentials that hold.
func (s *session) authorized(ctx context.Context) (*rest.Config, *credential, error) {
	limit := s.timeout
	if end, ok := ctx.Deadline(); ok {
		limit = loginLimit(limit, time.Until(end))
	}
	cred, err := s.login.get(ctx, limit)
	if err != nil {
		return nil, nil, err
	}
	config := rest.CopyConfig(s.config)
	config.BearerToken, config.CertData, config.KeyData = cred.token, cred.cert, cred.key
	return config, cred, nil
}

// sender returns what sends requests, and the credentials that it adds.
func (s *session) sender(ctx context.Context) (http.RoundTripper, *credential, error) {
	config, cred, err := s.authorized(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cred != cred {
		next, err := transportFor(config)
		if err != nil {
			return nil, nil, &loginError{plugin: s.login.plugin.name(), text: "printed a certificate that cannot be used"}
		}
		if s.next != nil {
			utilnet.CloseIdleConnectionsFor(s.next)
		}
		s.cred, s.next = cred, next
	}
	return s.next, cred, nil
}
