package apply

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
	"github.com/setup-mesh/setup-mesh/pkg/apply/record"
	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Annotations on minted objects. None of them is secret.
const (
	annotationPrefix  = "setup-mesh.io/"
	annotationRoot    = annotationPrefix + "root"      // SHA-256 of the root certificate
	annotationGrant   = annotationPrefix + "grant"     // UID of the grant in the source cluster
	annotationIssued  = annotationPrefix + "issued"    // RFC 3339
	annotationExpires = annotationPrefix + "not-after" // RFC 3339
	annotationServes  = annotationPrefix + "serves"    // "true" where the consumer is a primary of the source
)

// An intermediate is the content of a cluster's cacerts.
type intermediate struct {
	root *certs.Root
	id   certs.Identity
}

// Judge implements [Late].
func (i *intermediate) Judge(w *World, live *unstructured.Unstructured) string {
	b, err := certs.ParseBundle(secretData(live))
	if err != nil {
		return err.Error()
	}
	if v := certs.Judge(b.NotBefore(), b.NotAfter(), w.Now); v != certs.Fresh {
		return fmt.Sprintf("its intermediate is %s: valid until %s", v, b.NotAfter().Format(time.DateOnly))
	}
	if err := b.Verify(i.root, w.Now, i.id); err != nil {
		return err.Error()
	}
	return ""
}

// Needs implements [Late].
func (*intermediate) Needs() string { return "" }

// Fields implements [Late].
func (*intermediate) Fields() []string { return []string{"data"} }

// A remoteAccess is the content of a remote secret: the way to the API server
// of source, for the istiod of consumer.
type remoteAccess struct {
	source   record.Member
	account  string // service account in the source cluster
	consumer string
	serves   bool // the consumer is a primary of the source
}

// Judge implements [Late]. What cannot be read of the source cluster is no
// reason to replace a credential that may work.
func (r *remoteAccess) Judge(w *World, live *unstructured.Unstructured) string {
	source := w.Cluster(r.source.Name)
	if source == nil || source.Unreached != nil {
		return ""
	}
	k, err := parseRemoteKubeconfig(secretData(live)[r.source.Name])
	if err != nil {
		return err.Error()
	}
	want := source.Endpoint
	switch {
	case k.server != want.Server:
		return fmt.Sprintf("API server of %s: %s -> %s", r.source.Name, k.server, want.Server)
	case k.serverName != want.TLSServerName:
		return fmt.Sprintf("TLS server name of %s: %q -> %q", r.source.Name, k.serverName, want.TLSServerName)
	case !bytes.Equal(k.ca, want.CA):
		return fmt.Sprintf("the CA of the API server of %s changed", r.source.Name)
	}
	grant := source.Objects[object.SecretRef(r.source.Namespace, object.GrantPrefix+r.consumer)]
	note := live.GetAnnotations()
	switch {
	case r.serves && note[annotationServes] == "":
		// istiod asks whom it may lead when it meets a cluster, and not again:
		// a new credential is a new meeting.
		// https://github.com/istio/istio/blob/1.31.0/pilot/pkg/serviceregistry/kube/controller/multicluster.go (checkShouldLead)
		return fmt.Sprintf("%s is served from here now", r.source.Name)
	case !r.serves && note[annotationServes] != "":
		return fmt.Sprintf("%s is not served from here any more", r.source.Name)
	case grant.Err != nil:
		return ""
	case grant.Object == nil:
		return fmt.Sprintf("its token was revoked in %s", r.source.Name)
	case string(grant.Object.GetUID()) != note[annotationGrant]:
		return fmt.Sprintf("its token is bound to a grant that %s has no more", r.source.Name)
	}
	issued, err1 := time.Parse(time.RFC3339, note[annotationIssued])
	expires, err2 := time.Parse(time.RFC3339, note[annotationExpires])
	if err1 != nil || err2 != nil {
		return "it does not say how long its token is valid"
	}
	if v := certs.Judge(issued, expires, w.Now); v != certs.Fresh {
		return fmt.Sprintf("its token is %s: valid until %s", v, expires.Format(time.DateOnly))
	}
	return ""
}

// Needs implements [Late]: the token comes out of the source cluster.
func (r *remoteAccess) Needs() string { return r.source.Name }

// Fields implements [Late].
func (*remoteAccess) Fields() []string { return []string{"data"} }

// primaryEndpoints are where the gateway of a primary is reached, for the proxies
// and the API server of a remote cluster.
type primaryEndpoints struct {
	primary string
}

// Judge implements [Late]. What is not known of the primary's gateway is no
// reason to give up an address that may work.
func (p *primaryEndpoints) Judge(w *World, live *unstructured.Unstructured) string {
	primary := w.Cluster(p.primary)
	if primary == nil || primary.Unreached != nil || !primary.Reach.Known() {
		return ""
	}
	want, have := primary.Reach.endpoints(), endpointsOf(live)
	if want.equal(have) {
		return ""
	}
	return fmt.Sprintf("gateway of %s: %s -> %s", p.primary, have, want)
}

// Needs implements [Late].
func (p *primaryEndpoints) Needs() string { return p.primary }

// Fields implements [Late].
func (*primaryEndpoints) Fields() []string { return []string{"addressType", "endpoints", "ports"} }

// secretData is the decoded data of a Secret. What is no base64 is left out,
// and so is missed by whoever parses the rest.
func secretData(o *unstructured.Unstructured) map[string][]byte {
	encoded, _, err := unstructured.NestedStringMap(o.Object, "data")
	if err != nil {
		return nil
	}
	data := make(map[string][]byte, len(encoded))
	for k, v := range encoded {
		if b, err := base64.StdEncoding.DecodeString(v); err == nil {
			data[k] = b
		}
	}
	return data
}

// withContentOf returns it's object with the late content of live: the fields
// that hold it, and our own annotations. A nil live leaves the object as it is.
func withContentOf(it *Item, live *unstructured.Unstructured) *unstructured.Unstructured {
	if live == nil {
		return it.Object
	}
	out := it.Object.DeepCopy()
	for _, field := range it.Late.Fields() {
		if v, ok := live.Object[field]; ok {
			out.Object[field] = v
		}
	}
	notes := out.GetAnnotations()
	for k, v := range live.GetAnnotations() {
		if len(k) > len(annotationPrefix) && k[:len(annotationPrefix)] == annotationPrefix {
			if notes == nil {
				notes = map[string]string{}
			}
			notes[k] = v
		}
	}
	out.SetAnnotations(notes)
	return out
}

// wantedObject is what to send for it where live is there: late content that
// is kept, and no claim to a namespace that somebody else created.
func wantedObject(it *Item, live *unstructured.Unstructured) *unstructured.Unstructured {
	switch {
	case it.Late != nil:
		return withContentOf(it, live)
	case it.Ref.Kind == "Namespace" && live.GetAnnotations()[object.AnnotationCreated] == "":
		o := it.Object.DeepCopy()
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations", object.AnnotationCreated)
		return o
	}
	return it.Object
}
