package certs

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A dn is a distinguished name in the form in which BoringSSL, and with it Envoy,
// compares names: case of ASCII letters, kind of string and white space do not
// count. Package x509, and with it istiod, compares bytes. One element is one RDN.
type dn []string

var errEmptyRDN = errors.New("has a name with an empty part")

// parseDN reads an encoded Name.
func parseDN(der []byte) (dn, error) {
	rdns, err := elements(der)
	if err != nil || der[0] != sequenceTag {
		return nil, errEncoding
	}
	name := dn{}
	for _, rdn := range rdns {
		attributes, err := elements(rdn.FullBytes)
		if err != nil || rdn.FullBytes[0] != setTag {
			return nil, errEncoding
		}
		if len(attributes) == 0 {
			return nil, errEmptyRDN
		}
		var folded []string
		for _, a := range attributes {
			f, err := foldAttribute(a.FullBytes)
			if err != nil {
				return nil, err
			}
			folded = append(folded, f)
		}
		slices.Sort(folded) // an RDN is a set
		name = append(name, strings.Join(folded, "+"))
	}
	return name, nil
}

func (n dn) equal(other dn) bool { return slices.Equal(n, other) }

// below says whether n is base, or lies below it.
func (n dn) below(base dn) bool { return len(n) >= len(base) && slices.Equal(n[:len(base)], base) }

// foldAttribute is a type and its value. Lengths stand before both, so that no
// value can look like a type or like two attributes.
func foldAttribute(der []byte) (string, error) {
	parts, err := elements(der)
	if err != nil || der[0] != sequenceTag || len(parts) != 2 || parts[0].FullBytes[0] != asn1.TagOID {
		return "", errEncoding
	}
	value, err := foldString(parts[1])
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d,%d,%s%s", len(parts[0].Bytes), len(value), parts[0].Bytes, value), nil
}

// Tags that encoding/asn1 has no name for.
const (
	sequenceTag  = 0x30
	setTag       = 0x31
	tagVisible   = 26
	tagUniversal = 28
)

// foldString is a string without what does not count.
func foldString(v asn1.RawValue) (string, error) {
	var runes []rune
	switch {
	case v.Class != asn1.ClassUniversal || v.IsCompound:
		return "", errEncoding
	case v.Tag == asn1.TagUTF8String:
		if !utf8.Valid(v.Bytes) {
			return "", errEncoding
		}
		runes = []rune(string(v.Bytes))
	case v.Tag == asn1.TagBMPString:
		units, err := units(v.Bytes, 2)
		if err != nil {
			return "", err
		}
		runes = units
		if slices.ContainsFunc(runes, utf16.IsSurrogate) {
			return "", errEncoding
		}
	case v.Tag == tagUniversal:
		units, err := units(v.Bytes, 4)
		if err != nil {
			return "", err
		}
		runes = units
	case slices.Contains([]int{asn1.TagPrintableString, asn1.TagT61String, asn1.TagIA5String, tagVisible}, v.Tag):
		for _, b := range v.Bytes {
			runes = append(runes, rune(b)) // Latin-1
		}
	case v.Tag == asn1.TagNumericString:
		return string(v.FullBytes), nil
	default:
		return "", errEncoding
	}
	return "s" + fold(runes), nil
}

// units reads big endian code units of a size.
func units(b []byte, size int) ([]rune, error) {
	if len(b)%size != 0 {
		return nil, errEncoding
	}
	var runes []rune
	for unit := range slices.Chunk(b, size) {
		var u uint32
		for _, x := range unit {
			u = u<<8 | uint32(x)
		}
		if u > utf8.MaxRune {
			return nil, errEncoding
		}
		runes = append(runes, rune(u))
	}
	return runes, nil
}

// fold puts ASCII letters in lower case, and one space for all white space
// between words.
func fold(runes []rune) string {
	space := func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }
	lower := func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	return strings.Join(strings.FieldsFunc(strings.Map(lower, string(runes)), space), " ")
}
