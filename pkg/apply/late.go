package apply

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// Annotations on minted Secrets. None of them is secret.
const (
	annotationPrefix  = "setup-mesh.io/"
	annotationRoot    = annotationPrefix + "root"      // SHA-256 of the root certificate
	annotationGrant   = annotationPrefix + "grant"     // UID of the grant in the source cluster
	annotationIssued  = annotationPrefix + "issued"    // RFC 3339
	annotationExpires = annotationPrefix + "not-after" // RFC 3339
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

// A remoteAccess is the content of a remote secret: the way to the API server
// of source, for the istiod of consumer.
type remoteAccess struct {
	source   Member
	account  string // service account in the source cluster
	consumer string
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
	grant := source.Objects[secretRef(r.source.Namespace, grantPrefix+r.consumer)]
	note := live.GetAnnotations()
	switch {
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

// withContentOf returns o with the late content of live: its data, and our own
// annotations on it. A nil live leaves o as it is.
func withContentOf(o, live *unstructured.Unstructured) *unstructured.Unstructured {
	if live == nil {
		return o
	}
	out := o.DeepCopy()
	if data, ok := live.Object["data"]; ok {
		out.Object["data"] = data
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
		return withContentOf(it.Object, live)
	case it.Ref.Kind == "Namespace" && live.GetAnnotations()[annotationCreated] == "":
		o := it.Object.DeepCopy()
		o.SetAnnotations(nil)
		return o
	}
	return it.Object
}
