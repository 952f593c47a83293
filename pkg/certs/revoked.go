package certs

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"time"
)

// RevokedFile is what errors call a [Revoked] that cannot be read.
const RevokedFile = "revoked.json"

// revokedFormat is the version of [RevokedFile].
const revokedFormat = "setup-mesh.io/revoked/v1"

// A RevokedCA is the CA of a cluster that is revoked, or is to be.
type RevokedCA struct {
	Cluster string    `json:"cluster"`
	Serial  string    `json:"serial"` // hexadecimal
	Since   time.Time `json:"since"`  // when that was decided
	// Listed says that the root's list holds it; before, its cluster gets another CA and
	// its workloads other certificates.
	Listed bool `json:"listed,omitempty"`
	// Now says that nobody waits for these workloads.
	Now bool `json:"now,omitempty"`
}

// Is says whether it is c.
func (r RevokedCA) Is(c *x509.Certificate) bool { return r.Serial == SerialOf(c) }

// SerialOf is the serial number of a certificate, hexadecimal.
func SerialOf(c *x509.Certificate) string { return fmt.Sprintf("%x", c.SerialNumber) }

// Revoked is which CAs of a mesh are revoked, and the root's revocation list, which says
// so to proxies once there is one. It is immutable; nil is none.
type Revoked struct {
	cas  []RevokedCA
	list *x509.RevocationList // nil before the first is listed
}

// revokedState is what [Revoked.Encode] writes.
type revokedState struct {
	Format string      `json:"format"`
	CAs    []RevokedCA `json:"cas"`
	List   string      `json:"list,omitempty"` // PEM
}

// ParseRevoked reads what [Revoked.Encode] wrote, for the mesh of root: the list has to be
// signed by it, and to hold what is called listed. Errors are [*InputError]s.
func ParseRevoked(data []byte, root *Root) (*Revoked, error) {
	var s revokedState
	if err := json.Unmarshal(data, &s); err != nil || s.Format != revokedFormat || len(s.CAs) == 0 {
		return nil, wrong(RevokedFile, "is not what setup-mesh writes").hinted("put it back from a backup: it says which CAs are revoked")
	}
	r := &Revoked{cas: s.CAs}
	if s.List != "" {
		lists, err := revocations([]byte(s.List))
		if err != nil {
			return nil, wrong(RevokedFile, "holds a list that cannot be read: %w", err.Err)
		}
		r.list = lists[0]
		if !newLink(RootCertFile, 1, root.top()).signedList(r.list) {
			return nil, wrong(RevokedFile, "holds a list that root %s has not signed", root.Short()).hinted("put it and " + RootCertFile + " back from the same backup")
		}
	}
	for _, ca := range r.cas {
		if _, ok := new(big.Int).SetString(ca.Serial, 16); !ok {
			return nil, wrong(RevokedFile, "%q is not a serial number", printable(ca.Serial))
		}
		if ca.Listed && !r.holds(ca) {
			return nil, wrong(RevokedFile, "says that serial number %s of %s is revoked, but its list does not", ca.Serial, printable(ca.Cluster)).
				hinted("put it back from a backup: it says which CAs are revoked")
		}
	}
	return r, nil
}

// Encode is r as a file: nothing in it is secret.
func (r *Revoked) Encode() ([]byte, error) {
	s := revokedState{Format: revokedFormat, CAs: r.cas}
	if r.list != nil {
		s.List = string(listPEM(r.list))
	}
	data, err := json.MarshalIndent(s, "", "  ")
	return append(data, '\n'), err
}

// CAs are all that are revoked, or are to be, the oldest first.
func (r *Revoked) CAs() []RevokedCA {
	if r == nil {
		return nil
	}
	return slices.Clone(r.cas)
}

// InForce says whether the root has a list, so that proxies are to ask for one of every CA.
func (r *Revoked) InForce() bool { return r != nil && r.list != nil }

// Names is what is said of c, false for nothing.
func (r *Revoked) Names(c *x509.Certificate) (RevokedCA, bool) {
	for _, ca := range r.CAs() {
		if ca.Is(c) {
			return ca, true
		}
	}
	return RevokedCA{}, false
}

// In names the first certificate of a chain that is revoked, or is to be; "" for none.
func (r *Revoked) In(chain []*x509.Certificate) string {
	for _, c := range chain {
		if _, ok := r.Names(c); ok {
			return subject(c)
		}
	}
	return ""
}

// Pending is the CA that is to be revoked once its workloads have other certificates.
func (r *Revoked) Pending() (RevokedCA, bool) {
	for _, ca := range r.CAs() {
		if !ca.Listed {
			return ca, true
		}
	}
	return RevokedCA{}, false
}

// Adding is r with another one that is to be revoked.
func (r *Revoked) Adding(ca RevokedCA) *Revoked {
	ca.Listed = false
	out := &Revoked{cas: append(r.CAs(), ca)}
	if r != nil {
		out.list = r.list
	}
	return out
}

// Waiting is r with whether it is waited for the workloads of CAs that are to be revoked.
func (r *Revoked) Waiting(wait bool) *Revoked {
	out := &Revoked{cas: r.CAs(), list: r.list}
	for i := range out.cas {
		if !out.cas[i].Listed {
			out.cas[i].Now = !wait
		}
	}
	return out
}

// ErrNoList says that the root cannot sign a revocation list here.
var ErrNoList = errors.New("the root cannot sign a revocation list here")

// List is r with all of its CAs listed by the root, which must have its key here. The list
// is good until the root ends, and so needs no renewal: one that has expired would be an
// outage.
func (r *Revoked) List(rand io.Reader, now time.Time, root *Root) (*Revoked, error) {
	if err := root.CanList(); err != nil {
		return nil, err
	}
	key, ierr := privateKey(RootKeyFile, root.key.Bytes())
	if ierr != nil {
		return nil, fmt.Errorf("%w: its key is missing", ErrNoList)
	}
	out := &Revoked{cas: r.CAs()}
	var entries []x509.RevocationListEntry
	at := instant(now.Add(-Backdate)) // of the list, which tells of nothing that is later
	for i, ca := range out.cas {
		serial, _ := new(big.Int).SetString(ca.Serial, 16)
		since := instant(ca.Since)
		if since.After(at) {
			since = at
		}
		entries = append(entries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: since})
		out.cas[i].Listed = true
	}
	var err error
	out.list, err = signList(rand, now, root.top(), key, root.top().NotAfter, entries)
	return out, err
}

// CanList says why the root cannot sign a revocation list, given its key. Proxies need a
// list of every CA of a path: of a root above the CA that signs, too.
func (r *Root) CanList() error {
	switch {
	case r.Outside():
		return fmt.Errorf("%w: its key is with a signer, who signs certificates only", ErrNoList)
	case r.Tiered():
		return fmt.Errorf("%w: it is above the CA that signs (%s), and its key is not ours", ErrNoList, r.IssuerName())
	case r.top().KeyUsage&x509.KeyUsageCRLSign == 0:
		return fmt.Errorf("%w: its key usage lacks cRLSign", ErrNoList)
	case !r.CanSign():
		return fmt.Errorf("%w: its key is missing", ErrNoList)
	}
	return nil
}

// holds says whether the list has ca.
func (r *Revoked) holds(ca RevokedCA) bool {
	return r.list != nil && slices.ContainsFunc(r.list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
		return fmt.Sprintf("%x", e.SerialNumber) == ca.Serial
	})
}

// Digest stands for the list, "" for none.
func (r *Revoked) Digest() string {
	if !r.InForce() {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(r.list.Raw))
}

// signList makes a revocation list (https://www.rfc-editor.org/rfc/rfc5280#section-5).
// Its number is the time, so that a later one has a greater one.
func signList(rand io.Reader, now time.Time, issuer *x509.Certificate, key crypto.Signer, until time.Time, entries []x509.RevocationListEntry) (*x509.RevocationList, error) {
	der, err := x509.CreateRevocationList(rand, &x509.RevocationList{
		Number: big.NewInt(now.Unix()), ThisUpdate: instant(now.Add(-Backdate)), NextUpdate: instant(until), RevokedCertificateEntries: entries,
	}, issuer, key)
	if err != nil {
		return nil, fmt.Errorf("sign the revocation list of %s: %w", subject(issuer), err)
	}
	return x509.ParseRevocationList(der)
}

// listPEM is lists as the content of [CACRLFile].
func listPEM(lists ...*x509.RevocationList) []byte {
	var out bytes.Buffer
	for _, l := range lists {
		pem.Encode(&out, &pem.Block{Type: "X509 CRL", Bytes: l.Raw})
	}
	return out.Bytes()
}
