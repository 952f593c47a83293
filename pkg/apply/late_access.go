package apply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A remoteAccess is the content of a remote secret: the way to the API server
// of source, for the istiod of consumer.
type remoteAccess struct {
	from     record.Member
	account  string // service account in the source cluster
	consumer string
	serves   bool // the consumer is a primary of the source
}

// Judge implements [Late].
func (r *remoteAccess) Judge(w *World, live *unstructured.Unstructured) string {
	if why := r.stale(w, live); why != "" {
		return why
	}
	if source := w.Cluster(r.from.Name); source != nil && source.Unreached == nil && r.retires(live) {
		return fmt.Sprintf("%s is no longer served from here", r.from.Name)
	}
	return ""
}

// retires says whether a credential is of a consumer that served the source, and
// is not to. The mark stays until others do: it tells later applies who may still
// depend on the consumer.
func (r *remoteAccess) retires(live *unstructured.Unstructured) bool {
	return !r.serves && serves(live)
}

// serves says whether a remote secret, which may be nil, is of a cluster that its
// consumer serves.
func serves(secret *unstructured.Unstructured) bool {
	return secret != nil && secret.GetAnnotations()[annotationServes] != ""
}

// stale is why a credential does not do what it is for. What cannot be read of
// the source cluster is no reason to replace a credential that may work.
func (r *remoteAccess) stale(w *World, live *unstructured.Unstructured) string {
	source := w.Cluster(r.from.Name)
	if source == nil || source.Unreached != nil {
		return ""
	}
	k, err := parseRemoteKubeconfig(secretData(live)[r.from.Name])
	if err != nil {
		return err.Error()
	}
	want := source.Endpoint
	switch {
	case k.server != want.Server:
		return fmt.Sprintf("API server of %s: %s -> %s", r.from.Name, k.server, want.Server)
	case k.serverName != want.TLSServerName:
		return fmt.Sprintf("TLS server name of %s: %q -> %q", r.from.Name, k.serverName, want.TLSServerName)
	case !bytes.Equal(k.ca, want.CA):
		return fmt.Sprintf("the CA of the API server of %s changed", r.from.Name)
	}
	grant := source.Objects[object.SecretRef(r.from.Namespace, object.GrantPrefix+r.consumer)]
	account := source.Objects[accountRef(r.from.Namespace, r.account)]
	note := live.GetAnnotations()
	switch {
	case r.serves && note[annotationServes] == "":
		// istiod asks whom it may lead when it meets a cluster, and not again:
		// a new credential is a new meeting.
		// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/multicluster.go (checkShouldLead)
		return fmt.Sprintf("%s is served from here now", r.from.Name)
	case grant.Err != nil:
		return ""
	case grant.Object == nil && r.renamed(source, note[annotationGrant]):
		return fmt.Sprintf("this cluster has another name than %s granted its token to", r.from.Name)
	case grant.Object == nil:
		return fmt.Sprintf("its token was revoked in %s", r.from.Name)
	case string(grant.Object.GetUID()) != note[annotationGrant]:
		return fmt.Sprintf("its token is bound to an earlier grant of %s", r.from.Name)
	}
	switch {
	case account.Err != nil:
		return ""
	case account.Object == nil:
		return fmt.Sprintf("the service account of its token is missing in %s", r.from.Name)
	case string(account.Object.GetUID()) != note[annotationAccount]:
		return fmt.Sprintf("its token is of another service account than %s has now", r.from.Name)
	}
	valid, ok := validityOf(live)
	if !ok {
		return "it does not say how long its token is valid"
	}
	if v := certs.Judge(valid.issued, valid.expires, w.Now); v != certs.Fresh {
		return fmt.Sprintf("its token is %s: valid until %s", v, valid.expires.Format(time.DateOnly))
	}
	return ""
}

// renamed says whether the grant that a token is bound to is there, under the
// name that the consumer had.
func (r *remoteAccess) renamed(source *Live, uid string) bool {
	for ref, seen := range source.Objects {
		if ref.Kind == "Secret" && ref.Namespace == r.from.Namespace && seen.Object != nil && string(seen.Object.GetUID()) == uid && uid != "" {
			return true
		}
	}
	return false
}

// Needs implements [Late]: the token comes out of the source cluster, and is
// handed out only where both clusters have their certificates.
func (r *remoteAccess) Needs() []order.Fact {
	source := r.from.Name
	return []order.Fact{
		order.Applied(r.consumer, order.Trust, ""), {Cluster: source, Claim: order.Begun}, order.Applied(source, order.Trust, ""),
		order.Applied(source, order.Config, ""), order.Applied(source, order.Account, ""), order.Applied(source, order.Grant, r.consumer),
	}
}

// Source implements [Late].
func (r *remoteAccess) Source() string { return r.from.Name }

// Sends implements [Late]: the address, and what is trusted there.
func (r *remoteAccess) Sends(w *World) string {
	source := w.Cluster(r.from.Name)
	if source == nil || source.Unreached != nil {
		return ""
	}
	e := source.Endpoint
	return fmt.Sprintf("%s %s CA %x", e.Server, e.TLSServerName, sha256.Sum256(e.CA))
}

// Access implements [Late].
func (r *remoteAccess) Access(source *Live) []object.Access {
	account := object.Ref{Kind: "ServiceAccount", Namespace: source.Namespace}
	token := object.AccessTo("create", account)
	token.Subresource = "token"
	return []object.Access{object.AccessTo("get", object.SecretRef(source.Namespace, "")), object.AccessTo("get", account), token}
}

// Fields implements [Late].
func (*remoteAccess) Fields() []string { return []string{"data"} }

// Mint asks the source cluster for a token of the consumer's own. Its grant
// has to be there.
func (r *remoteAccess) Mint(ctx context.Context, m Minter) (content, error) {
	source := m.World.Cluster(r.from.Name)
	client := m.Clients.Of(source)
	ref := object.SecretRef(r.from.Namespace, object.GrantPrefix+r.consumer)
	grant, err := client.Get(ctx, ref)
	if err != nil {
		return content{}, err
	}
	account, err := client.Get(ctx, accountRef(r.from.Namespace, r.account))
	if err != nil {
		return content{}, err
	}
	token, expires, err := client.Token(ctx, r.from.Namespace, r.account, ref, string(grant.GetUID()), tokenLifetime)
	if err != nil {
		return content{}, err
	}
	kubeconfig, err := encodeRemoteKubeconfig(r.from.Name, source.Endpoint, token)
	if err != nil {
		return content{}, err
	}
	notes := map[string]string{
		annotationGrant:   string(grant.GetUID()),
		annotationAccount: string(account.GetUID()),
		annotationIssued:  m.Now.UTC().Format(time.RFC3339),
		annotationExpires: expires.UTC().Format(time.RFC3339),
	}
	live := m.World.Cluster(r.consumer).object(object.SecretRef(m.World.Cluster(r.consumer).Namespace, object.RemoteSecretPrefix+r.from.Name))
	if r.serves || r.retires(live) && r.stale(m.World, live) != "" {
		notes[annotationServes] = "true"
	}
	out := secretContent(map[string][]byte{r.from.Name: kubeconfig}, notes)
	out.token = validity{m.Now, expires}
	return out, nil
}

func accountRef(namespace, name string) object.Ref {
	return object.Ref{Kind: "ServiceAccount", Namespace: namespace, Name: name}
}

// tokenLifetime is what is asked for; an API server may give less, and what it
// gave is written beside the token. Renewal comes with an apply in the last
// third of it.
const tokenLifetime = 365 * 24 * time.Hour
