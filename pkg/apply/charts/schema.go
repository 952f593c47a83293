package charts

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/operator/pkg/apis"

	"github.com/setup-mesh/setup-mesh/pkg/jsonschema"
)

const (
	operatorReference = "https://istio.io/latest/docs/reference/config/istio.operator.v1alpha1/"
	meshReference     = "https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/"
	valuesReference   = "https://istio.io/latest/docs/reference/config/istio.operator.v1alpha1/#IstioOperatorSpec-values"
	meshDefinition    = "#/$defs/MeshConfig"
)

// Schema is what may stand in the spec of an IstioOperator, from what judges it in
// [Check]. Definitions that it refers to are in its Defs. The caller owns it.
//
// As in the file, null may stand everywhere, and a number in quotes is a number. What a
// key means is not known at run time: meaning says it of a Go type's name and a key.
// The error is that the embedded charts cannot be read.
func Schema(meaning func(typeName, key string) string) (*jsonschema.Schema, error) {
	d := describer{meaning, map[string]*jsonschema.Schema{}}
	spec := d.ofType(reflect.TypeFor[apis.IstioOperatorSpec]())
	spec.Reference = operatorReference
	d.defs["MeshConfig"] = d.ofMessage((&meshconfig.MeshConfig{}).ProtoReflect().Descriptor())
	values := d.ofMessage((&apis.Values{}).ProtoReflect().Descriptor())
	values.Reference = valuesReference
	values.Properties.Set("meshConfig", &jsonschema.Schema{Ref: meshDefinition, Reference: meshReference})
	for key, s := range map[string]*jsonschema.Schema{
		"meshConfig": {Ref: meshDefinition, Reference: meshReference}, "values": values, "unvalidatedValues": {Type: orNull("object")},
	} {
		s.Description = spec.Properties.Get(key).Description
		spec.Properties.Set(key, s)
	}
	spec.Defs = d.defs
	return spec, defaults(spec)
}

// A describer makes schemas of protocol buffers' messages and of Go types.
type describer struct {
	meaning func(typeName, key string) string
	defs    map[string]*jsonschema.Schema // of Go types that are not Istio's own
}

func orNull(types ...string) jsonschema.Types { return append(types, "null") }

func (d describer) mapping() *jsonschema.Schema {
	return &jsonschema.Schema{Type: orNull("object"), Rest: &jsonschema.Rest{}}
}

// ofMessage describes a message as protocol buffers write it in JSON:
// https://protobuf.dev/programming-guides/json/
func (d describer) ofMessage(m protoreflect.MessageDescriptor) *jsonschema.Schema {
	switch m.FullName() {
	case "google.protobuf.BoolValue":
		return &jsonschema.Schema{Type: orNull("boolean")}
	case "google.protobuf.StringValue", "google.protobuf.Duration", "google.protobuf.Timestamp":
		return &jsonschema.Schema{Type: orNull("string")}
	case "google.protobuf.Int32Value", "google.protobuf.UInt32Value", "google.protobuf.Int64Value", "google.protobuf.UInt64Value":
		return number("integer")
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue":
		return number("number")
	case "google.protobuf.Struct":
		return &jsonschema.Schema{Type: orNull("object")}
	case "google.protobuf.ListValue":
		return &jsonschema.Schema{Type: orNull("array")}
	}
	switch {
	case isFree(m):
		return &jsonschema.Schema{}
	case m.Name() == "IntOrString":
		return &jsonschema.Schema{Type: orNull("integer", "string")}
	}
	out := d.mapping()
	for _, name := range (keys{message: m}).names() {
		field := d.ofField(fieldOf(m, name))
		field.Description = d.meaning(goName(m), name)
		out.Properties.Set(name, field)
	}
	return out
}

// goName is what protoc-gen-go calls a message: Outer_Inner of one in another.
func goName(m protoreflect.MessageDescriptor) string {
	name := strings.TrimPrefix(string(m.FullName()), string(m.ParentFile().Package())+".")
	return strings.ReplaceAll(name, ".", "_")
}

func (d describer) ofField(f protoreflect.FieldDescriptor) *jsonschema.Schema {
	one := d.ofKind
	out := &jsonschema.Schema{}
	switch {
	case f.IsMap():
		out.Type, out.Rest = orNull("object"), &jsonschema.Rest{Schema: one(f.MapValue())}
	case f.IsList():
		out.Type, out.Items = orNull("array"), one(f)
	default:
		out = one(f)
	}
	if o, ok := f.Options().(*descriptorpb.FieldOptions); ok {
		out.Deprecated = o.GetDeprecated()
	}
	return out
}

func (d describer) ofKind(f protoreflect.FieldDescriptor) *jsonschema.Schema {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return d.ofMessage(f.Message())
	case protoreflect.EnumKind:
		out := &jsonschema.Schema{}
		for i := range f.Enum().Values().Len() {
			out.Enum = append(out.Enum, string(f.Enum().Values().Get(i).Name()))
		}
		out.Enum = append(out.Enum, nil)
		return out
	case protoreflect.BoolKind:
		return &jsonschema.Schema{Type: orNull("boolean")}
	case protoreflect.StringKind, protoreflect.BytesKind:
		return &jsonschema.Schema{Type: orNull("string")}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return number("number")
	}
	return number("integer")
}

// number may be written in quotes.
func number(kind string) *jsonschema.Schema {
	pattern := "^-?[0-9]+$"
	if kind == "number" {
		pattern = "^-?[0-9.]+([eE][-+]?[0-9]+)?$"
	}
	return &jsonschema.Schema{Type: orNull(kind, "string"), Pattern: pattern}
}

// ofType describes a Go type by its JSON tags. Structs of others, which are
// Kubernetes', are definitions: they are large, and some hold themselves.
func (d describer) ofType(t reflect.Type) *jsonschema.Schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s := opaque(t); s != nil {
		return s
	}
	switch t.Kind() {
	case reflect.Struct:
		if strings.HasPrefix(t.PkgPath(), "istio.io/") && t.Name() != "KubernetesResources" {
			return d.ofStruct(t)
		}
		return d.definition(t)
	case reflect.Slice:
		return &jsonschema.Schema{Type: orNull("array"), Items: d.ofType(t.Elem())}
	case reflect.Map:
		return &jsonschema.Schema{Type: orNull("object"), Rest: &jsonschema.Rest{Schema: d.ofType(t.Elem())}}
	case reflect.Bool:
		return &jsonschema.Schema{Type: orNull("boolean")}
	case reflect.String:
		return &jsonschema.Schema{Type: orNull("string")}
	case reflect.Float32, reflect.Float64:
		return &jsonschema.Schema{Type: orNull("number")}
	case reflect.Interface:
		return &jsonschema.Schema{}
	}
	return &jsonschema.Schema{Type: orNull("integer")}
}

// opaque describes the types that read JSON by themselves, nil for others.
func opaque(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == reflect.TypeFor[apis.BoolValue]():
		return &jsonschema.Schema{Type: orNull("boolean")}
	case t.Name() == "IntOrString":
		return &jsonschema.Schema{Type: orNull("integer", "string")}
	case t.Name() == "Quantity":
		return &jsonschema.Schema{Type: orNull("number", "string")}
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return &jsonschema.Schema{}
	}
	return nil
}

func (d describer) ofStruct(t reflect.Type) *jsonschema.Schema {
	out := d.mapping()
	for _, f := range reflect.VisibleFields(t) {
		if name := jsonName(f); name != "" {
			field := d.ofType(f.Type)
			field.Description = d.meaning(goTypeOf(t, f), name)
			out.Properties.Set(name, field)
		}
	}
	slices.SortFunc(out.Properties, func(a, b jsonschema.Property) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// goTypeOf is the name of the struct that a field is written in: t, or what t embeds.
func goTypeOf(t reflect.Type, f reflect.StructField) string {
	for _, i := range f.Index[:len(f.Index)-1] {
		t = t.Field(i).Type
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
	}
	return t.Name()
}

func (d describer) definition(t reflect.Type) *jsonschema.Schema {
	name := t.Name()
	if d.defs[name] == nil {
		d.defs[name] = &jsonschema.Schema{} // holds the place while t is described
		*d.defs[name] = *d.ofStruct(t)
	}
	return &jsonschema.Schema{Ref: "#/$defs/" + name}
}
