// Package login gets credentials from the plugin that a kubeconfig names, once for
// all clusters that share it.
package login

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
)

// A Credential is what a login plugin handed out. It is not changed.
type Credential struct {
	Token     string
	Cert, Key []byte    // PEM
	expires   time.Time // zero if it was not told
}

// A Login gets credentials from a user's exec plugin, once for all clusters
// that share it. client-go could do that too, but it runs plugins without a
// context, with our stderr, and leaves behind those that hang:
// https://github.com/kubernetes/kubernetes/issues/108849
type Login struct {
	Plugin plugin

	mu    sync.Mutex
	run   *run // under way, or nil
	cred  *Credential
	err   error     // of the last run
	until time.Time // err counts until then: the other requests fail at once
}

// A run is one call of the plugin. cred and err are set when done is closed.
type run struct {
	waiting int // guarded by login.mu
	cancel  context.CancelFunc
	done    chan struct{}
	cred    *Credential
	err     error
}

// An Error says why there are no credentials. It quotes nothing that the
// plugin printed.
type Error struct {
	Plugin string
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("login plugin %q %s", e.Plugin, e.Text) }

// New is the login of the plugin that e names; info is what it is told of the cluster.
func New(e *clientcmdapi.ExecConfig, info []byte) *Login {
	return &Login{Plugin: plugin{config: e, info: info}}
}

// Get returns credentials that hold, from a run of the plugin that may take
// limit. When ctx ends and nobody else waits, the plugin is ended first.
func (l *Login) Get(ctx context.Context, limit time.Duration) (*Credential, error) {
	l.mu.Lock()
	now := time.Now()
	switch {
	case l.cred != nil && (l.cred.expires.IsZero() || now.Before(l.cred.expires)):
		defer l.mu.Unlock()
		return l.cred, nil
	case now.Before(l.until):
		defer l.mu.Unlock()
		return nil, l.err
	}
	if l.run == nil {
		l.start(ctx, limit)
	}
	r := l.run
	r.waiting++
	l.mu.Unlock()
	select {
	case <-r.done:
		return r.cred, r.err
	case <-ctx.Done():
		l.leave(r)
		return nil, &Error{Plugin: l.Plugin.Name(), Text: "did not answer before the deadline"}
	}
}

// start runs the plugin for as long as somebody waits for it; l.mu is held.
func (l *Login) start(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	r := &run{cancel: cancel, done: make(chan struct{})}
	l.run = r
	go func() {
		defer cancel()
		r.cred, r.err = l.Plugin.ask(ctx)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && r.err != nil {
			r.err = &Error{Plugin: l.Plugin.Name(), Text: fmt.Sprintf("did not answer within %s", limit.Round(time.Second/10))}
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.run == r {
			l.run, l.cred, l.err = nil, r.cred, r.err
			if r.err != nil {
				l.until = time.Now().Add(limit)
			}
		}
		close(r.done)
	}()
}

// leave stops waiting for r. The last one to leave ends it.
func (l *Login) leave(r *run) {
	l.mu.Lock()
	r.waiting--
	last := r.waiting == 0
	if last && l.run == r {
		l.run = nil
	}
	l.mu.Unlock()
	if last {
		r.cancel()
		<-r.done
	}
}

// Refused forgets credentials that an API server did not accept, so that the
// next request logs in again.
func (l *Login) Refused(c *Credential) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cred == c {
		l.cred = nil
	}
}

// Limit is how long a login may take for a caller who has left until its
// deadline: half of it at most, so that there is time for the other clusters.
func Limit(timeout, left time.Duration) time.Duration {
	return min(timeout, left/2)
}

// name is what the plugin is called in messages: the command without its path.
func (p plugin) Name() string { return plain.Clean(filepath.Base(p.config.Command)) }
