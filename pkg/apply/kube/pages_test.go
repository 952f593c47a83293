package kube

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// pagesOf serves lists of ConfigMaps by what was asked to continue with. A page
// of nothing is one that the API server does not remember; it gives the token
// "rest" for what follows, if there is one.
func pagesOf(t *testing.T, pages map[string]string) *Cluster {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		page := pages[r.URL.Query().Get("continue")+r.URL.Query().Get("limit")]
		if page == "" {
			w.WriteHeader(http.StatusGone)
			page = fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","metadata":{"continue":%q},"status":"Failure","reason":"Expired","code":410}`, pages["rest"])
		}
		fmt.Fprint(w, page)
	}))
	t.Cleanup(s.Close)
	c, err := newCluster("paged", &rest.Config{Host: s.URL}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func page(next string, names ...string) string {
	items := ""
	for i, n := range names {
		if i > 0 {
			items += ","
		}
		items += fmt.Sprintf(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":%q,"namespace":"n"}}`, n)
	}
	return fmt.Sprintf(`{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"continue":%q},"items":[%s]}`, next, items)
}

func TestPages(t *testing.T) {
	gvk := schema.GroupKind{Kind: "ConfigMap"}
	tests := map[string]struct {
		pages      map[string]string
		list, each []string
	}{
		"one":   {map[string]string{"500": page("", "a", "b")}, []string{"a", "b"}, []string{"a", "b"}},
		"three": {map[string]string{"500": page("x", "a"), "x500": page("y", "b"), "y500": page("", "c")}, []string{"a", "b", "c"}, []string{"a", "b", "c"}},
		"the second expired, and the rest comes as it is by now": {
			map[string]string{"500": page("x", "a"), "rest": "r", "r500": page("", "b", "d")}, []string{"a", "b", "d"}, []string{"a", "b", "d"},
		},
		"the second expired, and all come at once": {
			map[string]string{"500": page("x", "a"), "": page("", "a", "b", "c")}, []string{"a", "b", "c"}, []string{"a", "a", "b", "c"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := pagesOf(t, tt.pages)
			items, err := c.List(deadline(t), gvk, "", "")
			if err != nil {
				t.Fatal(err)
			}
			var list, each []string
			for _, o := range items {
				list = append(list, o.GetName())
			}
			if err := c.Each(deadline(t), gvk, "", func(o *unstructured.Unstructured) { each = append(each, o.GetName()) }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.list, list); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.each, each); diff != "" {
				t.Errorf("seen (-want +got):\n%s", diff)
			}
		})
	}
}
