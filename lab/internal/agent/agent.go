// Package agent is what Istio's agent does in a pod: it takes a certificate from an istiod with a token of the pod's
// service account, and keeps the pod's proxy told what the istiod says.
package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	authentication "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/setup-mesh/setup-mesh/lab/internal/downward"
	"github.com/setup-mesh/setup-mesh/lab/internal/xds"
)

// audience is of the tokens that istiods take. The webhook asks for a volume with one.
const audience = "istio-ca"

// rootMap is the ConfigMap that istiods write into every namespace, and that the webhook mounts.
const rootMap = "istio-ca-root-cert"

// istiod is where istiod is when nothing says otherwise.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig-discovery_address
const istiod = "istiod.istio-system.svc:15012"

// followsTrust is the variable, of proxyMetadata, that has an agent heed what istiod says of its roots.
// https://github.com/istio/istio/blob/1.31.0/pilot/cmd/pilot-agent/options/options.go (enableProxyConfigXdsEnv)
const followsTrust = "PROXY_CONFIG_XDS_AGENT"

// A Proxy is told what the agent learns.
type Proxy interface {
	Identify(Identity)
	Configure(xds.State)
	List(lists []byte) // PEM of revocation lists
}

// An Agent serves the proxy of one pod, or is that of a node.
type Agent struct {
	Pod    *corev1.Pod // with its address
	Client kubernetes.Interface
	Dial   func(ctx context.Context, hostPort string) (net.Conn, error) // as the pod would: names of Services are fine
	Proxy  Proxy                                                        // nil where it is that of a node
}

// Run serves until ctx is done, and calls note with every reason why it cannot.
func (a *Agent) Run(ctx context.Context, note func(error)) {
	const first, longest = 100 * time.Millisecond, 500 * time.Millisecond // shorter than Envoy's: tests wait for it
	if ctx.Err() != nil {
		return
	}
	s := session{Agent: a, lists: &lists{proxy: a.Proxy, read: make(chan struct{})}}
	var follows sync.WaitGroup
	defer follows.Wait()
	follows.Go(func() { s.lists.follow(ctx, a.Client, a.Pod.Namespace) })
	select { // a kubelet starts no container before its files are there
	case <-ctx.Done():
	case <-s.lists.read:
	}
	for delay := first; ctx.Err() == nil; delay = min(2*delay, longest) {
		start := time.Now()
		if err := s.run(ctx, note); err != nil && ctx.Err() == nil {
			note(err)
		}
		if time.Since(start) > longest {
			delay = first
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}

// A session is what outlives a connection to an istiod.
type session struct {
	*Agent
	identity *Identity
	state    xds.State
	trust    []string // that the identity was taken with
	lists    *lists
}

// run serves over one connection.
func (s *session) run(ctx context.Context, note func(error)) error {
	c, kind, ok := ProxyContainer(s.Pod)
	if !ok {
		return fmt.Errorf("pod %s/%s has no proxy", s.Pod.Namespace, s.Pod.Name)
	}
	env, err := s.environment(ctx, c)
	if err != nil {
		return err
	}
	n, err := node(s.Pod, kind, c.Image, env)
	if err != nil {
		return err
	}
	conn, err := s.connect(ctx, discoveryAddress(env))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := s.identify(ctx, env); err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, s.identity.renewal()) // the next connection renews it
	defer cancel()
	token, err := s.token(ctx)
	if err != nil {
		return err
	}
	asking := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token, "clusterid", env["ISTIO_META_CLUSTER_ID"])
	return xds.Follow(asking, conn, n, s.state, func(state xds.State) {
		s.state = state
		s.Proxy.Configure(state)
		if env[followsTrust] != "true" || slices.Equal(state.Trust, s.trust) {
			return
		}
		// Other roots have istio-agent take another certificate at once.
		// https://github.com/istio/istio/blob/1.31.0/security/pkg/nodeagent/cache/secretcache.go (UpdateConfigTrustBundle)
		was := s.identity
		s.identity, s.trust = nil, state.Trust
		if err := s.identify(ctx, env); err != nil {
			s.identity = was
			note(err)
		}
	})
}

// identify takes a certificate unless there is one that will do for some time.
func (s *session) identify(ctx context.Context, env map[string]string) error {
	if s.identity != nil && time.Now().Before(s.identity.renewal()) {
		return nil
	}
	at := env["CA_ADDR"]
	if at == "" {
		at = discoveryAddress(env)
	}
	conn, err := s.connect(ctx, at)
	if err != nil {
		return err
	}
	defer conn.Close()
	i, err := s.certify(ctx, conn, env)
	if err != nil {
		return err
	}
	s.identity = &i
	s.Proxy.Identify(i)
	s.lists.push()
	return nil
}

// certify takes a certificate over a connection to an istiod.
func (a *Agent) certify(ctx context.Context, conn *grpc.ClientConn, env map[string]string) (Identity, error) {
	token, err := a.token(ctx)
	if err != nil {
		return Identity{}, err
	}
	domain := env["TRUST_DOMAIN"]
	if domain == "" {
		domain = "cluster.local"
	}
	id := &url.URL{Scheme: "spiffe", Host: domain, Path: "/ns/" + a.Pod.Namespace + "/sa/" + a.Pod.Spec.ServiceAccountName}
	return sign(ctx, conn, id, env["ISTIO_META_CLUSTER_ID"], token)
}

// environment is that of a container of the pod.
func (a *Agent) environment(ctx context.Context, c corev1.Container) (map[string]string, error) {
	list, err := downward.Environment(ctx, a.Client, a.Pod, c, a.Pod.Status.PodIP)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for _, e := range list {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	return env, nil
}

// connect opens a connection to an istiod, which has to prove itself by the root in the pod's namespace.
func (a *Agent) connect(ctx context.Context, at string) (*grpc.ClientConn, error) {
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("connect to istiod: %w", err)
	}
	m, err := a.Client.CoreV1().ConfigMaps(a.Pod.Namespace).Get(ctx, rootMap, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read the root certificate of namespace %s: %w", a.Pod.Namespace, err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(m.Data["root-cert.pem"]))
	return grpc.NewClient("passthrough:///"+at, grpc.WithNoProxy(), grpc.WithContextDialer(a.Dial),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: host})),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)))
}

// token is what a kubelet would have mounted.
func (a *Agent) token(ctx context.Context) (string, error) {
	hours := int64(12 * 60 * 60) // as the webhook asks, in seconds
	t, err := a.Client.CoreV1().ServiceAccounts(a.Pod.Namespace).CreateToken(ctx, a.Pod.Spec.ServiceAccountName, &authentication.TokenRequest{
		Spec: authentication.TokenRequestSpec{
			Audiences: []string{audience}, ExpirationSeconds: &hours,
			BoundObjectRef: &authentication.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: a.Pod.Name, UID: a.Pod.UID},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("make a token of service account %s/%s: %w", a.Pod.Namespace, a.Pod.Spec.ServiceAccountName, err)
	}
	return t.Status.Token, nil
}

func discoveryAddress(env map[string]string) string {
	var config struct {
		DiscoveryAddress string `json:"discoveryAddress"`
	}
	if json.Unmarshal([]byte(env["PROXY_CONFIG"]), &config) == nil && config.DiscoveryAddress != "" {
		return config.DiscoveryAddress
	}
	return istiod
}
