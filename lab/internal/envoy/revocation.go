package envoy

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"
)

// revocation says why a path, the root included, is not to be trusted by revocation lists in PEM. With lists, there has to be a
// current one of every CA of it.
// https://github.com/google/boringssl/blob/main/crypto/x509/x509_vfy.cc (check_revocation)
func revocation(path []*x509.Certificate, text []byte) error {
	var lists []*x509.RevocationList
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		l, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return err
		}
		lists = append(lists, l)
	}
	if len(lists) == 0 {
		return nil
	}
	for i, c := range path {
		l := listOf(path[min(i+1, len(path)-1)], lists)
		if l == nil {
			return fmt.Errorf("unable to get certificate CRL of %s", c.Issuer)
		}
		for _, e := range l.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
				return fmt.Errorf("certificate revoked: %s", c.Subject)
			}
		}
	}
	return nil
}

// listOf is the newest current list that ca has signed, nil for none.
func listOf(ca *x509.Certificate, lists []*x509.RevocationList) *x509.RevocationList {
	var out *x509.RevocationList
	for _, l := range lists {
		now := time.Now()
		if bytes.Equal(l.RawIssuer, ca.RawSubject) && l.CheckSignatureFrom(ca) == nil && now.After(l.ThisUpdate) && now.Before(l.NextUpdate) &&
			(out == nil || l.ThisUpdate.After(out.ThisUpdate)) {
			out = l
		}
	}
	return out
}
