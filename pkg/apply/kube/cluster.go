package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A Cluster is a client of one API server. It is safe for concurrent use.
type Cluster struct {
	context   string
	config    *rest.Config
	rest      rest.Interface
	dynamic   *dynamic.DynamicClient
	transport *transport.Transport
	endpoint  object.Endpoint
	decoding  decoding

	mu     sync.Mutex
	served map[schema.GroupKind]object.Resource // what discovery said
}

func newCluster(context string, config *rest.Config, o Options) (*Cluster, error) {
	o = o.withDefaults()
	prepare(config, o)
	if err := rest.LoadTLSFiles(config); err != nil {
		return nil, err
	}
	endpoint, err := endpointOf(config)
	if err != nil {
		return nil, err
	}
	config = dynamic.ConfigFor(config)
	next, err := transport.For(config)
	if err != nil {
		return nil, err
	}
	t := transport.New(next, o.RequestTimeout)
	client := &http.Client{Transport: t, CheckRedirect: transport.NoRedirect}
	restClient, err := rest.UnversionedRESTClientForConfigAndClient(config, client)
	if err != nil {
		return nil, err
	}
	return &Cluster{
		context:   context,
		config:    config,
		rest:      restClient,
		dynamic:   dynamic.New(restClient),
		transport: t,
		endpoint:  endpoint,
		decoding:  o.decoding,
		served:    map[schema.GroupKind]object.Resource{},
	}, nil
}

// Context returns the name of the kubeconfig context.
func (c *Cluster) Context() string { return c.context }

// Requests returns how many requests were sent so far, repeats included.
func (c *Cluster) Requests() int64 { return c.transport.Requests.Load() }

// Bytes returns how many bytes of response bodies were received so far,
// watches and pod requests excluded.
func (c *Cluster) Bytes() int64 { return c.transport.Bytes.Load() }

// Skew implements [object.Asker]. The header Date counts whole seconds.
func (c *Cluster) Skew() time.Duration { return c.transport.Skew() }

// Identity asks the cluster who it is: two requests, sent together.
func (c *Cluster) Identity(ctx context.Context) (object.Identity, error) {
	var id object.Identity
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		ns, err := c.Get(ctx, object.NamespaceRef("kube-system"))
		if err == nil {
			id.UID = string(ns.GetUID())
		}
		return err
	})
	g.Go(func() error {
		var v struct {
			GitVersion string `json:"gitVersion"`
		}
		err := c.getJSON(ctx, "/version", &v)
		id.Version = plain.Clean(v.GitVersion)
		return err
	})
	if err := g.Wait(); err != nil {
		return object.Identity{}, err
	}
	return id, nil
}

// getJSON reads the document at path, which is not an object.
func (c *Cluster) getJSON(ctx context.Context, path string, into any) error {
	return c.getJSONAs(ctx, path, "application/json", into)
}

// getJSONAs reads a document that the server has in several forms, in the one
// that accept names.
func (c *Cluster) getJSONAs(ctx context.Context, path, accept string, into any) error {
	body, err := send(ctx, c.rest.Get().AbsPath(path).SetHeader("Accept", accept))
	if err == nil {
		if jsonErr := json.Unmarshal(body, into); jsonErr != nil {
			return &object.Error{Class: object.ServerFault, Context: c.context, Op: "read " + path, Message: "the answer is not JSON"}
		}
		return nil
	}
	failed := c.failed(ctx, "read "+path, object.Ref{}, err)
	if e, ok := errors.AsType[*object.Error](failed); ok && apierrors.IsNotFound(err) {
		e.Err = errNoPath
	}
	return failed
}

// errNoPath is wrapped where a server does not know a path.
var errNoPath = errors.New("no such path")

// send returns the answer to r. Unlike DoRaw, it makes an error out of the
// Status that an API server sends.
func send(ctx context.Context, r *rest.Request) ([]byte, error) {
	result := r.Do(ctx)
	if err := result.Error(); err != nil {
		return nil, err
	}
	return result.Raw()
}

// String is the quoted context, whatever else a Cluster holds.
func (c *Cluster) String() string { return fmt.Sprintf("%q", c.context) }
