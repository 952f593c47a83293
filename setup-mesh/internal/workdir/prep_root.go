package workdir

import (
	"context"
	"fmt"
	"time"

	"github.com/setup-mesh/setup-mesh/pkg/certs"
)

// rootWarning is how long before its end the root is worth a word. Its successor
// must reach every cluster before.
const rootWarning = 60 * 24 * time.Hour

// judgeRoot keeps the root that is there, or makes one. Half of one is an error
// if it is the key, and worth a note if it is the certificate.
func (p *preparation) judgeRoot(ctx context.Context) (cert, key File, err error) {
	cert, key = p.judgeFile(RootCertFile), p.judgeFile(RootKeyFile)
	switch {
	case cert.Action == Created && key.Action == Kept:
		return cert, key, p.dir.keyWithoutCert()
	case cert.Action == Created:
		return cert, key, p.newRoot()
	}
	if p.dir.tracked(ctx, RootKeyFile) {
		key.Notes = append(key.Notes, "git tracks this key, so everybody who can read the repository can sign for the mesh: take it out with git rm --cached, and start over with a new root")
	}
	root, err := p.dir.Root()
	if err != nil {
		return cert, key, err
	}
	if !root.CanSign() {
		key.Action = Absent
		key.Notes = append(key.Notes, "is needed to add a cluster and to renew a cluster's CA: put it back for that; prep makes no new key for a certificate that exists")
	}
	cert.Notes = rootNotes(root, p.report.MeshID, p.o.Org, p.o.Now)
	p.report.Root = factsOf(root)
	return cert, key, nil
}

// newRoot makes a root. Its key is made first: a kill after it leaves a key
// that nobody knows, and never a certificate without the key.
func (p *preparation) newRoot() error {
	cert, key, err := certs.NewRoot(p.o.Rand, p.o.Now, p.report.MeshID, p.o.Org)
	if err != nil {
		return fmt.Errorf("make the root: %w", err)
	}
	root, err := certs.ParseRoot(cert, &key)
	if err != nil {
		return fmt.Errorf("make the root: %w", err)
	}
	p.report.Root = factsOf(root)
	p.create = append(p.create, newFile{RootKeyFile, key.Bytes(), 0o600}, newFile{RootCertFile, cert, 0o644})
	return nil
}

// rootNotes says where a root that is kept is not what was asked for.
func rootNotes(root *certs.Root, mesh, org string, now time.Time) []string {
	var notes []string
	if made := root.Mesh(); made != "" && made != mesh {
		notes = append(notes, fmt.Sprintf("is the root of mesh %q, not of %q; it is kept", made, mesh))
	}
	if has := root.Organization(); org != "" && has != org {
		notes = append(notes, fmt.Sprintf("its organization is %q, not %q; it is kept, and the clusters' CAs use it", has, org))
	}
	end := root.Cert().NotAfter
	switch left := end.Sub(now); {
	case left < 0:
		notes = append(notes, fmt.Sprintf("expired on %s: no cluster trusts what it signs", end.Format(time.DateOnly)))
	case left < rootWarning:
		notes = append(notes, fmt.Sprintf("expires on %s, in %d days", end.Format(time.DateOnly), int(left.Hours()/24)))
	}
	return notes
}

func factsOf(r *certs.Root) RootFacts {
	return RootFacts{
		Name: r.Name(), Mesh: r.Mesh(), Algorithm: certs.Algorithm(r.Cert()),
		Fingerprint: r.Fingerprint(), NotAfter: r.Cert().NotAfter,
	}
}
