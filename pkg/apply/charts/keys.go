package charts

import (
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/operator/pkg/apis"
)

// keys are what may stand in a mapping of a spec, by the schema that judges it: a
// protocol buffer's message or a Go struct. The zero keys are not known.
type keys struct {
	message protoreflect.MessageDescriptor
	goType  reflect.Type
}

func valuesKeys() keys { return keys{message: (&apis.Values{}).ProtoReflect().Descriptor()} }

func meshKeys() keys { return keys{message: (&meshconfig.MeshConfig{}).ProtoReflect().Descriptor()} }

func specKeys() keys { return keys{goType: reflect.TypeFor[apis.IstioOperatorSpec]()} }

// names are the keys, sorted.
func (k keys) names() []string {
	var out []string
	switch {
	case k.message != nil && !isFree(k.message):
		fields := k.message.Fields()
		for i := range fields.Len() {
			out = append(out, fields.Get(i).JSONName())
		}
	case k.goType != nil && k.goType.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(k.goType) {
			if name := jsonName(f); name != "" {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// below are the keys of what is at one of the keys, or of the items of a list there.
func (k keys) below(key string) keys {
	switch {
	case k.message != nil:
		if f := fieldOf(k.message, key); f != nil && !f.IsMap() && f.Message() != nil {
			return keys{message: f.Message()}
		}
	case k.goType != nil && k.goType.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(k.goType) {
			if jsonName(f) == key {
				t := f.Type
				for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
					t = t.Elem()
				}
				return keys{goType: t}
			}
		}
	}
	return keys{}
}

// allowed lists what may stand at a key that is one of a few words.
func (k keys) allowed(key string) string {
	f := fieldOf(k.message, key)
	if f == nil || f.Enum() == nil {
		return ""
	}
	var words []string
	for i := range f.Enum().Values().Len() {
		words = append(words, string(f.Enum().Values().Get(i).Name()))
	}
	return "one of " + strings.Join(words, ", ")
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

func fieldOf(m protoreflect.MessageDescriptor, key string) protoreflect.FieldDescriptor {
	if m == nil {
		return nil
	}
	if f := m.Fields().ByJSONName(key); f != nil {
		return f
	}
	return m.Fields().ByTextName(key)
}

// isFree says whether anything may stand in a message: those of protocol buffers'
// own, which are written in JSON as what they hold.
func isFree(m protoreflect.MessageDescriptor) bool {
	return strings.HasPrefix(string(m.FullName()), "google.protobuf.")
}
