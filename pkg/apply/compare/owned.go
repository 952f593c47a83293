package compare

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Owned says whether a manager still owns every field of want, which it applied
// once. owned is its entry in managedFields (FieldsV1, decoded).
//
// That is how a change to what is atomic in the schema is seen, such as a label
// that somebody added to a selector: all that want says is there still, but the
// whole is somebody else's now. What is atomic, only the API server's schema
// knows; it is written here:
// https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
func Owned(want map[string]any, owned map[string]any) bool {
	for key, v := range want {
		switch key {
		case "apiVersion", "kind", "status":
			continue
		case "metadata":
			meta, _ := v.(map[string]any)
			if !ownedMeta(meta, below(owned, "f:metadata")) {
				return false
			}
			continue
		}
		if !ownedField(key, v, owned) {
			return false
		}
	}
	return true
}

// ownedMeta looks at labels and annotations; who names an object owns nothing.
func ownedMeta(want, owned map[string]any) bool {
	for _, key := range []string{"labels", "annotations"} {
		if v, ok := want[key]; ok && !ownedField(key, v, owned) {
			return false
		}
	}
	return true
}

func below(owned map[string]any, key string) map[string]any {
	m, _ := owned[key].(map[string]any)
	return m
}

func ownedField(key string, want any, owned map[string]any) bool {
	if want == nil {
		return true
	}
	field, ok := owned["f:"+key].(map[string]any)
	if !ok {
		m, isMap := want.(map[string]any)
		l, isList := want.([]any)
		return isMap && len(m) == 0 || isList && len(l) == 0
	}
	return ownedValue(want, field)
}

// ownedValue looks below a field. One without anything below is owned whole.
func ownedValue(want any, field map[string]any) bool {
	if len(field) == 0 {
		return true
	}
	switch w := want.(type) {
	case map[string]any:
		for k, v := range w {
			if !ownedField(k, v, field) {
				return false
			}
		}
	case []any:
		for _, e := range w {
			if !ownedElement(e, field) {
				return false
			}
		}
	}
	return true
}

// ownedElement finds the entry of a list's element: by its key fields, or by
// its value.
func ownedElement(e any, field map[string]any) bool {
	m, isMap := e.(map[string]any)
	if !isMap {
		b, err := json.Marshal(e)
		_, ok := field["v:"+string(b)]
		return err == nil && ok
	}
	for name, v := range field {
		text, ok := strings.CutPrefix(name, "k:")
		if !ok {
			continue
		}
		var key map[string]any
		if json.Unmarshal([]byte(text), &key) != nil || !hasKey(m, key) {
			continue
		}
		entry, _ := v.(map[string]any)
		return ownedValue(m, entry)
	}
	return false
}

// hasKey says whether an element is the one that key names. A field that the
// element leaves out has its default, which the key has too.
func hasKey(element, key map[string]any) bool {
	for k, v := range key {
		if have, ok := element[k]; ok && fmt.Sprint(have) != fmt.Sprint(v) {
			return false
		}
	}
	return true
}
