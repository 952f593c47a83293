package desired

import (
	"encoding/base64"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Annotations on minted objects. None of them is secret.
const (
	annotationPrefix  = "setup-mesh.io/"
	annotationRoot    = annotationPrefix + "root"      // SHA-256 of the root certificate
	AnnotationGrant   = annotationPrefix + "grant"     // UID of the grant in the source cluster
	AnnotationAccount = annotationPrefix + "account"   // UID of the service account there
	AnnotationIssued  = annotationPrefix + "issued"    // RFC 3339
	AnnotationExpires = annotationPrefix + "not-after" // RFC 3339
	AnnotationServes  = annotationPrefix + "serves"    // where the consumer is, or was, a primary of the source
)

// SecretData is the decoded data of a Secret. What is not base64 is left
// out, and so is missed by whoever parses the rest.
func SecretData(o *unstructured.Unstructured) map[string][]byte {
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

// WantedObject is what to send for it where live is there: late content that
// is kept, and no claim to a namespace that somebody else created.
func WantedObject(it *Item, live *unstructured.Unstructured) *unstructured.Unstructured {
	switch {
	case live == nil:
		return it.Object
	case it.Late != nil:
		return withContentOf(it, live)
	case it.Ref.Kind == "Namespace" && live.GetAnnotations()[object.AnnotationCreated] == "":
		o := it.Object.DeepCopy()
		unstructured.RemoveNestedField(o.Object, "metadata", "annotations", object.AnnotationCreated)
		return o
	}
	return it.Object
}

// Content is minted: top-level fields of an object, and annotations that may
// be known.
type Content struct {
	Fields map[string]any
	notes  map[string]string
	Sends  string // as in [Late]
	// Token is how long a token in it is valid, zero if there is none.
	Token Validity
}

// SecretContent is the content of a Secret.
func SecretContent(data map[string][]byte, notes map[string]string) Content {
	encoded := make(map[string]any, len(data))
	for k, v := range data {
		encoded[k] = base64.StdEncoding.EncodeToString(v)
	}
	return Content{Fields: map[string]any{"data": encoded}, notes: notes}
}

// Put returns o with the content.
func (c Content) Put(o *unstructured.Unstructured) *unstructured.Unstructured {
	out := o.DeepCopy()
	for k, v := range c.Fields {
		out.Object[k] = v
	}
	notes := out.GetAnnotations()
	if notes == nil {
		notes = map[string]string{}
	}
	for k, v := range c.notes {
		notes[k] = v
	}
	out.SetAnnotations(notes)
	return out
}
