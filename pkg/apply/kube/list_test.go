package kube

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodePage(t *testing.T) {
	type m = map[string]any
	tests := map[string]struct {
		in    string
		items []m
		next  string
		err   error
	}{
		"objects of a built-in kind have none of their own": {
			in:    `{"kind":"SecretList","apiVersion":"v1","metadata":{"continue":"x"},"items":[{"metadata":{"name":"a","generation":1}}]}`,
			items: []m{{"kind": "Secret", "apiVersion": "v1", "metadata": m{"name": "a", "generation": int64(1)}}}, next: "x",
		},
		"others have one": {
			in:    `{"kind":"List","apiVersion":"v1","metadata":{},"items":[{"kind":"A","apiVersion":"b/v1","x":1.5}]}`,
			items: []m{{"kind": "A", "apiVersion": "b/v1", "x": 1.5}},
		},
		"nothing":                          {in: `{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":null}`, items: []m{}},
		"none, as an API server may say":   {in: `{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[]}`, items: []m{}},
		"a list that does not say of what": {in: `{"kind":"SecretList","apiVersion":"v1","metadata":{}}`, err: errNoList},
		"a status":                         {in: `{"kind":"Status","apiVersion":"v1","status":"Success"}`, err: errNoList},
		"an object":                        {in: `{"kind":"Secret","apiVersion":"v1","data":{"token":"c2VjcmV0"}}`, err: errNoList},
		"a document of no kind":            {in: `{"items":[]}`, err: errNoList},
		"an object that is null":           {in: `{"kind":"SecretList","apiVersion":"v1","items":[null]}`, err: errNoList},
		"an object that is none":           {in: `{"kind":"SecretList","apiVersion":"v1","items":["x"]}`, err: errNoList},
		"a list that is cut off":           {in: `{"kind":"SecretList","apiVersion":"v1","items":[{"data":{"token":"c2Vj`, err: errNoList},
		"something that is no list":        {in: `[]`, err: errNoList},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := decodePage([]byte(tt.in))
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			items := []m{}
			for _, o := range got.items {
				items = append(items, o.Object)
			}
			if diff := cmp.Diff(tt.items, items); diff != "" || got.next != tt.next {
				t.Errorf("next %q, items (-want +got):\n%s", got.next, diff)
			}
		})
	}
}

// Who manages which fields takes more room than a small object, and is the same for
// all that one manager applies.
func TestDecodePageShares(t *testing.T) {
	const item = `{"metadata":{"managedFields":[{"fieldsV1":{"f:metadata":{"f:labels":{}}}}]}}`
	got, err := decodePage([]byte(`{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[` + item + "," + item + "]}"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := got.items[0].Object["metadata"], got.items[1].Object["metadata"]
	if reflect.ValueOf(a).UnsafePointer() != reflect.ValueOf(b).UnsafePointer() {
		t.Error("two objects that are alike have nothing in common")
	}
}
