package verify

import "strings"

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
	if text := err.Error(); strings.Contains(text, "PodSecurity") && strings.Contains(text, `"istio-init"`) {
		return &admissionError{err}
	}
	return err
}
