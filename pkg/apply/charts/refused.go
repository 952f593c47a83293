package charts

import (
	"regexp"
	"strings"
)

// A RefusedError is a spec that [Check] lets pass and a template of the charts does not.
type RefusedError struct {
	Path   string // of the value that the template looked at, or spec
	Reason string // in the template's words
	err    error
}

func (e *RefusedError) Error() string { return e.err.Error() }

// Unwrap is Helm's error.
func (e *RefusedError) Unwrap() error { return e.err }

var (
	// templateValue finds the value that a template stumbled over.
	templateValue = regexp.MustCompile(`<\.Values\.([\w.-]+)>`)
	// templateFails finds what a template says when it gives up.
	templateFails = regexp.MustCompile(`execution error at \([^)]*\): (.*)`)
)

// refused is err as a [RefusedError] where it is a template's, else err.
func refused(err error) error {
	text := err.Error()
	if !strings.Contains(text, "helm render: ") {
		return err
	}
	out := &RefusedError{Path: "spec", Reason: strings.TrimSpace(text[strings.LastIndex(text, "\n")+1:]), err: err}
	if m := templateFails.FindStringSubmatch(text); m != nil {
		out.Reason = m[1]
	}
	if m := templateValue.FindStringSubmatch(text); m != nil {
		out.Path = "spec.values." + m[1]
	}
	return out
}
