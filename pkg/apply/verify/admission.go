package verify

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// violates is the verdict of Pod Security, which stays the same however long one waits.
// https://github.com/kubernetes/kubernetes/blob/v1.36.0/plugin/pkg/admission/security/podsecurity/admission.go
const violates = "violates PodSecurity"

// runs waits until the pods of a Deployment run, unless Pod Security refuses them.
func (p *place) runs(ctx context.Context, ref object.Ref) error {
	refused := ""
	err := p.Wait(ctx, ref, func(o *unstructured.Unstructured) (bool, string) {
		done, why := available(o)
		if refused = ""; !done && strings.Contains(why, violates) {
			refused = why
		}
		return done || refused != "", why
	})
	if err == nil && refused != "" {
		return fmt.Errorf("wait for %s: its pods are refused: %s", ref, refused)
	}
	return err
}

// An admissionError is that Pod Security does not admit what injection adds to the pods of
// a verification; they themselves are as its strictest level wants them.
type admissionError struct{ error }

func (e *admissionError) Unwrap() error { return e.error }

// Remedy is to leave that work to Istio's CNI plugin.
// https://istio.io/latest/docs/setup/additional-setup/cni/
func (*admissionError) Remedy() string {
	return "enable cni in base.yaml: injected pods then need no container istio-init, which needs more than Pod Security admits"
}

// admission is err, with what to do about it where it says that Pod Security does not
// admit Istio's init container. API servers have no other word for it than this text.
func admission(err error) error {
	if text := err.Error(); strings.Contains(text, violates) && strings.Contains(text, `"istio-init"`) {
		return &admissionError{err}
	}
	return err
}
