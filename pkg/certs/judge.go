package certs

import "time"

// A Verdict says what a certificate's dates ask for.
type Verdict string

// The verdicts.
const (
	Fresh       Verdict = "fresh"
	Due         Verdict = "due" // valid, and time to be replaced
	Expired     Verdict = "expired"
	NotYetValid Verdict = "not yet valid"
)

// Judge says whether a certificate valid from notBefore until notAfter should
// be replaced at now. It is due once less than a third of its lifetime is
// left. Judge reads no clock; pass the same now to every certificate of one
// plan so that they agree. Both ends belong to the lifetime
// (https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5).
func Judge(notBefore, notAfter, now time.Time) Verdict {
	switch {
	case now.Before(notBefore):
		return NotYetValid
	case now.After(notAfter):
		return Expired
	case notAfter.Sub(now) < notAfter.Sub(notBefore)/3:
		return Due
	}
	return Fresh
}
