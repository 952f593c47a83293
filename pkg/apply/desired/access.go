package desired

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/order"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/apply/world"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// A RemoteAccess is the content of a remote secret: the way to the API server
// of source, for the istiod of consumer.
type RemoteAccess struct {
	From     record.Member
	Account  string // service account in the source cluster
	Consumer string
	Serves   bool // the consumer is a primary of the source
	// Grant is the name of the Secret that the token is bound to, Next that of the one
	// for a new token, "" where none is asked for. [Grants] knows them.
	Grant, Next string
}

// grantRef is the Secret in the source that the token is bound to.
func (r *RemoteAccess) grantRef() object.Ref {
	return object.SecretRef(r.From.Namespace, cmp.Or(r.Grant, GrantName(r.Consumer, 1)))
}

// Judge implements [Late].
func (r *RemoteAccess) Judge(w *world.World, live *unstructured.Unstructured) string {
	if why := r.Stale(w, live); why != "" {
		return why
	}
	if source := w.Cluster(r.From.Name); source != nil && source.Unreached == nil && r.Retires(w, live) {
		return fmt.Sprintf("this cluster is no longer a primary of %s", r.From.Name)
	}
	if r.Next != "" {
		return fmt.Sprintf("a new token for %s", r.From.Name)
	}
	return ""
}

// What a credential says of its consumer and its source, in [AnnotationServes].
const (
	serving = "true"   // it was minted for a primary of the source
	served  = "former" // for one that was, and whom somebody there may still depend on
)

// Retires says whether a credential is of a consumer that served the source, and
// is not to. The mark stays until others do: it tells later applies who may still
// depend on the consumer. An istiod that was started meanwhile serves without one, if
// the source says that it may.
func (r *RemoteAccess) Retires(w *world.World, live *unstructured.Unstructured) bool {
	return live != nil && !r.Serves && (Serves(live) || r.mayLead(w.Cluster(r.From.Name)))
}

// mayLead says whether Istio's namespace in the source, which may be nil, lets the
// consumer lead there, by what an apply of ours has written.
func (r *RemoteAccess) mayLead(source *world.Live) bool {
	if source == nil {
		return false
	}
	namespace := source.Object(object.NamespaceRef(source.Namespace))
	return namespace != nil && object.OwnsApplied(namespace, "metadata", "annotations", object.AnnotationControlPlanes) &&
		slices.Contains(strings.Split(namespace.GetAnnotations()[object.AnnotationControlPlanes], ","), r.Consumer)
}

// Serves says whether a remote secret, which may be nil, is of a cluster that its
// consumer serves.
func Serves(secret *unstructured.Unstructured) bool {
	return secret != nil && secret.GetAnnotations()[AnnotationServes] != ""
}

// Stale is why a credential does not do what it is for. What cannot be read of
// the source cluster is no reason to replace a credential that may work.
func (r *RemoteAccess) Stale(w *world.World, live *unstructured.Unstructured) string {
	source := w.Cluster(r.From.Name)
	if source == nil || source.Unreached != nil {
		return ""
	}
	if why := Misdirected(r.From.Name, live, source.Endpoint); why != "" {
		return why
	}
	grant := source.Objects[r.grantRef()]
	account := source.Objects[AccountRef(r.From.Namespace, r.Account)]
	note := live.GetAnnotations()
	switch {
	case r.Serves && note[AnnotationServes] != serving:
		// istiod asks whom it may lead when it meets a cluster, and not again:
		// a new credential is a new meeting.
		// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/multicluster.go (checkShouldLead)
		return fmt.Sprintf("this cluster is now a primary of %s", r.From.Name)
	case grant.Err != nil:
		return ""
	case grant.Object == nil && r.renamed(source, note[AnnotationGrant]):
		return fmt.Sprintf("%s granted its token to this cluster under another name", r.From.Name)
	case grant.Object == nil:
		return fmt.Sprintf("its token was revoked in %s", r.From.Name)
	case string(grant.Object.GetUID()) != note[AnnotationGrant]:
		return fmt.Sprintf("its token is bound to an earlier grant of %s", r.From.Name)
	}
	switch {
	case account.Err != nil:
		return ""
	case account.Object == nil:
		return fmt.Sprintf("the service account of its token is missing in %s", r.From.Name)
	case string(account.Object.GetUID()) != note[AnnotationAccount]:
		return fmt.Sprintf("its token belongs to a service account that %s no longer has", r.From.Name)
	}
	valid, ok := ValidityOf(live)
	if !ok {
		return "it does not say how long its token is valid"
	}
	if v := certs.Judge(valid.Issued, valid.Expires, w.Now); v != certs.Fresh {
		return fmt.Sprintf("its token is %s: valid until %s", v, valid.Expires.Format(time.DateOnly))
	}
	return ""
}

// Misdirected is how a remote secret for source leads elsewhere than to its API
// server, or cannot be used at all; "" for one that leads there.
func Misdirected(source string, secret *unstructured.Unstructured, to object.Endpoint) string {
	k, err := parseRemoteKubeconfig(SecretData(secret)[source])
	switch {
	case err != nil:
		return err.Error()
	case k.server != to.Server:
		return fmt.Sprintf("API server of %s: %s -> %s", source, k.server, to.Server)
	case k.serverName != to.TLSServerName:
		return fmt.Sprintf("TLS server name of %s: %q -> %q", source, k.serverName, to.TLSServerName)
	case !bytes.Equal(k.ca, to.CA):
		return fmt.Sprintf("the CA of the API server of %s changed", source)
	}
	return ""
}

// renamed says whether the grant that a token is bound to is there, under the
// name that the consumer had.
func (r *RemoteAccess) renamed(source *world.Live, uid string) bool {
	for ref, seen := range source.Objects {
		if ref.Kind == "Secret" && ref.Namespace == r.From.Namespace && seen.Object != nil && string(seen.Object.GetUID()) == uid && uid != "" {
			return true
		}
	}
	return false
}

// Needs implements [Late]: the token comes out of the source cluster.
func (r *RemoteAccess) Needs() []order.Fact {
	source := r.From.Name
	return []order.Fact{
		{Cluster: source, Claim: order.Begun},
		order.Applied(source, order.Config, ""), order.Applied(source, order.Account, ""), order.Applied(source, order.Grant, r.Consumer),
	}
}

// Source implements [Late].
func (r *RemoteAccess) Source() string { return r.From.Name }

// Sends implements [Late]: the address, and what is trusted there.
func (r *RemoteAccess) Sends(w *world.World) string {
	source := w.Cluster(r.From.Name)
	if source == nil || source.Unreached != nil {
		return ""
	}
	e := source.Endpoint
	return fmt.Sprintf("%s %s CA %x", e.Server, e.TLSServerName, sha256.Sum256(e.CA))
}

// Access implements [Late].
func (r *RemoteAccess) Access(source *world.Live) []object.Access {
	token := object.AccessTo("create", AccountRef(source.Namespace, ""))
	token.Subresource = "token"
	return []object.Access{token}
}

// Fields implements [Late].
func (*RemoteAccess) Fields() []string { return []string{"data"} }

// Mint asks the source cluster for a token of the consumer's own. Its grant
// has to be there.
func (r *RemoteAccess) Mint(ctx context.Context, m Minter) (Content, error) {
	source := m.World.Cluster(r.From.Name)
	ref := r.grantRef()
	if r.Next != "" {
		ref.Name = r.Next
	}
	grant, account := m.UID(r.From.Name, ref), m.UID(r.From.Name, AccountRef(r.From.Namespace, r.Account))
	// An API server refuses a grant with another UID. An account that somebody has made
	// anew meanwhile is found stale by the next plan.
	token, expires, err := m.Clients.Of(source).Token(ctx, r.From.Namespace, r.Account, ref, string(grant), TokenLifetime)
	if err != nil {
		return Content{}, err
	}
	kubeconfig, err := EncodeRemoteKubeconfig(r.From.Name, source.Endpoint, token)
	if err != nil {
		return Content{}, err
	}
	notes := map[string]string{
		AnnotationGrant:   string(grant),
		AnnotationAccount: string(account),
		AnnotationIssued:  m.Now.UTC().Format(time.RFC3339),
		AnnotationExpires: expires.UTC().Format(time.RFC3339),
	}
	live := m.World.Cluster(r.Consumer).Object(object.SecretRef(m.World.Cluster(r.Consumer).Namespace, object.RemoteSecretPrefix+r.From.Name))
	switch {
	case r.Serves:
		notes[AnnotationServes] = serving
	case r.Retires(m.World, live) && r.Stale(m.World, live) != "":
		notes[AnnotationServes] = served
	}
	out := SecretContent(map[string][]byte{r.From.Name: kubeconfig}, notes)
	out.Token = Validity{m.Now, expires}
	return out, nil
}

// AccountRef is the service account that reads a cluster for others.
func AccountRef(namespace, name string) object.Ref {
	return object.Ref{Kind: "ServiceAccount", Namespace: namespace, Name: name}
}

// TokenLifetime is what is asked for; an API server may give less, and what it
// gave is written beside the token. Renewal comes with an apply in the last
// third of it.
const TokenLifetime = 365 * 24 * time.Hour
