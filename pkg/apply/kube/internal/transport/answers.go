package transport

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/plain"
)

const (
	// MaxObject bounds an answer that is one object or document: etcd takes
	// objects of 1.5 MiB, and what an API server tells of its kinds is below 10 MiB.
	MaxObject = 16 << 20
	// maxPage bounds a page of a list; where objects are so large that a page
	// does not fit, [kube.Cluster.List] asks for smaller ones.
	maxPage = 64 << 20
)

// maxAnswer is how much of an answer to r is read, in bytes.
func maxAnswer(r *http.Request) int64 {
	if r.URL.Query().Has("limit") {
		return maxPage
	}
	return MaxObject
}

// A LongAnswer is an answer that goes on after max bytes.
type LongAnswer struct{ max int64 }

func (e *LongAnswer) Error() string {
	return fmt.Sprintf("the answer is longer than %d MiB", e.max>>20)
}

// A ForeignAnswer is one that no Kubernetes API gives, such as a login page. Its
// body is not shown.
type ForeignAnswer struct {
	Status int
	media  string // the content type, or empty
}

func (e *ForeignAnswer) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)))
	if e.media != "" {
		text += " with " + plain.Clean(e.media)
	}
	return "the server answered " + text + ": not a Kubernetes API"
}

// foreign says whether resp cannot come from a Kubernetes API. That answers in
// JSON, or in plain text where it reports an error or hands out a log, and never
// redirects.
func foreign(resp *http.Response) *ForeignAnswer {
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	html := media == "text/html" || media == "application/xhtml+xml"
	log := media == "text/plain" && resp.Request != nil && strings.HasSuffix(resp.Request.URL.Path, "/log")
	switch {
	case log:
		return nil
	case html, resp.StatusCode < 300 && strings.HasPrefix(media, "text/"), resp.StatusCode >= 300 && resp.StatusCode < 400:
		return &ForeignAnswer{resp.StatusCode, media}
	}
	return nil
}
