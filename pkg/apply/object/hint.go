package object

import (
	"errors"
)

// Absent says whether err is that an object is not there.
func Absent(err error) bool { return errors.Is(err, ErrNotFound) }

// HintOf is the remedy that err carries, "" if it has none.
func HintOf(err error) string {
	if e, ok := errors.AsType[hinted](err); ok {
		return e.Remedy()
	}
	return ""
}

// A hinted error carries a remedy.
type hinted interface {
	error
	Remedy() string
}

// DetailOf is what the remedy of err speaks of, "" for nothing more.
func DetailOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Detail
	}
	return ""
}
