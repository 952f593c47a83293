package kube

import (
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// foreign describes an answer that is not of a Kubernetes API.
func (e fault) foreign(err error, server string) {
	e.Class, e.Message = object.ServerFault, err.Error()
	if f, ok := err.(*transport.ForeignAnswer); ok && f.Status == http.StatusUnauthorized { //nolint:errorlint // it is not wrapped
		e.Class = object.Unauthorized
	}
	e.Hint = "is " + server + " a login page or a proxy? Log in there, or correct the server in the kubeconfig"
}

// undecodable says whether err is client-go's about an answer that is not an
// object. It may quote the answer.
func undecodable(err error) bool {
	text := err.Error()
	return runtime.IsMissingKind(err) || runtime.IsMissingVersion(err) || strings.HasPrefix(text, "json: ") ||
		strings.HasPrefix(text, "couldn't get version/kind; json parse error") || strings.HasPrefix(text, "0-length response")
}
