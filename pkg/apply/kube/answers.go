package kube

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
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
