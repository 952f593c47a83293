package object

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestShare(t *testing.T) {
	type m = map[string]any
	tests := map[string]struct {
		want, live m
		shared     []string // the fields of live that are want's own
	}{
		"equal maps":                     {want: m{"a": m{"x": "1"}}, live: m{"a": m{"x": "1"}}, shared: []string{"a"}},
		"equal lists":                    {want: m{"a": []any{m{}, "x"}}, live: m{"a": []any{m{}, "x"}}, shared: []string{"a"}},
		"a field more in live":           {want: m{"a": m{"x": "1"}}, live: m{"a": m{"x": "1", "y": nil}}},
		"a field more in want":           {want: m{"a": m{"x": "1", "y": nil}}, live: m{"a": m{"x": "1"}}},
		"an element more in live":        {want: m{"a": []any{"x"}}, live: m{"a": []any{"x", "y"}}},
		"an element more in want":        {want: m{"a": []any{"x", "y"}}, live: m{"a": []any{"x"}}},
		"another value":                  {want: m{"a": m{"x": "1"}}, live: m{"a": m{"x": "2"}}},
		"a number that is a text":        {want: m{"a": m{"x": int64(1)}}, live: m{"a": m{"x": "1"}}},
		"a number of another type":       {want: m{"a": m{"x": int64(1)}}, live: m{"a": m{"x": 1.0}}},
		"a map for a list":               {want: m{"a": m{}}, live: m{"a": []any{}}},
		"a list for a map":               {want: m{"a": []any{}}, live: m{"a": m{}}},
		"a map for a text":               {want: m{"a": m{"b": "x"}}, live: m{"a": m{"b": m{}}}},
		"a text for a map":               {want: m{"a": m{"b": m{}}}, live: m{"a": m{"b": "x"}}},
		"what nobody wants":              {want: m{}, live: m{"a": m{"x": "1"}}},
		"equal parts of what is not one": {want: m{"a": m{"x": m{"y": "1"}}}, live: m{"a": m{"x": m{"y": "1"}, "z": "2"}}, shared: []string{"a", "x"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := runtime.DeepCopyJSON(tt.live)
			got := Share(tt.want, tt.live)
			if diff := cmp.Diff(before, got); diff != "" {
				t.Errorf("it is not what live was (-want +got):\n%s", diff)
			}
			at := func(of any, path []string) uintptr {
				for _, key := range path {
					of = of.(m)[key]
				}
				return reflect.ValueOf(of).Pointer()
			}
			path := []string{"a"}
			if tt.shared != nil {
				path = tt.shared
			}
			if _, there := tt.want["a"]; !there {
				return
			}
			same := at(tt.want, path) == at(got, path)
			if same != (tt.shared != nil) {
				t.Errorf("%v is the same in want and live: %t", path, same)
			}
		})
	}
}

// Objects of a page have parts in common, and so have those that clusters want, which
// are shared in several goroutines at once: a part of one may not get into another.
func TestShareChangesNothing(t *testing.T) {
	type m = map[string]any
	in := m{"y": m{"deep": "1"}, "z": "2"}
	one, other := m{"a": m{"x": m{"y": m{"deep": "1"}, "z": "2"}}}, m{"a": m{"x": m{"y": m{"deep": "1"}, "z": "3"}}}
	common := m{"x": in, "q": "4"}
	Share(one, m{"a": common})
	Share(other, m{"a": common})
	of := func(o m) uintptr { return reflect.ValueOf(o["a"].(m)["x"].(m)["y"]).Pointer() }
	if of(one) == of(other) {
		t.Error("two wanted objects have a part in common that they had not")
	}
	if got := reflect.ValueOf(in["y"]).Pointer(); got == of(one) || got == of(other) || common["x"].(m)["z"] != "2" {
		t.Error("what live objects had in common was changed")
	}
}
