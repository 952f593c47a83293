package transport

import (
	"context"
	"net/http"
	"sync"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/login"
)

// A Session sends the requests of one cluster with the credentials that its
// login has at the moment.
type Session struct {
	Login   *login.Login
	Timeout time.Duration // of a login
	Config  *rest.Config  // without credentials

	mu   sync.Mutex
	cred *login.Credential // of next
	next http.RoundTripper
}

// Authorized is how the cluster is reached with credentials that hold.
func (s *Session) Authorized(ctx context.Context) (*rest.Config, *login.Credential, error) {
	limit := s.Timeout
	if end, ok := ctx.Deadline(); ok {
		limit = login.Limit(limit, time.Until(end))
	}
	cred, err := s.Login.Get(ctx, limit)
	if err != nil {
		return nil, nil, err
	}
	config := rest.CopyConfig(s.Config)
	config.BearerToken, config.CertData, config.KeyData = cred.Token, cred.Cert, cred.Key
	return config, cred, nil
}

// sender returns what sends requests, and the credentials that it adds.
func (s *Session) sender(ctx context.Context) (http.RoundTripper, *login.Credential, error) {
	config, cred, err := s.Authorized(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cred != cred {
		next, err := For(config)
		if err != nil {
			return nil, nil, &login.Error{Plugin: s.Login.Plugin.Name(), Text: "printed a certificate that cannot be used"}
		}
		if s.next != nil {
			utilnet.CloseIdleConnectionsFor(s.next)
		}
		s.cred, s.next = cred, next
	}
	return s.next, cred, nil
}
