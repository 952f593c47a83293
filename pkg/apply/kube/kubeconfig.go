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
// a passing one; a call ends with its context, and with it a login plugin that
// hangs.
package kube

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // the auth providers of older kubeconfigs
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/login"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// A Kubeconfig is the merged content of the user's kubeconfig files, as they
// were when it was loaded. It is safe for concurrent use.
type Kubeconfig struct {
	raw    clientcmdapi.Config
	access clientcmd.ConfigAccess

	mu     sync.Mutex
	logins map[string]*login.Login // by how the plugin is called
}

// Options tune how a [Cluster] is contacted. The zero value is usable.
type Options struct {
	// UserAgent names the caller in audit logs; "setup-mesh" if empty.
	UserAgent string
	// RequestTimeout bounds one attempt of one request; 30 s if zero.
	RequestTimeout time.Duration
	// LoginTimeout bounds a run of the exec plugin that gets a cluster's
	// credentials and may want a human; 1 min if zero. It never takes more than
	// half of the time that the caller's context leaves.
	LoginTimeout time.Duration

	decoding decoding // what the clusters of an [Opener] share
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
// kubeconfig without any context is an error. No error quotes what stands in
// the files, the names of clusters, contexts and users excepted.
func Load(path string) (*Kubeconfig, error) {
	silence()
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig = &path
	loader := flags.ToRawKubeConfigLoader()
	raw, err := loader.RawConfig()
	k := &Kubeconfig{raw: raw, access: loader.ConfigAccess(), logins: map[string]*login.Login{}}
	if err != nil {
		files, named := k.files()
		return nil, &object.Error{Class: object.BadKubeconfig, Op: "read the kubeconfig", Message: explainFiles(files, named)}
	}
	if len(raw.Contexts) == 0 {
		files, _ := k.files()
		return nil, &object.Error{
			Class: object.BadKubeconfig, Op: "read the kubeconfig",
			Message: fmt.Sprintf("no context in %s", plain.Clean(fmt.Sprint(files))),
			Hint:    "set KUBECONFIG, or pass --kubeconfig",
		}
	}
	return k, nil
}

// files are the paths that are read, and whether the user named the only one.
func (k *Kubeconfig) files() (paths []string, named bool) {
	if k.access.IsExplicitFile() {
		return []string{k.access.GetExplicitFile()}, true
	}
	return k.access.GetLoadingPrecedence(), false
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
		return &object.Error{Class: object.BadKubeconfig, Context: context, Op: "open", Message: plain.Clean(fmt.Sprintf(format, args...)), Hint: hint}
	}
	kc, ok := k.raw.Contexts[context]
	if !ok {
		return nil, bad("contexts: "+plain.Clean(fmt.Sprint(k.Contexts())), "no such context in the kubeconfig")
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
	// The address is shown, and given to the other clusters.
	if u := serverURL(cluster.Server); u != nil && u.User != nil {
		return nil, bad("write them as username and password of the context's user", "the server of cluster %q holds a user name or a password", kc.Cluster)
	}
	// A copy of its own, because client-go writes into an exec configuration.
	own := clientcmdapi.Config{
		Contexts:  map[string]*clientcmdapi.Context{context: kc.DeepCopy()},
		Clusters:  map[string]*clientcmdapi.Cluster{kc.Cluster: cluster.DeepCopy()},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{kc.AuthInfo: user.DeepCopy()},
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(own, context, &clientcmd.ConfigOverrides{}, k.access).ClientConfig()
	if err != nil {
		return nil, bad("", "%s", explainEntries(kc, cluster, user))
	}
	l, err := k.login(config)
	if err != nil {
		return nil, bad("", "%s", explainEntries(kc, cluster, user))
	}
	c, err := newCluster(context, config, o)
	if err != nil {
		return nil, bad("", "%s", explainEntries(kc, cluster, user))
	}
	if l != nil {
		c.transport.Session = &transport.Session{Login: l, Timeout: o.withDefaults().LoginTimeout, Config: c.config}
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
	if config.Proxy == nil {
		// As client-go does; set here, it can be asked which proxy it is.
		config.Proxy = utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
	}
	config.Dial = (&net.Dialer{Timeout: transport.DialTimeout, KeepAlive: 30 * time.Second}).DialContext
}

func (o Options) withDefaults() Options {
	if o.UserAgent == "" {
		o.UserAgent = object.FieldManager
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 30 * time.Second
	}
	if o.LoginTimeout == 0 {
		o.LoginTimeout = time.Minute
	}
	if o.decoding == nil {
		o.decoding = newDecoding()
	}
	return o
}
