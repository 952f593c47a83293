package charts

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/operator/pkg/apis"
	"istio.io/istio/pkg/util/protomarshal"
	kjson "sigs.k8s.io/json"
)

// A schema says whether a document fits. It may report one mistake only: [fit]
// asks it about one value at a time.
type schema func(document []byte) error

func specSchema(document []byte) error {
	// Strict and case-sensitive, as the maps are that the renderer really reads.
	strict, err := kjson.UnmarshalStrict(document, &apis.IstioOperatorSpec{})
	return errors.Join(append(strict, err)...)
}

func valuesSchema(document []byte) error { return (&apis.Values{}).UnmarshalJSON(document) }

func meshSchema(document []byte) error {
	return protomarshal.Unmarshal(document, &meshconfig.MeshConfig{})
}

// schemas checks every key and value against the schema it belongs to, and
// returns the spec without those that do not fit.
func (c *checker) schemas(spec map[string]any) map[string]any {
	parts := []struct {
		path   []string
		schema schema
		keys   keys
	}{
		{[]string{"values", "meshConfig"}, meshSchema, meshKeys()},
		{[]string{"values"}, valuesSchema, valuesKeys()},
		{[]string{"meshConfig"}, meshSchema, meshKeys()},
		{nil, specSchema, specKeys()},
	}
	// Each part is taken out before the one around it is checked.
	kept := map[int]any{}
	for i, part := range parts {
		var v any = spec
		if part.path != nil {
			v = lookup(spec, part.path...)
			if v == nil {
				continue
			}
		}
		path := strings.Join(append([]string{"spec"}, part.path...), ".")
		fitting, ok := c.fit(path, v, func(v any) any { return v }, part.schema, part.keys)
		if part.path != nil {
			remove(spec, part.path...)
			if ok {
				kept[i] = fitting
			}
			continue
		}
		spec, _ = fitting.(map[string]any)
	}
	for i := len(parts) - 1; i >= 0; i-- {
		if v, ok := kept[i]; ok {
			set(spec, v, parts[i].path...)
		}
	}
	return spec
}

// fit checks v, which is at path, and everything in it. around makes the
// document that holds nothing but a given value at path. It returns what of v
// fits, and false when nothing does.
func (c *checker) fit(path string, v any, around func(any) any, fits schema, known keys) (any, bool) {
	probe := v
	switch v.(type) {
	case map[string]any:
		probe = map[string]any{}
	case []any:
		probe = []any{}
	}
	document, err := json.Marshal(around(probe))
	if err != nil {
		c.advise(path, "", "%v", err)
		return nil, false
	}
	if err := fits(document); err != nil {
		c.findings = append(c.findings, Finding{Path: path, Message: reason(err, v), Hint: remedy(err, v)})
		return nil, false
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			here := len(c.findings)
			child, ok := c.fit(path+"."+key, v[key], func(x any) any { return around(map[string]any{key: x}) }, fits, known.below(key))
			if ok {
				out[key] = child
				continue
			}
			switch f := &c.findings[here]; {
			case f.Hint != "":
			case f.Message == unknownKey:
				f.Known = strings.Join(known.names(), " ")
			case strings.HasSuffix(f.Message, notAllowed):
				f.Hint = known.allowed(key)
			}
		}
		return out, true
	case []any:
		out := []any{}
		for i, element := range v {
			child, ok := c.fit(itemPath(path, i, element), element, func(x any) any { return around([]any{x}) }, fits, known)
			if ok {
				out = append(out, child)
			}
		}
		return out, true
	}
	return v, true
}

// remedy is what to do about a value of another type than the schema's, "" where nothing
// is known.
func remedy(err error, v any) string {
	if hint := placeholder(fmt.Sprintf("%q", v)); hint != "" {
		return hint
	}
	if strings.Contains(err.Error(), "quantities must match") {
		return "write a quantity, such as 500m or 1Gi"
	}
	_, isList := v.([]any)
	_, isMap := v.(map[string]any)
	switch want := wanted(err.Error()); {
	case want == "a string" && !isList && !isMap:
		return "put it in quotes"
	case want == "a map" && isList:
		return "write a mapping, NAME: \"value\", instead of a list"
	case want == "a map":
		return "write its keys on the lines below it, indented, each with its value: KEY: VALUE"
	case want == "a list":
		return "write each item on a line of its own below it, after a dash: - ITEM"
	case want == "a number":
		return "write digits, without quotes"
	case want == "true or false":
		return "write true or false, without quotes"
	case want != "":
		return "write " + want
	}
	return ""
}

const (
	unknownKey = "unknown key"
	notAllowed = "is not one of the allowed values"
)

// itemPath names an item of a list by its field name where it has one.
func itemPath(path string, i int, item any) string {
	if m, ok := item.(map[string]any); ok {
		if name, ok := m["name"].(string); ok && name != "" {
			return path + "[name=" + name + "]"
		}
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

// goType finds the type that a decoder wanted in what it says.
var goType = regexp.MustCompile(` of type \*?(\S+)$`)

// reason words a schema's error about v for somebody who does not know Go.
func reason(err error, v any) string {
	text := err.Error()
	if strings.Contains(text, "unknown field") {
		return unknownKey
	}
	if strings.Contains(text, "for enum") {
		return describe(v) + " " + notAllowed
	}
	if want := wanted(text); want != "" {
		return fmt.Sprintf("must be %s, not %s", want, describe(v))
	}
	return fmt.Sprintf("%s does not fit: %s", describe(v), text)
}

func wanted(text string) string {
	if strings.HasSuffix(text, "looking for beginning of value") {
		return "a number"
	}
	if strings.HasPrefix(text, "bad Duration") {
		return "a duration such as 10s"
	}
	m := goType.FindStringSubmatch(text)
	switch {
	case m == nil:
		return ""
	case m[1] == "bool":
		return "true or false"
	case m[1] == "string":
		return "a string"
	case strings.HasPrefix(m[1], "[]"):
		return "a list"
	case strings.Contains(m[1], "int"), strings.HasPrefix(m[1], "float"):
		return "a number"
	default:
		return "a map"
	}
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case string:
		return fmt.Sprintf("the string %q", v)
	case bool:
		return fmt.Sprintf("the boolean %t", v)
	default:
		return fmt.Sprintf("the number %v", v)
	}
}
