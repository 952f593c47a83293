package charts

import "google.golang.org/protobuf/reflect/protoreflect"

// dropEmpty takes out the blocks of a spec that are null: everything below them is
// commented out, and templates trip over them. Null in place of a plain value is left
// in: it takes back what a chart sets.
func dropEmpty(spec map[string]any) {
	for _, key := range []string{"components", "values", "meshConfig", "unvalidatedValues"} {
		if v, there := spec[key]; there && v == nil {
			delete(spec, key)
		}
	}
	components, _ := spec["components"].(map[string]any)
	for key, component := range components {
		if component == nil {
			delete(components, key)
			continue
		}
		if m, ok := component.(map[string]any); ok {
			dropEmptyK8s(m)
		}
		list, _ := component.([]any)
		for _, entry := range list {
			if m, ok := entry.(map[string]any); ok {
				dropEmptyK8s(m)
			}
		}
	}
	if values, ok := spec["values"].(map[string]any); ok {
		dropEmptyBlocks(values, valuesKeys().message)
		if v, there := values["meshConfig"]; there && v == nil {
			delete(values, "meshConfig")
		}
	}
}

func dropEmptyK8s(component map[string]any) {
	if v, there := component["k8s"]; there && v == nil {
		delete(component, "k8s")
	}
	k8s, _ := component["k8s"].(map[string]any)
	for key, v := range k8s {
		if v == nil {
			delete(k8s, key)
		}
	}
}

// dropEmptyBlocks takes out the nulls where the schema has a message.
func dropEmptyBlocks(m map[string]any, schema protoreflect.MessageDescriptor) {
	for key, v := range m {
		field := fieldOf(schema, key)
		if field == nil || field.Message() == nil || isFree(field.Message()) {
			continue
		}
		if v == nil {
			delete(m, key)
			continue
		}
		if child, ok := v.(map[string]any); ok {
			dropEmptyBlocks(child, field.Message())
		}
	}
}
