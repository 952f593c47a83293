package workdir

import (
	"errors"
	"io/fs"
	"os"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// An Error is about one of the user's files, or about a name that the user gave.
type Error struct {
	Subject string // the file as the user typed it, "" where Err says it all
	Err     error
	Fix     string // what to do about it; may be empty
}

func (e *Error) Error() string {
	if e.Subject == "" {
		return e.Err.Error()
	}
	return e.Subject + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Remedy is what to do about the error, "" if that is not known.
func (e *Error) Remedy() string { return e.Fix }

// about is err without the name of the system call and of the file, which
// subject says in the user's words.
func about(subject string, err error) *Error {
	switch e := err.(type) { //nolint:errorlint // a wrapped one keeps its words
	case *fs.PathError:
		err = e.Err
	case *os.LinkError:
		err = e.Err
	}
	return &Error{Subject: subject, Err: err}
}

// About is err about a file or another text of the user's, called name, where err is
// about a certificate, a key or a request in it; any other stays as it is.
func About(name string, err error) error {
	if e, ok := errors.AsType[*certs.InputError](err); ok {
		return &Error{Subject: name, Err: e.Err, Fix: e.Hint}
	}
	return err
}

// wrong is an error that no system call returned.
func wrong(subject, what, fix string) *Error {
	return &Error{Subject: subject, Err: errors.New(what), Fix: fix}
}
