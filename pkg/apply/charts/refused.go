package charts

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A RefusedError is a spec that [Check] lets pass and a template of the charts does not.
type RefusedError struct {
	Path   string // of the value that the template looked at, or spec
	Reason string // in the template's words
	Hint   string // what to do about it, "" where nothing is known
	err    error
}

func (e *RefusedError) Error() string { return e.err.Error() }

// Sentence says of the value at Path that the charts refuse it.
func (e *RefusedError) Sentence() string { return "Istio's charts refuse it: " + e.Reason }

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
		out.Hint = "setup-mesh explain " + out.Path + " says what it may be"
	}
	return out
}

// blamed is err, where it is a template's that made no YAML, as one that names the text
// to blame: the templates do not quote all that they take over, and YAML reads some text
// as more than that. It is the text in whose place a plain word renders.
func blamed(err error, spec map[string]any, render func(map[string]any) error) error {
	e, ok := errors.AsType[*RefusedError](err)
	if !ok || !strings.Contains(e.Error(), "converting YAML to JSON") {
		return err
	}
	own, cloneErr := clone(spec)
	if cloneErr != nil {
		return err
	}
	for _, t := range odd("spec", own, nil) {
		t.set("plain")
		if render(own) == nil {
			return &RefusedError{Path: t.path, Reason: fmt.Sprintf("they do not quote it, and YAML reads %q as more than text", t.text),
				Hint: "write letters, digits and the characters . _ / - only", err: e.err}
		}
		t.set(t.text)
	}
	return err
}

// An oddText is one in a spec that YAML may read otherwise.
type oddText struct {
	path, text string
	set        func(string)
}

// plainText is read as text wherever a template puts it.
var plainText = regexp.MustCompile(`^[A-Za-z0-9_./-]*$`)

// odd are the texts below v that are not plain.
func odd(path string, v any, set func(string)) []oddText {
	var out []oddText
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = append(out, odd(path+"."+k, v[k], func(s string) { v[k] = s })...)
		}
	case []any:
		for i, e := range v {
			out = append(out, odd(itemPath(path, i, e), e, func(s string) { v[i] = s })...)
		}
	case string:
		if !plainText.MatchString(v) {
			out = append(out, oddText{path, v, set})
		}
	}
	return out
}
