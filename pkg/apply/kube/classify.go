package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/login"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// failed turns the error of a request into an *Error.
func (c *Cluster) failed(ctx context.Context, op string, ref object.Ref, err error) error {
	if already, ok := errors.AsType[*object.Error](err); ok {
		return already
	}
	// err is not the cause: its text may be what a server or a plugin printed.
	e := fault{&object.Error{Context: c.context, Op: op, Ref: ref}}
	login, isLogin := errors.AsType[*login.Error](causeOf(err))
	status, isStatus := errors.AsType[*apierrors.StatusError](err)
	switch {
	case isLogin:
		e.loggedOut(ctx, login)
	case ctx.Err() != nil:
		e.ended(ctx)
	case isStatus:
		e.answered(status.Status())
	default:
		c.broke(e, err)
	}
	if e.Hint == "" {
		e.Hint = e.hint(plain.Clean(c.endpoint.Server))
	}
	return e.Error
}

// A fault is an [object.Error] in the making.
type fault struct{ *object.Error }

// causeOf is what kept a request from being answered.
func causeOf(err error) error {
	if f, ok := errors.AsType[*transport.Failure](err); ok {
		return f.Err
	}
	return err
}

// ended describes a call that outlived its context.
func (e fault) ended(ctx context.Context) {
	e.Err = ctx.Err()
	e.Class, e.Message = object.Canceled, "canceled"
	if errors.Is(e.Err, context.DeadlineExceeded) {
		e.Class, e.Message = object.Timeout, "no answer before the deadline"
	}
}

// loggedOut describes a call for which there were no credentials.
func (e fault) loggedOut(ctx context.Context, login *login.Error) {
	e.Class, e.Message = object.Unauthorized, login.Error()
	if ctx.Err() != nil {
		e.ended(ctx)
		if e.Class == object.Timeout {
			e.Message = login.Error()
		}
	}
	if e.Class != object.Canceled {
		e.Hint = fmt.Sprintf("log in for context %s: kubectl --context %q get namespaces runs the same plugin and shows what it says", e.Context, e.Context)
	}
}

// answered describes a refusal by the API server.
func (e fault) answered(s metav1.Status) {
	e.Message = plain.Clean(s.Message)
	var causes []metav1.StatusCause
	if s.Details != nil {
		causes = s.Details.Causes
	}
	has := func(t metav1.CauseType) bool {
		return slices.ContainsFunc(causes, func(c metav1.StatusCause) bool { return c.Type == t })
	}
	e.Webhook = webhookName(s.Message)
	switch {
	case has(metav1.CauseTypeFieldManagerConflict):
		e.Class, e.Err = object.Conflict, conflictOf(causes)
		e.Message = e.Err.Error()
	case has(causeNamespaceTerminating):
		e.Class = object.Terminating
	case strings.Contains(s.Message, "failed calling webhook"):
		e.Class = object.Webhook
	case e.Webhook != "" || strings.HasPrefix(s.Message, "ValidatingAdmissionPolicy "):
		e.Class = object.Denied
	case s.Code == http.StatusUnauthorized:
		e.Class, e.Message = object.Unauthorized, "the API server rejected the credentials"
	case s.Code == http.StatusForbidden:
		e.Class = object.Forbidden
	case s.Code == http.StatusNotFound && !has(metav1.CauseTypeUnexpectedServerResponse):
		e.Class = object.NotFound
	case s.Code == http.StatusConflict:
		e.Class = object.Conflict
	case s.Code == http.StatusBadRequest && has(metav1.CauseTypeUnexpectedServerResponse):
		e.notKubernetes(s.Code)
	case s.Code == http.StatusUnprocessableEntity, s.Code == http.StatusBadRequest, s.Code == http.StatusRequestEntityTooLarge,
		transport.Unfit(s.Message):
		e.Class = object.Invalid
		e.invalid(s.Message, causes)
	case has(metav1.CauseTypeUnexpectedServerResponse):
		e.notKubernetes(s.Code)
	default:
		e.Class = object.ServerFault
	}
}

// notKubernetes describes an answer that is not a Status: its body may be
// anything.
func (e fault) notKubernetes(code int32) {
	e.Class, e.Message = object.ServerFault, (&transport.ForeignAnswer{Status: int(code)}).Error()
}

// causeNamespaceTerminating is set by the API server's namespace lifecycle
// admission: k8s.io/api/core/v1.NamespaceTerminatingCause.
const causeNamespaceTerminating metav1.CauseType = "NamespaceTerminating"

// schemaPath finds the paths in such a complaint: ".spec.x: field not declared
// in schema".
var schemaPath = regexp.MustCompile(`\s\.([A-Za-z][^\s:]*): `)

// invalid adds the paths of the fields, and keeps values out of the message
// where they may be secret.
func (e fault) invalid(message string, causes []metav1.StatusCause) {
	for _, c := range causes {
		if c.Field != "" {
			e.Fields = append(e.Fields, plain.Clean(c.Field))
		}
	}
	if transport.Unfit(message) {
		for _, m := range schemaPath.FindAllStringSubmatch(message, -1) {
			e.Fields = append(e.Fields, plain.Clean(m[1]))
		}
	}
	slices.Sort(e.Fields)
	e.Fields = slices.Compact(e.Fields)
	if e.Ref.Kind == "Secret" {
		e.Message = "the API server rejected the object"
		if len(e.Fields) > 0 {
			e.Message += ": " + strings.Join(e.Fields, ", ")
		}
	}
}

// conflictOf reads managers and fields out of causes such as
// {Field: ".spec.replicas", Message: `conflict with "helm" using apps/v1`}.
func conflictOf(causes []metav1.StatusCause) *object.ConflictError {
	c := &object.ConflictError{}
	for _, cause := range causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		c.Fields = append(c.Fields, cause.Field)
		if _, rest, ok := strings.Cut(cause.Message, `"`); ok {
			manager, _, _ := strings.Cut(rest, `"`)
			c.Managers = append(c.Managers, manager)
		}
	}
	slices.Sort(c.Managers)
	slices.Sort(c.Fields)
	c.Managers = plain.CleanAll(slices.Compact(c.Managers))
	c.Fields = plain.CleanAll(slices.Compact(c.Fields))
	return c
}

var webhookPattern = regexp.MustCompile(`(?:failed calling webhook|admission webhook) "([^"]+)"`)

func webhookName(message string) string {
	if m := webhookPattern.FindStringSubmatch(message); m != nil {
		return plain.Clean(m[1])
	}
	return ""
}

func (e fault) hint(server string) string {
	switch e.Class {
	case object.Unreachable:
		return "is the API server " + server + " up, and reachable from here?"
	case object.Untrusted:
		return "does the kubeconfig hold the certificate authority of " + server + "?"
	case object.Unauthorized:
		if e.Context != "" {
			return "log in again for context " + e.Context
		}
	case object.Conflict:
		if _, ok := errors.AsType[*object.ConflictError](e.Err); ok {
			return "another tool manages these fields"
		}
	case object.Terminating:
		return "wait until the namespace is gone, or look for the finalizers that hold it"
	}
	return ""
}
