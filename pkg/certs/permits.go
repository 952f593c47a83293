package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"time"
)

// Permits says whether the name constraints of the root, if it has any, let its
// intermediates vouch for what id names. The error says which name they rule out.
//
// The root's key is not needed: a stand-in with the same name and constraints
// signs. Nothing of it is kept, so that randomness is not an argument here.
func (r *Root) Permits(now time.Time, id Identity) error {
	i := slices.IndexFunc(r.Cert().Extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidNameConstraints) })
	if i < 0 {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), RawSubject: r.Cert().RawSubject,
		NotBefore: instant(now.Add(-Backdate)), NotAfter: instant(now.Add(2 * probeLifetime)),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLen: -1,
		ExtraExtensions: []pkix.Extension{r.Cert().Extensions[i]},
	}
	c, err := sign(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return err
	}
	k, err := keyPEM(key)
	if err != nil {
		return err
	}
	standIn := &Root{certs: []*x509.Certificate{c}, key: k}
	_, err = standIn.Intermediate(rand.Reader, now, id)
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.CANotAuthorizedForThisName {
		return errors.New(invalid.Detail)
	}
	if ruledOut, ok := errors.AsType[*constraintError](err); ok {
		return ruledOut
	}
	return err
}
