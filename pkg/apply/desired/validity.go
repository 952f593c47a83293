package desired

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A validity is when a token was made and when it ends.
type Validity struct{ Issued, Expires time.Time }

// validityOf reads what is written beside the token of a remote secret, which
// may be nil.
func ValidityOf(secret *unstructured.Unstructured) (Validity, bool) {
	if secret == nil {
		return Validity{}, false
	}
	note := secret.GetAnnotations()
	issued, err1 := time.Parse(time.RFC3339, note[AnnotationIssued])
	expires, err2 := time.Parse(time.RFC3339, note[AnnotationExpires])
	return Validity{issued, expires}, err1 == nil && err2 == nil
}

func (v Validity) Lifetime() time.Duration { return v.Expires.Sub(v.Issued) }
