package apply

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A validity is when a token was made and when it ends.
type validity struct{ issued, expires time.Time }

// validityOf reads what is written beside the token of a remote secret, which
// may be nil.
func validityOf(secret *unstructured.Unstructured) (validity, bool) {
	if secret == nil {
		return validity{}, false
	}
	note := secret.GetAnnotations()
	issued, err1 := time.Parse(time.RFC3339, note[annotationIssued])
	expires, err2 := time.Parse(time.RFC3339, note[annotationExpires])
	return validity{issued, expires}, err1 == nil && err2 == nil
}

func (v validity) lifetime() time.Duration { return v.expires.Sub(v.issued) }
