package tree

import (
	"strings"

	"github.com/setup-mesh/setup-mesh/pkg/topology/internal/names"
)

// A Shape is what a value has to be, as messages say it.
type Shape string

// The shapes of values.
const (
	AMapping Shape = "a mapping"
	AList    Shape = "a list"
	AText    Shape = "text"
	ABoolean Shape = "true or false"
	ANumber  Shape = "a whole number"
)

// MustBe adds that t, at path, has not the shape that it has to have, and how it would be written.
func (ps *Problems) MustBe(want Shape, t *Tree, path string) {
	if t.Kind == Scalar && (want == ABoolean || want == ANumber) {
		ps.Add(t.At, path, HowToWrite(want, t), "must be %s, not %s", want, names.Quote(t.Text))
		return
	}
	ps.Add(t.At, path, HowToWrite(want, t), "must be %s", want)
}

// HowToWrite is the hint for a value t that is to have another shape.
func HowToWrite(want Shape, t *Tree) string {
	switch want {
	case AMapping:
		if t.Kind == Sequence {
			return `write NAME: "value" instead of a list`
		}
		return "write its keys on the lines below it, indented, each with its value: KEY: VALUE"
	case AList:
		if t.Kind == Scalar && names.DNSSubdomain.Allows(t.Text) {
			return "write [" + t.Text + "]"
		}
		return "write each item on a line of its own below it, after a dash: - ITEM"
	case ABoolean:
		switch strings.ToLower(t.Text) {
		case "true", "yes", "on", "y":
			return "write true, without quotes"
		case "false", "no", "off", "n":
			return "write false, without quotes"
		}
		return "write true or false"
	case ANumber:
		if t.Quoted {
			return "write digits, without quotes"
		}
		return "write digits only"
	default:
		return "write one word after the colon, or text in quotes"
	}
}
