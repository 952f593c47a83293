package agent

import (
	"context"
	"fmt"
	"time"
)

// RunZtunnel takes certificates as a ztunnel does that reads by which roots it knows its istiod when it starts, and never
// again, until ctx is done. It takes its own only: those of the node's pods it would take in the same way.
// https://github.com/istio/ztunnel/blob/1.26.0/src/identity/caclient.rs
func (a *Agent) RunZtunnel(ctx context.Context, identify func(Identity), note func(error)) {
	const again = 500 * time.Millisecond
	var started func(context.Context) (Identity, error)
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = again
		var err error
		if started == nil {
			started, err = a.startZtunnel(ctx)
		}
		var i Identity
		if err == nil {
			i, err = started(ctx)
		}
		switch {
		case err == nil:
			identify(i)
			wait = time.Until(i.renewal())
		case ctx.Err() == nil:
			note(err)
		}
	}
}

// startZtunnel returns how the ztunnel takes a certificate from then on.
func (a *Agent) startZtunnel(ctx context.Context) (func(context.Context) (Identity, error), error) {
	c, _, ok := ProxyContainer(a.Pod)
	if !ok {
		return nil, fmt.Errorf("pod %s/%s has no proxy", a.Pod.Namespace, a.Pod.Name)
	}
	env, err := a.environment(ctx, c)
	if err != nil {
		return nil, err
	}
	conn, err := a.connect(ctx, env["CA_ADDRESS"])
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return func(ctx context.Context) (Identity, error) { return a.certify(ctx, conn, env) }, nil
}
