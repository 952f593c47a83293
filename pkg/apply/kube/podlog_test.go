package kube

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

func TestPodLog(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked = r.URL.String(); r.URL.Path != "/api/v1/namespaces/ns/pods/p/log" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"pods \"x\" not found","details":{"name":"x","kind":"pods"}}`)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "one\ntwo\n")
	}))
	defer server.Close()
	c, err := newCluster("east", &rest.Config{Host: server.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.PodLog(t.Context(), "ns", "p", object.LogOptions{Container: "discovery", Lines: 7, Previous: true})
	if err != nil || string(got) != "one\ntwo\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if want := "/api/v1/namespaces/ns/pods/p/log?container=discovery&limitBytes=8388608&previous=true&tailLines=7"; asked != want {
		t.Errorf("asked for %s, want %s", asked, want)
	}
	if _, err := c.PodLog(t.Context(), "ns", "x", object.LogOptions{Container: "c", Lines: 1}); !errors.Is(err, object.ErrNotFound) {
		t.Errorf("of a pod that is absent: %v", err)
	}
}
