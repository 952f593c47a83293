package view

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/apply/check"
	"github.com/setup-mesh/setup-mesh/pkg/jsonschema"
	"github.com/setup-mesh/setup-mesh/setup-mesh/internal/explain"
)

// Explain prints what is known of places in the user's files.
func Explain(w io.Writer, answers []explain.Answer) {
	for i, a := range answers {
		if i > 0 {
			say(w, "")
		}
		explainOne(w, a)
	}
}

func explainOne(w io.Writer, a explain.Answer) {
	s := a.Schema
	row := func(label, words string) {
		if words != "" {
			say(w, "%-11s%s", label, words)
		}
	}
	row("file", a.File)
	row("path", a.Path)
	row("type", typeOf(s))
	row("default", inline(s.Default))
	for _, e := range s.Examples {
		row("example", inline(e))
	}
	row("reference", a.Reference)
	if s.Description != "" {
		say(w, "")
	}
	for _, line := range strings.Split(s.Description, "\n") {
		for _, part := range wrapped(line, textWidth) {
			say(w, "%s", part)
		}
	}
	explainKeys(w, a.Keys, s.Required)
}

// ExplainCheck prints what a check is about, what its findings mean and what to do about them.
func ExplainCheck(w io.Writer, c check.Check) {
	say(w, "%-11s%s", "check", c.ID)
	say(w, "%-11s%s", "is a", c.Kind())
	for _, q := range c.Asks {
		say(w, "%-11s%s", "asks for", string(q))
	}
	say(w, "%-11s%s#%s", "reference", check.Page, check.Anchor(c.ID))
	for _, paragraph := range strings.Split(c.Means, "\n\n") {
		say(w, "")
		for _, item := range items(paragraph) {
			indent := painted(strings.Repeat(" ", len(item)-len(strings.TrimPrefix(item, "- "))))
			for i, line := range wrapped(item, textWidth-len(indent)) {
				if i == 0 {
					say(w, "%s", line)
				} else {
					say(w, "%s%s", indent, line)
				}
			}
		}
	}
}

// items are those of a list in Markdown, or else the paragraph as it is. Words keep their
// marks: they say what is to be typed.
func items(paragraph string) []string {
	if !strings.HasPrefix(paragraph, "- ") {
		return []string{paragraph}
	}
	out := strings.Split(paragraph, "\n- ")
	for i := range out[1:] {
		out[i+1] = "- " + out[i+1]
	}
	return out
}

// explainKeys lists the keys below a place: those of today, then the names of those of
// other times.
func explainKeys(w io.Writer, keys []explain.Key, required []string) {
	width := 0
	var old []string
	for _, k := range keys {
		if k.Schema.Deprecated {
			old = append(old, k.Name)
			continue
		}
		width = max(width, len(k.Name))
	}
	if len(keys) > len(old) {
		say(w, "\nkeys")
	}
	for _, k := range keys {
		if k.Schema.Deprecated {
			continue
		}
		words := typeOf(k.Schema)
		if slices.Contains(required, k.Name) {
			words += ", required"
		}
		if k.Schema.ReadOnly {
			words += ", not yours to set"
		}
		say(w, "%s", strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, k.Name, words), " "))
	}
	if len(old) == 0 {
		return
	}
	slices.Sort(old)
	say(w, "\ndeprecated, or of another time")
	for _, line := range wrapped(strings.Join(old, ", "), textWidth-2) {
		say(w, "  %s", line)
	}
}

// typeOf says in words what a value may be, "" for anything.
func typeOf(s *jsonschema.Schema) string {
	if len(s.Enum) > 0 {
		var all []string
		for _, v := range s.Enum {
			if v != nil {
				all = append(all, fmt.Sprint(v))
			}
		}
		return "one of " + strings.Join(all, ", ")
	}
	var words []string
	for _, t := range s.Type {
		word := map[string]string{
			"string": "text", "boolean": "true or false", "integer": "number", "number": "number", "object": "mapping", "array": "list",
		}[t]
		if word == "" || word == "text" && s.Pattern != "" && len(words) > 0 { // null; or a number in quotes
			continue
		}
		if t == "array" && s.Items != nil {
			if of := typeOf(s.Items); of != "" {
				word += " of " + of
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, " or ")
}

// inline is a value on one line, "" for none.
func inline(v any) string {
	if v == nil {
		return ""
	}
	if text, ok := v.(string); ok {
		return text
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
