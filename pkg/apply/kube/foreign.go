package kube

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

const (
	// maxObject bounds an answer that is one object or document: etcd takes
	// objects of 1.5 MiB, and what an API server tells of its kinds is below 10 MiB.
	maxObject = 16 << 20
	// maxPage bounds a page of a list; where objects are so large that a page
	// does not fit, [Cluster.List] asks for smaller ones.
	maxPage = 64 << 20
)

// maxAnswer is how much of an answer to r is read, in bytes.
func maxAnswer(r *http.Request) int64 {
	if r.URL.Query().Has("limit") {
		return maxPage
	}
	return maxObject
}

// A longAnswer is an answer that goes on after max bytes.
type longAnswer struct{ max int64 }

func (e *longAnswer) Error() string {
	return fmt.Sprintf("the answer is longer than %d MiB", e.max>>20)
}

// A foreignAnswer is one that no Kubernetes API gives, such as a login page. Its
// body is not shown.
type foreignAnswer struct {
	status int
	media  string // the content type, or empty
}

func (e *foreignAnswer) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", e.status, http.StatusText(e.status)))
	if e.media != "" {
		text += " with " + clean(e.media)
	}
	return "the server answered " + text + ": not a Kubernetes API"
}

// foreign says whether resp cannot come from a Kubernetes API. That answers in
// JSON, or in plain text where it reports an error, and never redirects.
func foreign(resp *http.Response) *foreignAnswer {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	html := media == "text/html" || media == "application/xhtml+xml"
	switch {
	case html, resp.StatusCode < 300 && strings.HasPrefix(media, "text/"), resp.StatusCode >= 300 && resp.StatusCode < 400:
		return &foreignAnswer{resp.StatusCode, media}
	}
	return nil
}

// foreign describes an answer that is not of a Kubernetes API.
func (e fault) foreign(err error, server string) {
	e.Class, e.Message = object.ServerFault, err.Error()
	if f, ok := err.(*foreignAnswer); ok && f.status == http.StatusUnauthorized { //nolint:errorlint // it is not wrapped
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
