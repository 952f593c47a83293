package certs

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Package x509 passes over what stands behind the last field of a sequence, and
// does not read some extensions to their end. BoringSSL does not read such a
// certificate at all. These are the shapes as RFC 5280 has them; what is read into
// one and written again is the same, or it was not that
// (https://www.rfc-editor.org/rfc/rfc5280#section-4.1).
type (
	shape struct {
		TBS       tbsShape
		Algorithm algorithmShape
		Signature asn1.BitString
	}
	tbsShape struct {
		Version    int `asn1:"optional,explicit,default:0,tag:0"`
		Serial     *big.Int
		Algorithm  algorithmShape
		Issuer     asn1.RawValue
		Validity   struct{ NotBefore, NotAfter asn1.RawValue }
		Subject    asn1.RawValue
		Key        keyShape
		IssuerID   asn1.BitString   `asn1:"optional,tag:1"`
		SubjectID  asn1.BitString   `asn1:"optional,tag:2"`
		Extensions []pkix.Extension `asn1:"omitempty,optional,explicit,tag:3"`
	}
	algorithmShape struct {
		Algorithm  asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	keyShape struct {
		Algorithm algorithmShape
		Key       asn1.BitString
	}
	basicShape struct {
		CA      bool `asn1:"optional"`
		PathLen int  `asn1:"optional,default:-1"`
	}
	listShape struct {
		TBS struct {
			Version    int `asn1:"optional,default:0"`
			Algorithm  algorithmShape
			Issuer     asn1.RawValue
			ThisUpdate time.Time
			NextUpdate time.Time                 `asn1:"optional"`
			Revoked    []pkix.RevokedCertificate `asn1:"optional"`
			Extensions []pkix.Extension          `asn1:"optional,explicit,tag:0"`
		}
		Algorithm algorithmShape
		Signature asn1.BitString
	}
	policyShape struct {
		ID         asn1.ObjectIdentifier
		Qualifiers asn1.RawValue `asn1:"optional"`
	}
)

// sameAgain says whether der has the shape T.
func sameAgain[T any](der []byte) error {
	var into T
	if rest, err := asn1.Unmarshal(der, &into); err != nil || len(rest) > 0 {
		return errEncoding
	}
	if again, err := asn1.Marshal(into); err != nil || !bytes.Equal(again, der) {
		return errEncoding
	}
	return nil
}

// wellFormed says whether BoringSSL reads a certificate at all. Package x509 does
// not see the extensions of one of an older version.
func wellFormed(c *x509.Certificate) error {
	if err := sameAgain[shape](c.Raw); err != nil {
		return err
	}
	var s shape
	if _, err := asn1.Unmarshal(c.Raw, &s); err != nil {
		return errEncoding
	}
	if len(s.TBS.Extensions) > 0 && s.TBS.Version != 2 { // which means 3
		return errors.New("has extensions, but not version 3")
	}
	return nil
}

// readable says what Envoy cannot read of a certificate that package x509 reads.
// BoringSSL reads these extensions whatever they are needed for
// (https://github.com/google/boringssl/blob/main/crypto/x509/v3_purp.cc, x509v3_cache_extensions).
func readable(c *x509.Certificate) error {
	if c.BasicConstraintsValid && !c.IsCA && c.MaxPathLen >= 0 {
		return errors.New("it has a path length, but is not a CA certificate")
	}
	for _, e := range c.Extensions {
		if err := readExtension(e); err != nil {
			return fmt.Errorf("its extension %s %w", e.Id, err)
		}
	}
	return nil
}

// readExtension reads the value of an extension to its end.
func readExtension(e pkix.Extension) error {
	switch id := e.Id; {
	case id.Equal(oidBasicConstraints):
		return sameAgain[basicShape](e.Value)
	case id.Equal(oidKeyUsage):
		return sameAgain[asn1.BitString](e.Value)
	case id.Equal(oidExtKeyUsage):
		return sameAgain[[]asn1.ObjectIdentifier](e.Value)
	case id.Equal(oidSubjectAltName):
		names, err := elements(e.Value)
		for _, n := range names {
			if _, err := parseGeneralName(n); err != nil {
				return err
			}
		}
		return err
	case id.Equal(oidNameConstraints):
		_, err := parseConstraints(e.Value)
		return err
	case id.Equal(oidCRLPoints):
		return sameAgain[[]asn1.RawValue](e.Value)
	case id.Equal(oidPolicies):
		return sameAgain[[]policyShape](e.Value)
	}
	return nil
}
