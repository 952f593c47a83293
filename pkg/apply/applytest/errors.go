package applytest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// Errors are made without their context and what was attempted: the client that
// hands them on adds both.

func refusal(class object.Class, ref object.Ref, format string, args ...any) *object.Error {
	return &object.Error{Class: class, Ref: ref, Message: fmt.Sprintf(format, args...)}
}

func notFound(ref object.Ref) error {
	return refusal(object.NotFound, ref, "%s %q not found", resourceName(ref), ref.Name)
}

func noKind(ref object.Ref) error {
	where := ""
	if ref.Group != "" {
		where = " in " + ref.Group
	}
	e := refusal(object.NotFound, ref, "the server has no kind %s%s", ref.Kind, where)
	e.Err = object.ErrNoKind
	return e
}

func exists(ref object.Ref) error {
	return refusal(object.Conflict, ref, "%s %q already exists", resourceName(ref), ref.Name)
}

// modified is the answer to a write that expected another object.
func modified(ref object.Ref, why string) error {
	return refusal(object.Conflict, ref, "Operation cannot be fulfilled on %s %q: %s", resourceName(ref), ref.Name, why)
}

const changed = "the object has been modified; please apply your changes to the latest version and try again"

// invalid keeps the values of a Secret out of its message, as package kube does.
func invalid(ref object.Ref, message string, paths ...string) error {
	slices.Sort(paths)
	e := refusal(object.Invalid, ref, "%s", strings.Join(strings.Fields(message), " "))
	e.Fields = slices.Compact(paths)
	if ref.Kind == "Secret" {
		e.Message = "the API server rejected the object"
		if len(e.Fields) > 0 {
			e.Message += ": " + strings.Join(e.Fields, ", ")
		}
	}
	return e
}

// wrong is an object with a value that a field cannot have.
func wrong(ref object.Ref, path string, value any, why string) error {
	return invalid(ref, fmt.Sprintf("%s %q is invalid: %s: Invalid value: %v: %s", qualified(ref), ref.Name, path, value, why), path)
}

func immutable(ref object.Ref, path string, value any) error {
	return wrong(ref, path, value, "field is immutable")
}

var schemaPath = regexp.MustCompile(`\s\.([A-Za-z][^\s:]*): `)

func schemaPaths(message string) []string {
	var out []string
	for _, m := range schemaPath.FindAllStringSubmatch(message, -1) {
		out = append(out, m[1])
	}
	return out
}

func conflictOf(causes []metav1.StatusCause) *object.ConflictError {
	c := &object.ConflictError{}
	for _, cause := range causes {
		c.Fields = append(c.Fields, cause.Field)
		if _, rest, ok := strings.Cut(cause.Message, `"`); ok {
			manager, _, _ := strings.Cut(rest, `"`)
			c.Managers = append(c.Managers, manager)
		}
	}
	slices.Sort(c.Managers)
	slices.Sort(c.Fields)
	c.Managers, c.Fields = slices.Compact(c.Managers), slices.Compact(c.Fields)
	return c
}

// ended describes a call that outlived its context.
func ended(ctx context.Context) *object.Error {
	e := &object.Error{Class: object.Canceled, Message: "canceled", Err: ctx.Err()}
	if errors.Is(e.Err, context.DeadlineExceeded) {
		e.Class, e.Message = object.Timeout, "no answer before the deadline"
	}
	return e
}

// resourceName is what the API calls a kind in its errors: deployments.apps.
func resourceName(ref object.Ref) string {
	if ref.Group == "" {
		return ref.Resource()
	}
	return ref.Resource() + "." + ref.Group
}

func qualified(ref object.Ref) string {
	if ref.Group == "" {
		return ref.Kind
	}
	return ref.Kind + "." + ref.Group
}
