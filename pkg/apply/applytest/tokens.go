package applytest

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// TokenCanary is in every token: what must not leak is found by it.
const TokenCanary = "token-canary"

// A grant is what a token stands for.
type grant struct {
	cluster    string
	account    object.Ref
	accountUID string
	bound      object.Ref
	boundUID   string
	expires    time.Time // by the cluster's clock
}

// token makes a token of a service account that ends with a Secret.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#token-request-api
func (c *Cluster) token(account, bound object.Ref, boundUID string, ttl time.Duration) (string, time.Time, error) {
	owner := c.get(account)
	if owner == nil {
		return "", time.Time{}, notFound(account)
	}
	if ttl < 10*time.Minute {
		return "", time.Time{}, wrong(account, "spec.expirationSeconds", int64(ttl/time.Second), "may not specify a duration less than 10 minutes")
	}
	bound.Namespace = account.Namespace
	secret := c.get(bound)
	if secret == nil {
		return "", time.Time{}, notFound(bound)
	}
	if boundUID != "" && string(secret.GetUID()) != boundUID {
		return "", time.Time{}, modified(bound, fmt.Sprintf("the UID in the bound object reference (%s) does not match the UID in record. "+
			"The object might have been deleted and then recreated", boundUID))
	}
	g := grant{
		cluster: c.name, account: account, accountUID: string(owner.GetUID()), bound: bound, boundUID: string(secret.GetUID()),
		expires: c.now().Add(min(ttl, c.settings.TokenCap)).Truncate(time.Second),
	}
	token := fmt.Sprintf("%s-%s-%d", TokenCanary, c.name, len(c.f.tokens))
	c.f.tokens[token] = g
	return token, g.expires, nil
}

// accepts says why the API server does not take a token for what istiod does
// first, if so.
func (c *Cluster) accepts(token string) error {
	if c.settings.Down {
		return unreachable(c)
	}
	return c.takes(token)
}

// takes is accepts while the API server is up.
func (c *Cluster) takes(token string) error {
	g, ok := c.f.tokens[token]
	valid := func(ref object.Ref, uid string) bool {
		o := c.get(ref)
		return o != nil && string(o.GetUID()) == uid && o.GetDeletionTimestamp() == nil
	}
	if !ok || g.cluster != c.name || !g.expires.After(c.now()) || !valid(g.account, g.accountUID) || !valid(g.bound, g.boundUID) {
		return unauthorized()
	}
	if !c.permits(g.account, "list", "services") {
		return refusal(object.Forbidden, object.Ref{}, `services is forbidden: User "system:serviceaccount:%s:%s" cannot list resource "services" in API group "" at the cluster scope`,
			g.account.Namespace, g.account.Name)
	}
	return nil
}

// permits says whether a ClusterRole gives a service account a verb on a resource of
// the core group.
func (c *Cluster) permits(account object.Ref, verb, resource string) bool {
	const group = "rbac.authorization.k8s.io"
	for _, b := range c.list(object.Ref{Group: group, Kind: "ClusterRoleBinding"}.GroupKind(), "", nil) {
		for _, s := range records(items(b, "subjects")) {
			if str(s, "kind") != "ServiceAccount" || str(s, "name") != account.Name || str(s, "namespace") != account.Namespace {
				continue
			}
			role := c.get(object.Ref{Group: group, Kind: "ClusterRole", Name: text(b, "roleRef", "name")})
			if role == nil {
				continue
			}
			for _, r := range records(items(role, "rules")) {
				if has(r["apiGroups"], "") && has(r["resources"], resource) && has(r["verbs"], verb) {
					return true
				}
			}
		}
	}
	return false
}

// has says whether a rule's list has a value, or all.
func has(list any, value string) bool {
	l, _ := list.([]any)
	for _, e := range l {
		if e == value || e == "*" {
			return true
		}
	}
	return false
}

// A kubeconfig is what matters of one that a remote secret holds.
type kubeconfig struct {
	Current  string `json:"current-context"`
	Contexts []struct {
		Name    string                         `json:"name"`
		Context struct{ Cluster, User string } `json:"context"`
	} `json:"contexts"`
	Clusters []struct {
		Name    string `json:"name"`
		Cluster struct {
			Server string `json:"server"`
		} `json:"cluster"`
	} `json:"clusters"`
	Users []struct {
		Name string `json:"name"`
		User struct {
			Token string `json:"token"`
		} `json:"user"`
	} `json:"users"`
}

// credential returns the server and the token of a stored kubeconfig.
func credential(data []byte) (server, token string, err error) {
	bad := func(why string) error {
		return &object.Error{Class: object.BadKubeconfig, Op: "check the stored kubeconfig", Message: why}
	}
	var k kubeconfig
	if yaml.Unmarshal(data, &k) != nil {
		return "", "", bad("it is no kubeconfig")
	}
	found := false
	for _, c := range k.Contexts {
		if c.Name != k.Current {
			continue
		}
		found = true
		for _, cluster := range k.Clusters {
			if cluster.Name == c.Context.Cluster {
				server = cluster.Cluster.Server
			}
		}
		for _, user := range k.Users {
			if user.Name == c.Context.User {
				token = user.User.Token
			}
		}
	}
	switch {
	case !found:
		return "", "", bad("it has no current context")
	case server == "":
		return "", "", bad("it names a cluster or a user that it does not hold")
	case token == "":
		return "", "", bad("it holds no token")
	}
	return server, token, nil
}

// A config is what [credential] says of a stored kubeconfig.
type config struct {
	server, token string
	err           error
}

// credential is the function of that name; each kubeconfig is parsed once.
func (f *Fleet) credential(data []byte) (server, token string, err error) {
	c, ok := f.configs[string(data)]
	if !ok {
		c.server, c.token, c.err = credential(data)
		f.configs[string(data)] = c
	}
	return c.server, c.token, c.err
}

// at is the cluster whose API server has an address, or nil.
func (f *Fleet) at(server string) *Cluster {
	for _, c := range f.clusters {
		if c.server() == server || c.Alias() == server {
			return c
		}
	}
	return nil
}

// CheckKubeconfig implements [object.Opener].
func (r *Run) CheckKubeconfig(ctx context.Context, kubeconfig []byte) (string, error) {
	server, token, err := credential(kubeconfig)
	if err != nil {
		return "", err
	}
	r.f.mu.Lock()
	c := r.f.at(server)
	r.f.mu.Unlock()
	op := "check the stored kubeconfig for " + server
	if c == nil {
		return "", &object.Error{Class: object.Unreachable, Op: op, Message: "cannot resolve the server's name"}
	}
	return (&client{run: r, c: c}).check(ctx, op, token)
}

// Skew implements [object.Asker].
func (k *client) Skew() time.Duration {
	defer k.c.f.hold()()
	return k.c.settings.Skew
}

// CheckToken implements [object.Asker].
func (k *client) CheckToken(ctx context.Context, kubeconfig []byte) (string, error) {
	_, token, err := credential(kubeconfig)
	if err != nil {
		return "", err
	}
	return k.check(ctx, "check the stored kubeconfig for "+k.c.server(), token)
}

func (k *client) check(ctx context.Context, op, token string) (uid string, err error) {
	err = (&client{run: k.run, c: k.c}).do(ctx, call{verb: "check", op: op}, func() error {
		if err := k.c.accepts(token); err != nil {
			return err
		}
		if k.c.permits(k.c.f.tokens[token].account, "get", "namespaces") {
			uid = string(k.c.get(object.NamespaceRef("kube-system")).GetUID())
		}
		return nil
	})
	if e, ok := err.(*object.Error); ok && e.Class == object.Unauthorized { //nolint:errorlint // ours, not one that is wrapped
		e.Hint = "" // it is not the user's login
	}
	return uid, err
}
