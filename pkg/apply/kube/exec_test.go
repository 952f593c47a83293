package kube

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// TestExecRefused is told what is missing, and not that the API server is down.
func TestExecRefused(t *testing.T) {
	const message = `pods "p" is forbidden: User "u" cannot create resource "pods/exec" in API group "" in the namespace "ns"`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"pods \"p\" is forbidden: User \"u\" cannot create resource \"pods/exec\" in API group \"\" in the namespace \"ns\""}`)
	}))
	defer server.Close()
	c, err := newCluster("east", &rest.Config{Host: server.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(t.Context(), "ns", "p", "client", "curl", "http://a")
	if want := `run curl in container client of Pod ns/p in "east": ` + message; err == nil || err.Error() != want || object.ClassOf(err) != object.Forbidden {
		t.Errorf("class %q: %v, want %s", object.ClassOf(err), err, want)
	}
}
