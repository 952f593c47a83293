package kube

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/setup-mesh/setup-mesh/pkg/apply/kube/internal/transport"
	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// at opens what handler serves as if it were a cluster.
func at(t *testing.T, handler http.HandlerFunc) *Cluster {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	c, err := newCluster("east", &rest.Config{Host: s.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestForeignAnswers(t *testing.T) {
	const thing = "the answer is not a Kubernetes object"
	tests := map[string]struct {
		code  int
		media string
		body  string
		class object.Class
		want  string
	}{
		"a login page":                    {200, "text/html; charset=utf-8", "<html>canary</html>", object.ServerFault, "the server answered 200 OK with text/html: not a Kubernetes API"},
		"a login page that refuses":       {401, "text/html", "<html>canary</html>", object.Unauthorized, "the server answered 401 Unauthorized with text/html: not a Kubernetes API"},
		"a page that is not there":        {404, "text/html", "<html>canary</html>", object.ServerFault, "the server answered 404 Not Found with text/html: not a Kubernetes API"},
		"a redirect to a login page":      {302, "", "", object.ServerFault, "the server answered 302 Found: not a Kubernetes API"},
		"a load balancer that is healthy": {200, "text/plain", "canary", object.ServerFault, "the server answered 200 OK with text/plain: not a Kubernetes API"},
		"a gateway's own refusal":         {400, "text/plain", "canary", object.ServerFault, "the server answered 400 Bad Request: not a Kubernetes API"},
		"another API":                     {200, "application/json", `{"canary":"x"}`, object.ServerFault, thing},
		"another API's list":              {200, "application/json", `["canary"]`, object.ServerFault, thing},
		"half an answer":                  {200, "application/json", `{"kind":"canary`, object.ServerFault, thing},
		"no answer":                       {200, "application/json", ``, object.ServerFault, thing},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := at(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.media != "" {
					w.Header().Set("Content-Type", tt.media)
				}
				w.Header().Set("Location", "https://login.example/?canary")
				w.WriteHeader(tt.code)
				io.WriteString(w, tt.body)
			})
			_, err := c.Get(deadline(t), object.Ref{Kind: "Pod", Namespace: "n", Name: "p"})
			if quotes(err) {
				t.Errorf("it quotes the answer: %v", err)
			}
			e, ok := errors.AsType[*object.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			hint := "is " + c.endpoint.Server + " a login page or a proxy? Log in there, or correct the server in the kubeconfig"
			if tt.code == 400 {
				hint = "" // it may be the API server itself
			}
			if diff := cmp.Diff([]string{string(tt.class), tt.want, hint}, []string{string(e.Class), e.Message, e.Hint}); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
		})
	}
}

// A server that never stops costs a bounded amount of memory, whatever is asked.
func TestEndlessAnswer(t *testing.T) {
	c := at(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.Identity(deadline(t))
	runtime.ReadMemStats(&after)
	if object.ClassOf(err) != object.ServerFault || !strings.HasSuffix(err.Error(), "the answer is longer than 16 MiB") {
		t.Errorf("got %v", err)
	}
	// Two requests, each of a buffer that grows to its bound.
	if got := (after.TotalAlloc - before.TotalAlloc) >> 20; got > 2*6*transport.MaxObject>>20 {
		t.Errorf("%d MiB were allocated", got)
	}
	_, err = c.List(deadline(t), schema.GroupKind{Kind: "Secret"}, "", "")
	if object.ClassOf(err) != object.ServerFault || !strings.HasSuffix(err.Error(), "the answer is longer than 64 MiB") {
		t.Errorf("a list: %v", err)
	}
}

// A list of objects so large that a page of them does not fit comes in smaller
// pages.
func TestSmallerPages(t *testing.T) {
	const objects = 100
	big := strings.Repeat("x", 1<<20)
	c := at(t, func(w http.ResponseWriter, r *http.Request) {
		var from, limit int
		if _, err := fmt.Sscan(r.URL.Query().Get("continue")+" "+r.URL.Query().Get("limit"), &from, &limit); err != nil {
			from = 0 // the first page
			if _, err := fmt.Sscan(r.URL.Query().Get("limit"), &limit); err != nil {
				t.Error(err)
			}
		}
		end, next := min(from+limit, objects), ""
		if end < objects {
			next = fmt.Sprint(end)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"kind":"SecretList","apiVersion":"v1","metadata":{"continue":%q},"items":[`, next)
		for i := from; i < end; i++ {
			if i > from {
				io.WriteString(w, ",")
			}
			fmt.Fprintf(w, `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s%d"},"data":{"a":%q}}`, i, big)
		}
		io.WriteString(w, "]}")
	})
	n := 0
	err := c.Each(deadline(t), schema.GroupKind{Kind: "Secret"}, "", func(o *unstructured.Unstructured) {
		if want := fmt.Sprintf("s%d", n); o.GetName() != want {
			t.Errorf("got %s, want %s", o.GetName(), want)
		}
		n++
	})
	if err != nil || n != objects {
		t.Errorf("%d objects, %v", n, err)
	}
}
