package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

// Extensions of certificates and CRLs that package x509 does not show as they
// stand: https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1
var (
	oidSubjectKeyID     = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidSubjectAltName   = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidBasicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidIssuingPoint     = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidNameConstraints  = asn1.ObjectIdentifier{2, 5, 29, 30}
	oidCRLPoints        = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidPolicies         = asn1.ObjectIdentifier{2, 5, 29, 32}
	oidPolicyMappings   = asn1.ObjectIdentifier{2, 5, 29, 33}
	oidAuthorityKeyID   = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidPolicyLimits     = asn1.ObjectIdentifier{2, 5, 29, 36}
	oidExtKeyUsage      = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidInhibitAnyPolicy = asn1.ObjectIdentifier{2, 5, 29, 54}
)

// extension is the value of an extension of c, which a certificate has at most
// once: x509 refuses it otherwise.
func extension(c *x509.Certificate, id asn1.ObjectIdentifier) (value []byte, ok bool) {
	for _, e := range c.Extensions {
		if e.Id.Equal(id) {
			return e.Value, true
		}
	}
	return nil, false
}

var errEncoding = errors.New("is not encoded as it must be")

// elements are what a SEQUENCE, or a SET, holds.
func elements(der []byte) ([]asn1.RawValue, error) {
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 || !outer.IsCompound {
		return nil, errEncoding
	}
	return values(outer.Bytes)
}

// values reads what stands one after the other in der.
func values(der []byte) ([]asn1.RawValue, error) {
	var all []asn1.RawValue
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return nil, errEncoding
		}
		all, der = append(all, v), rest
	}
	return all, nil
}

// keyIDs are what a certificate, or a CRL, says about the key that signed it, and a
// certificate about its own. Absent is nil; a key ID can be there and be empty.
type keyIDs struct {
	subject   []byte
	authority []byte
	serial    *big.Int // of the certificate of the authority
	issuer    dn       // of the certificate of the authority
}

// keyIDsOf reads the key IDs of a certificate.
func keyIDsOf(c *x509.Certificate) (keyIDs, error) {
	var ids keyIDs
	if value, ok := extension(c, oidAuthorityKeyID); ok {
		var err error
		if ids, err = parseAuthority(value); err != nil {
			return ids, fmt.Errorf("its authority key identifier %w", err)
		}
	}
	if value, ok := extension(c, oidSubjectKeyID); ok {
		ids.subject = []byte{}
		if rest, err := asn1.Unmarshal(value, &ids.subject); err != nil || len(rest) > 0 {
			return ids, fmt.Errorf("its subject key identifier %w", errEncoding)
		}
	}
	return ids, nil
}

// parseAuthority reads an authority key identifier
// (https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.1).
func parseAuthority(value []byte) (keyIDs, error) {
	var ids keyIDs
	fields, err := elements(value)
	if err != nil {
		return ids, err
	}
	last := -1
	for _, f := range fields {
		if f.Class != asn1.ClassContextSpecific || f.Tag <= last {
			return ids, errEncoding
		}
		switch last = f.Tag; f.Tag {
		case 0:
			ids.authority = append([]byte{}, f.Bytes...)
		case 1:
			if ids.issuer, err = firstDirectory(f.Bytes); err != nil {
				return ids, err
			}
		case 2:
			whole := bytes.Clone(f.FullBytes)
			whole[0] = asn1.TagInteger
			if rest, err := asn1.Unmarshal(whole, &ids.serial); err != nil || len(rest) > 0 {
				return ids, errEncoding
			}
		default:
			return ids, errEncoding
		}
	}
	return ids, nil
}

// firstDirectory is the first directory name among general names; nil for none.
func firstDirectory(der []byte) (dn, error) {
	names, err := values(der)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if n.Class == asn1.ClassContextSpecific && n.Tag == tagDirectory {
			return parseDN(n.Bytes)
		}
	}
	return nil, nil
}

// contradict says whether these IDs, of something that was signed, rule out that
// a certificate is the one that signed: serial and issuer are that certificate's.
func (ids keyIDs) contradict(signer keyIDs, serial *big.Int, issuer dn) bool {
	switch {
	case ids.authority != nil && signer.subject != nil && !bytes.Equal(ids.authority, signer.subject):
		return true
	case ids.serial != nil && ids.serial.Cmp(serial) != 0:
		return true
	}
	return ids.issuer != nil && !ids.issuer.equal(issuer)
}
