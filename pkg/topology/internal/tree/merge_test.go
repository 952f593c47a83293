package tree_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/tree"
)

func read(t *testing.T, file, text string) *tree.Tree {
	t.Helper()
	read, ps := tree.Read(file, []byte(text))
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	return read
}

func TestMerge(t *testing.T) {
	tests := map[string]struct{ under, over, want string }{
		"mappings are merged key by key":           {"{a: 1, b: {c: 2}}", "{b: {d: 3}, e: 4}", "{a: 1, b: {c: 2, d: 3}, e: 4}"},
		"a scalar is replaced":                     {"{a: 1}", "{a: x}", "{a: x}"},
		"null takes a value away":                  {"{a: {b: 1}}", "{a: null}", "{a: null}"},
		"a list without names is replaced":         {"{a: [1, 2]}", "{a: [3]}", "{a: [3]}"},
		"a list of names is merged by them":        {"{a: [{name: x, v: 1}, {name: y}]}", "{a: [{name: x, w: 2}, {name: z}]}", "{a: [{name: x, v: 1, w: 2}, {name: y}, {name: z}]}"},
		"the same name of another kind is another": {"{a: [{kind: A, name: x}]}", "{a: [{kind: B, name: x}]}", "{a: [{kind: A, name: x}, {kind: B, name: x}]}"},
		"a list that names one twice is replaced":  {"{a: [{name: x}, {name: x}]}", "{a: [{name: y}]}", "{a: [{name: y}]}"},
		"a port is merged by its number":           {"{a: [{name: x, port: 80}, {name: z, port: 81}]}", "{a: [{name: y, port: 80, targetPort: 1}]}", "{a: [{name: y, port: 80, targetPort: 1}, {name: z, port: 81}]}"},
		"a port of another protocol is another":    {"{a: [{name: x, port: 80}]}", "{a: [{name: y, port: 80, protocol: UDP}]}", "{a: [{name: x, port: 80}, {name: y, port: 80, protocol: UDP}]}"},
		"a port moves by its name":                 {"{a: [{name: x, port: 80}]}", "{a: [{name: x, port: 81}]}", "{a: [{name: x, port: 81}]}"},
		"another kind of value replaces":           {"{a: {b: 1}}", "{a: [1]}", "{a: [1]}"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			under, over := read(t, "under", tt.under), read(t, "over", tt.over)
			got := tree.Merge(under, over)
			if diff := cmp.Diff(read(t, "want", tt.want).Plain(), got.Plain()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(read(t, "under", tt.under).Plain(), under.Plain()); diff != "" {
				t.Errorf("the lower one was changed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMergeKeepsPositions: every value knows the file that it comes from.
func TestMergeKeepsPositions(t *testing.T) {
	got := tree.Merge(read(t, "under", "a: {b: 1}\nl: [{name: x, v: 1}]\n"), read(t, "over", "a: {c: 2}\nl: [{name: x, w: 2}]\n"))
	tests := map[string]string{
		"a": "under:1:1", "a.b": "under:1:5", "a.c": "over:1:5",
		"l": "under:2:1", "l[name=x].v": "under:2:15", "l[name=x].w": "over:2:15", "l[0].w": "over:2:15",
		"a.nothing": "under:1:1",
	}
	for path, want := range tests {
		if at := got.Locate(tree.Position{}, path).String(); at != want {
			t.Errorf("Locate(%q) = %s, want %s", path, at, want)
		}
	}
}
