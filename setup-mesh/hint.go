package main

import (
	"errors"
	"io/fs"
	"os"
)

// A hintedError is an error with a remedy, which is printed on a line of its own.
type hintedError struct {
	error
	hint string
}

func withHint(err error, hint string) error { return &hintedError{err, hint} }

func (e *hintedError) Unwrap() error { return e.error }

// Hint is what to do about the error.
func (e *hintedError) Hint() string { return e.hint }

// hintOf is the hint of an error, "" if it has none.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// cause is err without the name of the system call and of the file, which the
// caller says in the user's words, and without a hint.
func cause(err error) error {
	switch e := err.(type) { //nolint:errorlint // a wrapped one keeps its words
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	case *hintedError:
		return e.error
	}
	return err
}
