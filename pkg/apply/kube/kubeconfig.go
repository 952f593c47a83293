// Package kube speaks to API servers. It is the only package that knows
// client-go.
//
// [Load] reads the kubeconfig as kubectl would, [Kubeconfig.Open] makes a
// [Cluster] of one of its contexts without sending a request, and the methods
// of Cluster read and write objects. Every error is an [*object.Error] that says what
// was attempted, on what, in which context, and which [object.Class] of failure it
// was: absent, refused and unreachable are three answers.
//
// All objects are unstructured, all writes of objects are server-side applies
// under [object.FieldManager]. Idempotent requests are repeated when the failure was
// a passing one; a call ends with its context even where client-go would wait
// for an exec credential plugin that hangs.
package kube

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // the auth providers of older kubeconfigs
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A Kubeconfig is the merged content of the user's kubeconfig files, as they
// were when it was loaded. It is safe for concurrent use.
type Kubeconfig struct {
	raw    clientcmdapi.Config
	access clientcmd.ConfigAccess
}

// Options tune how a [Cluster] is contacted. The zero value is usable.
type Options struct {
	// UserAgent names the caller in audit logs; "setup-mesh" if empty.
	UserAgent string
	// RequestTimeout bounds one attempt of one request; 30 s if zero.
	RequestTimeout time.Duration
	// LoginTimeout bounds the first request of a cluster whose credentials
	// come from an exec plugin, which may want a human; 2 min if zero.
	LoginTimeout time.Duration
}

// silenced keeps client-go's process-wide logger from being replaced while it
// is in use.
var silenced sync.Once

// silence sends what client-go logs nowhere: at a high verbosity it logs
// bodies and headers, and at any verbosity it writes over our own output.
func silence() {
	silenced.Do(func() { klog.SetLogger(logr.Discard()) })
}

// Load reads the kubeconfig at path, or, if path is empty, the files that
// kubectl would read: the list in KUBECONFIG, merged, else ~/.kube/config.
// Relative paths inside are resolved against the file they stand in. A
// kubeconfig without any context is an error.
func Load(path string) (*Kubeconfig, error) {
	silence()
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig = &path
	loader := flags.ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, &object.Error{Class: object.BadKubeconfig, Op: "read the kubeconfig", Message: clean(err.Error()), Err: err}
	}
	k := &Kubeconfig{raw: raw, access: loader.ConfigAccess()}
	if len(raw.Contexts) == 0 {
		where := k.access.GetLoadingPrecedence()
		if k.access.IsExplicitFile() {
			where = []string{k.access.GetExplicitFile()}
		}
		return nil, &object.Error{
			Class: object.BadKubeconfig, Op: "read the kubeconfig",
			Message: fmt.Sprintf("no context in %s", clean(fmt.Sprint(where))),
			Hint:    "set KUBECONFIG, or pass --kubeconfig",
		}
	}
	return k, nil
}

// Contexts returns the names of all contexts, sorted.
func (k *Kubeconfig) Contexts() []string {
	return slices.Sorted(maps.Keys(k.raw.Contexts))
}

// Open makes a client of the named context. It reads the certificate files
// that the context names and sends no request. A context that is absent or
// incomplete is an error; nothing is ever guessed for it.
func (k *Kubeconfig) Open(context string, o Options) (*Cluster, error) {
	bad := func(hint, format string, args ...any) error {
		return &object.Error{Class: object.BadKubeconfig, Context: context, Op: "open", Message: clean(fmt.Sprintf(format, args...)), Hint: hint}
	}
	kc, ok := k.raw.Contexts[context]
	if !ok {
		return nil, bad("contexts: "+clean(fmt.Sprint(k.Contexts())), "no such context in the kubeconfig")
	}
	// An empty server would become http://localhost:8080.
	cluster, ok := k.raw.Clusters[kc.Cluster]
	if !ok || cluster.Server == "" {
		return nil, bad("", "the context's cluster %q has no server", kc.Cluster)
	}
	user, ok := k.raw.AuthInfos[kc.AuthInfo]
	if !ok {
		return nil, bad("", "the context's user %q is not defined", kc.AuthInfo)
	}
	// A copy of its own, because client-go writes into an exec configuration.
	own := clientcmdapi.Config{
		Contexts:  map[string]*clientcmdapi.Context{context: kc.DeepCopy()},
		Clusters:  map[string]*clientcmdapi.Cluster{kc.Cluster: cluster.DeepCopy()},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{kc.AuthInfo: user.DeepCopy()},
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(own, context, &clientcmd.ConfigOverrides{}, k.access).ClientConfig()
	if err != nil {
		return nil, bad("", "%v", err)
	}
	c, err := newCluster(context, config, o)
	if err != nil {
		return nil, bad("", "%v", err)
	}
	c.endpoint.ProxyURL = cluster.ProxyURL
	return c, nil
}

// prepare sets what every client of ours has in common.
func prepare(config *rest.Config, o Options) {
	config.UserAgent = o.UserAgent
	config.QPS = -1 // the server has its own fairness; client-go's 5 per second is none
	config.WarningHandler = rest.NoWarnings{}
	config.Timeout = 0 // per attempt, in transport; here it would end watches
	config.Dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	if config.ExecProvider != nil {
		// Several clusters log in at once; they cannot share a keyboard.
		config.ExecProvider.StdinUnavailable = true
		config.ExecProvider.StdinUnavailableMessage = "setup-mesh contacts several clusters at once; log in before"
	}
}

func (o Options) withDefaults() Options {
	if o.UserAgent == "" {
		o.UserAgent = object.FieldManager
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 30 * time.Second
	}
	if o.LoginTimeout == 0 {
		o.LoginTimeout = 2 * time.Minute
	}
	return o
}
