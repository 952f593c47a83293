package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// RequestFile is what errors call a CSR.
const RequestFile = "request"

// A Request is a CSR for the intermediate CA of a cluster, and the key that it is
// about. It is immutable.
type Request struct {
	key Secret
	csr []byte // PEM
}

// CSR is the request as PEM: nothing in it is secret.
func (q *Request) CSR() []byte { return slices.Clone(q.csr) }

// Key is the private key, as PKCS#8 in PEM: it belongs into the cluster's cacerts, and
// until then into one file that only the user can read.
func (q *Request) Key() Secret { return q.key }

// Request makes a key and a CSR for the intermediate CA of a cluster. The CSR asks for
// what such a certificate must have, for signers that go by it: CA with pathlen:0, key
// usages, the DNS name of istiod.
func (r *Root) Request(rand io.Reader, now time.Time, id Identity) (*Request, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand)
	if err != nil {
		return nil, fmt.Errorf("generate the key: %w", err)
	}
	key, err := keyPEM(k)
	if err != nil {
		return nil, err
	}
	return r.RequestFor(rand, now, key, id)
}

// RequestFor is [Root.Request] for a key that there is.
func (r *Root) RequestFor(rand io.Reader, now time.Time, key Secret, id Identity) (*Request, error) {
	serial, err := newSerial(rand)
	if err != nil {
		return nil, err
	}
	k, ierr := privateKey(CAKeyFile, key.Bytes())
	if ierr != nil {
		return nil, ierr
	}
	extensions, err := asked()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand, &x509.CertificateRequest{
		Subject: r.name(serial, now, id), DNSNames: id.istiod()[:1], ExtraExtensions: extensions,
	}, k)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	return &Request{key: key, csr: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})}, nil
}

// asked are the extensions that a CSR asks for: basic constraints and key usage
// (https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3 and 4.2.1.9).
func asked() ([]pkix.Extension, error) {
	constraints, err := asn1.Marshal(struct {
		IsCA       bool
		MaxPathLen int
	}{true, 0})
	if err != nil {
		return nil, fmt.Errorf("encode the basic constraints: %w", err)
	}
	const digitalSignature, certSign, crlSign = 0x80, 0x04, 0x02
	usage, err := asn1.Marshal(asn1.BitString{Bytes: []byte{digitalSignature | certSign | crlSign}, BitLength: 7})
	if err != nil {
		return nil, fmt.Errorf("encode the key usage: %w", err)
	}
	return []pkix.Extension{
		{Id: asn1.ObjectIdentifier{2, 5, 29, 19}, Critical: true, Value: constraints},
		{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: usage},
	}, nil
}

// RequestedFor is the cluster that a CSR was made for, as it says itself: the L of its
// subject, "" if there is none. The error is an [*InputError].
func RequestedFor(csr []byte) (string, error) {
	q, err := parseRequest(csr)
	if err != nil {
		return "", err
	}
	return printable(strings.Join(q.Subject.Locality, ", ")), nil
}

// parseRequest reads a CSR whose sender has the key that it is about.
func parseRequest(csr []byte) (*x509.CertificateRequest, error) {
	found, ierr := blocks(RequestFile, csr)
	if ierr != nil {
		return nil, ierr
	}
	if len(found) > 1 || found[0].Type != "CERTIFICATE REQUEST" && found[0].Type != "NEW CERTIFICATE REQUEST" {
		return nil, wrong(RequestFile, "holds %d PEM blocks (%s first), one CERTIFICATE REQUEST expected", len(found), kind(found[0]))
	}
	q, err := x509.ParseCertificateRequest(found[0].Bytes)
	if err != nil {
		return nil, wrong(RequestFile, "cannot be read: %w", err)
	}
	if err := q.CheckSignature(); err != nil {
		return nil, wrong(RequestFile, "is not signed by the key that it is about: %w", err)
	}
	if err := fitKey(q.PublicKey, algorithm(q.PublicKey, q.PublicKeyAlgorithm)); err != nil {
		return nil, wrong(RequestFile, "%w", err)
	}
	return q, nil
}
