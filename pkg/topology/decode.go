package topology

import (
	"reflect"
	"strings"
)

// decodeInto checks t against the type of the struct that into points to, and sets
// it: see decode.
func decodeInto(t *tree, into any, ps *Problems) {
	decode(t, reflect.ValueOf(into).Elem(), "", ps)
}

// decode checks t against the type of v, sets v as far as t fits, and reports
// every key and value that does not. Keys are the json tags of v's fields. Text
// is taken as written, whatever YAML would make of it. Null is the same as
// absent.
func decode(t *tree, v reflect.Value, path string, ps *Problems) {
	if t.isNull() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		decode(t, v.Elem(), path, ps)
	case reflect.Struct:
		decodeStruct(t, v, path, ps)
	case reflect.Map:
		decodeMap(t, v, path, ps)
	case reflect.Slice:
		if t.kind != sequence {
			ps.add(t.at, path, "", "must be a list")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(t.items), len(t.items)))
		for i, item := range t.items {
			decode(item, v.Index(i), indexed(path, i), ps)
		}
	default:
		decodeScalar(t, v, path, ps)
	}
}

func decodeStruct(t *tree, v reflect.Value, path string, ps *Problems) {
	if t.kind != mapping {
		ps.add(t.at, path, "", "must be a mapping with keys such as %s", strings.Join(keysOf(v.Type())[:1], ", "))
		return
	}
	for _, key := range t.keys {
		f, ok := fieldByKey(v, key)
		if !ok {
			ps.add(t.fields[key].key, join(path, key), didYouMean(key, keysOf(v.Type())), "unknown key")
			continue
		}
		decode(t.fields[key].value, f, join(path, key), ps)
	}
}

func decodeMap(t *tree, v reflect.Value, path string, ps *Problems) {
	if t.kind != mapping {
		ps.add(t.at, path, "", "must be a mapping")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, key := range t.keys {
		value := reflect.New(v.Type().Elem()).Elem()
		if value.Kind() == reflect.Interface { // an overlay, judged as a spec
			continue
		}
		decode(t.fields[key].value, value, join(path, key), ps)
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
}

func decodeScalar(t *tree, v reflect.Value, path string, ps *Problems) {
	if t.kind != scalar {
		ps.add(t.at, path, "", "must be %s", nouns[v.Kind()])
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		if b, ok := t.value.(bool); ok {
			v.SetBool(b)
			return
		}
		ps.add(t.at, path, "", "must be true or false, not %s", quote(t.text))
	case reflect.Int:
		if n, ok := t.value.(int64); ok {
			v.SetInt(n)
			return
		}
		ps.add(t.at, path, "", "must be a whole number, not %s", quote(t.text))
	case reflect.String:
		v.SetString(t.text)
	}
}

const textNoun = "one word or text"

var nouns = map[reflect.Kind]string{
	reflect.Bool: "true or false", reflect.Int: "a whole number", reflect.String: textNoun,
}

func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return key
}

func keysOf(t reflect.Type) []string {
	keys := make([]string, t.NumField())
	for i := range keys {
		keys[i] = keyOf(t.Field(i))
	}
	return keys
}

func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if keyOf(v.Type().Field(i)) == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}
