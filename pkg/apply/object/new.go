package object

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// New makes an unstructured object out of its parts: meta goes into its metadata,
// rest beside that. It shares their values. namespace is "" for kinds that live in
// none.
func New(apiVersion, kind, namespace, name string, meta map[string]any, rest map[string]any) *unstructured.Unstructured {
	m := map[string]any{"name": name}
	if namespace != "" {
		m["namespace"] = namespace
	}
	for k, v := range meta {
		m[k] = v
	}
	content := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": m}
	for k, v := range rest {
		content[k] = v
	}
	return &unstructured.Unstructured{Object: content}
}
