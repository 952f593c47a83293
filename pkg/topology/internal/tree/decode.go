package tree

import (
	"reflect"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
)

// Decode sets the struct that into points to as far as t fits its type, and reports
// every key and value that does not: unknown keys with the nearest known one. Keys
// are the json tags of the fields. Text is taken as written, whatever YAML would
// make of it. Null is the same as absent.
func Decode(t *Tree, into any, ps *Problems) {
	decode(t, reflect.ValueOf(into).Elem(), "", ps)
}

// decode is Decode for what stands at path.
func decode(t *Tree, v reflect.Value, path string, ps *Problems) {
	if t.IsNull() {
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
		if t.Kind != Sequence {
			ps.MustBe(AList, t, path)
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(t.Items), len(t.Items)))
		for i, item := range t.Items {
			decode(item, v.Index(i), Indexed(path, i), ps)
		}
	default:
		decodeScalar(t, v, path, ps)
	}
}

func decodeStruct(t *Tree, v reflect.Value, path string, ps *Problems) {
	if t.Kind != Mapping {
		first := KeysOf(v.Type())[0]
		ps.Add(t.At, path, "write "+first+": and its value on a line below it, indented", "must be a mapping with keys such as %s", first)
		return
	}
	for _, key := range t.keys {
		f, ok := fieldByKey(v, key)
		if !ok {
			ps.Add(t.fields[key].key, Join(path, key), names.OneOf(key, KeysOf(v.Type())), "unknown key")
			continue
		}
		decode(t.fields[key].value, f, Join(path, key), ps)
	}
}

func decodeMap(t *Tree, v reflect.Value, path string, ps *Problems) {
	if t.Kind != Mapping {
		ps.MustBe(AMapping, t, path)
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, key := range t.keys {
		value := reflect.New(v.Type().Elem()).Elem()
		if value.Kind() == reflect.Interface { // an overlay, judged as a spec
			continue
		}
		decode(t.fields[key].value, value, Join(path, key), ps)
		v.SetMapIndex(reflect.ValueOf(key), value)
	}
}

func decodeScalar(t *Tree, v reflect.Value, path string, ps *Problems) {
	if t.Kind != Scalar {
		ps.MustBe(shapes[v.Kind()], t, path)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		if b, ok := t.Value.(bool); ok {
			v.SetBool(b)
			return
		}
		ps.MustBe(ABoolean, t, path)
	case reflect.Int:
		if n, ok := t.Value.(int64); ok {
			v.SetInt(n)
			return
		}
		ps.MustBe(ANumber, t, path)
	case reflect.String:
		v.SetString(t.Text)
	}
}

var shapes = map[reflect.Kind]Shape{reflect.Bool: ABoolean, reflect.Int: ANumber, reflect.String: AText}

func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return key
}

// KeysOf returns the keys of a struct type, in the order of its fields.
func KeysOf(t reflect.Type) []string {
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
