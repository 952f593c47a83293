package object

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Ours says whether we manage fields of o, which may be nil.
func Ours(o *unstructured.Unstructured) bool {
	return slices.ContainsFunc(entries(o), func(m map[string]any) bool { return m["manager"] == FieldManager })
}

// entries are the managedFields of o, which may be nil, as they are: decoding
// them costs more than all else that a plan does with an object.
func entries(o *unstructured.Unstructured) []map[string]any {
	if o == nil {
		return nil
	}
	list, _, _ := unstructured.NestedFieldNoCopy(o.Object, "metadata", "managedFields")
	all, _ := list.([]any)
	out := make([]map[string]any, 0, len(all))
	for _, e := range all {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// Strangers are who manages an object that is not ours, "" for one that we may
// change: a namespace is everybody's.
func Strangers(ref Ref, live *unstructured.Unstructured) string {
	if live == nil || Ours(live) || ref.Kind == "Namespace" {
		return ""
	}
	others := Managers(live)
	if len(others) == 0 {
		return "an unknown tool" // an object of a name alone has no fields to manage
	}
	return strings.Join(others, ", ")
}

// Managers are the other managers of o, each once, in the order of o.
func Managers(o *unstructured.Unstructured) []string {
	var names []string
	seen := map[string]bool{FieldManager: true}
	for _, m := range entries(o) {
		if name, _ := m["manager"].(string); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// Owns says whether m is the owner of a field, or of one below it.
func Owns(m metav1.ManagedFieldsEntry, path ...string) bool {
	var owned map[string]any
	return m.FieldsV1 != nil && json.Unmarshal(m.FieldsV1.GetRawBytes(), &owned) == nil && ownsPath(owned, path)
}

// Segments splits a [compare.Field]'s path into field names; "*" is any list element.
func Segments(path string) []string {
	var out []string
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case path[0] == '[':
			end := strings.IndexByte(path, ']')
			if end < 0 {
				return out
			}
			if strings.Contains(path[:end], "=") {
				out = append(out, "*")
			} else {
				out = append(out, path[1:end])
			}
			path = path[end+1:]
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out = append(out, path[:end])
			path = path[end:]
		}
	}
	return out
}

// ownsPath follows a path through a fieldsV1 tree:
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
func ownsPath(owned map[string]any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	for key, v := range owned {
		matches := key == "f:"+path[0] || path[0] == "*" && (strings.HasPrefix(key, "k:") || strings.HasPrefix(key, "v:"))
		if below, ok := v.(map[string]any); matches && ok && (len(below) == 0 || ownsPath(below, path[1:])) {
			return true
		}
	}
	return false
}

// Applied are the fields of o that we own by server-side apply, as FieldsV1 has
// them, decoded; nil if there are none. They are o's: do not change them.
func Applied(o *unstructured.Unstructured) map[string]any {
	for _, m := range entries(o) {
		sub, _ := m["subresource"].(string)
		if m["manager"] != FieldManager || m["operation"] != string(metav1.ManagedFieldsOperationApply) || sub != "" {
			continue
		}
		if owned, ok := m["fieldsV1"].(map[string]any); ok {
			return owned
		}
	}
	return nil
}
