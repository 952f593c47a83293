package kube

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/apply/object"
)

// An API server with kinds in several versions, and one object of each.
func kindServer(t *testing.T) (*Cluster, *[]string) {
	t.Helper()
	list := func(resources string) string {
		return `{"kind":"APIResourceList","apiVersion":"v1","resources":[` + resources + `]}`
	}
	const thing = `{"name":"things","kind":"Thing","namespaced":true}`
	answers := map[string]string{
		"/apis": `{"kind":"APIGroupList","apiVersion":"v1","groups":[
			{"name":"example.com","versions":[{"version":"v2"},{"version":"v1"}]},
			{"name":"networking.istio.io","versions":[{"version":"v1beta1"}]}]}`,
		"/apis/example.com/v2":                                         list(thing),
		"/apis/example.com/v1":                                         list(thing + `,{"name":"olds","kind":"Old","namespaced":true},{"name":"olds/status","kind":"Old","namespaced":true}`),
		"/apis/networking.istio.io/v1beta1":                            list(`{"name":"sidecars","kind":"Sidecar","namespaced":true}`),
		"/apis/example.com/v2/namespaces/n/things/a":                   `{"apiVersion":"example.com/v2","kind":"Thing"}`,
		"/apis/example.com/v1/namespaces/n/things/a":                   `{"apiVersion":"example.com/v1","kind":"Thing"}`,
		"/apis/example.com/v1/namespaces/n/olds/a":                     `{"apiVersion":"example.com/v1","kind":"Old"}`,
		"/apis/networking.istio.io/v1beta1/namespaces/n/sidecars/a":    `{"apiVersion":"networking.istio.io/v1beta1","kind":"Sidecar"}`,
		"/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/a": `{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler"}`,
		"/api/v1":                           list(`{"name":"configmaps","kind":"ConfigMap","namespaced":true}`),
		"/api/v1/namespaces/n/configmaps/a": `{"apiVersion":"v1","kind":"ConfigMap"}`,
	}
	var asked []string
	return at(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r) // as an API server answers a path that it does not know
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, answer)
	}), &asked
}

func TestVersionOfAKind(t *testing.T) {
	tests := map[string]struct {
		ref     object.Ref
		want    string // the apiVersion of what was read, "" for no such kind
		wantErr string
		asked   []string
	}{
		"a kind of the core": {
			object.Ref{Kind: "ConfigMap"}, "v1", "", []string{"/api/v1/namespaces/n/configmaps/a"},
		},
		"a kind of the table": {
			object.Ref{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}, "autoscaling/v2", "",
			[]string{"/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/a"},
		},
		"a kind of the table, which an older CRD has in another version": {
			object.Ref{Group: "networking.istio.io", Kind: "Sidecar"}, "networking.istio.io/v1beta1", "",
			[]string{"/apis/networking.istio.io/v1/namespaces/n/sidecars/a", "/apis", "/apis/networking.istio.io/v1beta1",
				"/apis/networking.istio.io/v1beta1/namespaces/n/sidecars/a"},
		},
		"the version that the server prefers": {
			object.Ref{Group: "example.com", Kind: "Thing"}, "example.com/v2", "",
			[]string{"/apis", "/apis/example.com/v2", "/apis/example.com/v2/namespaces/n/things/a"},
		},
		"the first version that has the kind": {
			object.Ref{Group: "example.com", Kind: "Old"}, "example.com/v1", "",
			[]string{"/apis", "/apis/example.com/v2", "/apis/example.com/v1", "/apis/example.com/v1/namespaces/n/olds/a"},
		},
		"no such kind": {
			object.Ref{Group: "example.com", Kind: "Nothing"}, "", `read Nothing n/a in "east": the server has no kind Nothing in example.com`,
			[]string{"/apis", "/apis/example.com/v2", "/apis/example.com/v1"},
		},
		"no such kind of the core": {
			object.Ref{Kind: "Nothing"}, "", `read Nothing n/a in "east": the server has no kind Nothing`, []string{"/api/v1"},
		},
		"a kind of the table that the server does not have": {
			object.Ref{Group: "telemetry.istio.io", Kind: "Telemetry"}, "", `read Telemetry n/a in "east": the server has no kind Telemetry in telemetry.istio.io`,
			[]string{"/apis/telemetry.istio.io/v1/namespaces/n/telemetries/a", "/apis"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, asked := kindServer(t)
			tt.ref.Namespace, tt.ref.Name = "n", "a"
			o, err := c.Get(deadline(t), tt.ref)
			got := ""
			if err == nil {
				got = o.GetAPIVersion()
			} else if !errors.Is(err, object.ErrNoKind) || !errors.Is(err, object.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff([]string{tt.want, tt.wantErr}, []string{got, errorText(err)}); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
			if diff := cmp.Diff(tt.asked, *asked); diff != "" {
				t.Error("requests (-want +got)\n" + diff)
			}
		})
	}
}

// A group that has just come is listed before the server knows it, and one that
// goes is listed for longer.
func TestGroupThatComesOrGoes(t *testing.T) {
	tests := map[string]struct {
		comes   bool
		wantErr string
	}{
		"comes": {true, ""},
		"goes":  {false, `read Thing n/a in "east": the server has no kind Thing in example.com`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			asked := 0
			c := at(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch later := asked > 1; {
				case r.URL.Path == "/apis" && later && !tt.comes:
					io.WriteString(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
				case r.URL.Path == "/apis":
					asked++
					io.WriteString(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"example.com","versions":[{"version":"v1"}]}]}`)
				case r.URL.Path == "/apis/example.com/v1" && later && tt.comes:
					io.WriteString(w, `{"kind":"APIResourceList","apiVersion":"v1","resources":[{"name":"things","kind":"Thing","namespaced":true}]}`)
				case r.URL.Path == "/apis/example.com/v1/namespaces/n/things/a":
					io.WriteString(w, `{"apiVersion":"example.com/v1","kind":"Thing"}`)
				default:
					w.Header().Set("Content-Type", "text/plain")
					http.NotFound(w, r)
				}
			})
			_, err := c.Get(deadline(t), object.Ref{Group: "example.com", Kind: "Thing", Namespace: "n", Name: "a"})
			if got := errorText(err); got != tt.wantErr {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestKindIsRemembered(t *testing.T) {
	c, asked := kindServer(t)
	ref := object.Ref{Group: "example.com", Kind: "Old", Namespace: "n", Name: "a"}
	for range 2 {
		*asked = nil
		if _, err := c.Get(deadline(t), ref); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"/apis/example.com/v1/namespaces/n/olds/a"}, *asked); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}
