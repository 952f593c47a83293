package compare

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
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
			before := PlainJSON(tt.live)
			Share(tt.want, tt.live)
			if diff := cmp.Diff(before, PlainJSON(tt.live)); diff != "" {
				t.Errorf("live was changed (-was +is):\n%s", diff)
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
			same := at(tt.want, path) == at(tt.live, path)
			if same != (tt.shared != nil) {
				t.Errorf("%v is the same in want and live: %t", path, same)
			}
		})
	}
}
